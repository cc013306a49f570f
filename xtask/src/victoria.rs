//! VictoriaLogs, a database of logs that takes what Loki takes, and more: built from Debian's source package with Debian's
//! Go, below target/. Nothing is installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{apt::Apt, sh};

const SUITE: &str = "trixie";
const SOURCE: &str = "victoria-metrics";
const GO: &str = "usr/lib/go-1.24";
const GOPATH: &str = "usr/share/gocode";
/// Where the source is to lie in GOPATH.
const PLACE: &str = "src/github.com/VictoriaMetrics/VictoriaMetrics";

/// The compiler, and what of the source's dependencies this one program needs.
const PACKAGES: &[&str] = &[
    "golang-1.24-go",
    "golang-1.24-src",
    "golang-github-cespare-xxhash-dev",
    "golang-github-golang-snappy-dev",
    "golang-github-klauspost-compress-dev",
    "golang-github-valyala-bytebufferpool-dev",
    "golang-github-valyala-fastjson-dev",
    "golang-github-valyala-fastrand-dev",
    "golang-github-valyala-fasttemplate-dev",
    "golang-github-valyala-histogram-dev",
    "golang-github-valyala-quicktemplate-dev",
    "golang-github-victoriametrics-easyproto-dev",
    "golang-github-victoriametrics-metrics-dev",
    "golang-github-victoriametrics-metricsql-dev",
    "golang-golang-x-sys-dev",
];

/// The program; built unless it is there.
pub fn provide() -> Result<PathBuf> {
    let dir = sh::root().join("target/victoria");
    let program = dir.join("victoria-logs");
    if program.exists() {
        return Ok(program);
    }
    println!("building VictoriaLogs from Debian's source below target/: it takes Loki's push request");
    let apt = Apt::new(SUITE, dir.join("apt"))?;
    sh::run(apt.get().current_dir(&apt.dir).arg("download").args(PACKAGES))?;
    sh::run(apt.get().current_dir(&apt.dir).args(["source", "--download-only", SOURCE]))?;
    let root = dir.join("root");
    let (go, gopath) = (root.join(GO), root.join(GOPATH));
    for package in files(&apt.dir, "deb")? {
        sh::run(Command::new("dpkg").arg("-x").args([&package, &root]))?;
    }
    let place = gopath.join(PLACE);
    for source in files(&apt.dir, "dsc")? {
        sh::run(Command::new("dpkg-source").args(["--extract", "--no-check"]).arg(source).arg(&place))?;
    }
    let mut build = Command::new(go.join("bin/go"));
    build.args(["build", "-o"]).arg(&program).arg("./app/victoria-logs").current_dir(&place);
    build.env("GOROOT", &go).env("GOPATH", &gopath).env("GOCACHE", dir.join("cache"));
    build.envs([("GO111MODULE", "off"), ("CGO_ENABLED", "0"), ("GOFLAGS", ""), ("GOTOOLCHAIN", "local")]);
    sh::run(&mut build).context("build VictoriaLogs")?;
    for done in [apt.dir, root, dir.join("cache")] {
        fs::remove_dir_all(&done).with_context(|| format!("remove {}", done.display()))?;
    }
    Ok(program)
}

fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    let paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)).collect())
}
