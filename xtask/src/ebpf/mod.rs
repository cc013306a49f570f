//! The kernel side's object: built by a toolchain of its own, committed beside the record of how.
//!
//! Who only wants to run or change the agent needs none of this: the committed object is embedded. `check` keeps it
//! honest. It never writes to the committed files; `build` alone does.

mod record;
mod stage;
mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use self::{
    record::Record,
    stage::Stage,
    toolchain::{Family, Toolchain},
};
use crate::{artifacts, sh, test};

#[derive(Subcommand)]
pub enum Command {
    /// Build the object and commit-ready record in agent-ebpf/prebuilt.
    Build,
    /// Lint the kernel side, rebuild the object and compare it byte for byte; with another toolchain, run the kernel tests on the new one.
    Check,
}

/// The environment variable that makes the agent load another object than the embedded one.
pub const OBJECT_VARIABLE: &str = "NIGHTJAR_BPF_OBJECT";

fn prebuilt() -> PathBuf {
    sh::root().join("agent-ebpf/prebuilt")
}

fn committed_object() -> PathBuf {
    prebuilt().join("nightjar.bpf.o")
}

fn committed_record() -> PathBuf {
    prebuilt().join("toolchain.toml")
}

pub fn build() -> Result<()> {
    let toolchain = Toolchain::obtain()?;
    let object = compile(&toolchain)?;
    let record = Record::new(&object, record::sources_digest(&sh::root())?, toolchain.identity, flags());
    sh::write_file(&committed_object(), &object)?;
    sh::write_file(&committed_record(), record.to_text()?)?;
    println!("wrote {} ({} bytes) and its record", committed_object().display(), object.len());
    Ok(())
}

/// Compares digests alone: quick, and needs no toolchain.
pub fn check_digests() -> Result<Record> {
    let record = Record::from_text(&sh::read_file(&committed_record())?)
        .with_context(|| format!("parse {}", committed_record().display()))?;
    let object =
        fs::read(committed_object()).with_context(|| format!("read {}", committed_object().display()))?;
    record.agrees(&object, &record::sources_digest(&sh::root())?, &flags())?;
    Ok(record)
}

pub fn check() -> Result<()> {
    let record = check_digests()?;
    println!("the committed object, its sources and its record agree by digest");
    let toolchain = Toolchain::obtain()?;
    lint(&toolchain)?;
    let object = compile(&toolchain)?;
    let rebuilt = sh::root().join("target/ebpf/nightjar.bpf.o");
    sh::write_file(&rebuilt, &object)?;
    if toolchain.identity == record.toolchain {
        if record::digest(&object) != record.object.sha256 {
            bail!(
                "the recorded toolchain makes another object from these sources: compare {} with {}",
                rebuilt.display(),
                committed_object().display()
            );
        }
        println!("rebuilt with the recorded toolchain: byte for byte the same");
        return Ok(());
    }
    println!(
        "the recorded toolchain is not to be had here: running the kernel tests on an object built by {}",
        toolchain.identity
    );
    let artifacts = artifacts::build()?;
    let report = test::kernel(&artifacts, None, &[(OBJECT_VARIABLE, rebuilt.as_os_str())])?;
    if report.failed > 0 {
        bail!("{} kernel tests failed on the object built by {}", report.failed, toolchain.identity);
    }
    println!("the object built by {} passes the {} kernel tests", toolchain.identity, report.passed);
    Ok(())
}

/// What shapes the object besides sources and toolchain; the paths that differ between machines are not among it.
fn flags() -> Vec<String> {
    let fixed = ["-Cdebuginfo=2", "-Clink-arg=--btf", "--remap-path-scope=macro,debuginfo,coverage,object"];
    fixed.map(str::to_owned).to_vec()
}

const TARGET: &str = "bpfel-unknown-none";

fn lint(toolchain: &Toolchain) -> Result<()> {
    let mut clippy = toolchain.clippy(&sh::root().join("agent-ebpf"))?;
    clippy.env("CARGO_TARGET_DIR", sh::root().join("target/ebpf/clippy"));
    clippy.args([
        "--locked",
        "--release",
        "--target",
        TARGET,
        "-Zbuild-std=core",
        "--",
        "--deny",
        "warnings",
    ]);
    sh::run(&mut clippy).context("lint agent-ebpf")
}

fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let stage = Stage::lay(&sh::root(), &sh::root().join("target/ebpf/stage"))?;
    let mut words = flags();
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    words.push(remap(&stage.dir, "/nightjar"));
    words.push(remap(&toolchain.sysroot.join("lib/rustlib/src/rust"), "/rust"));
    for package in stage.foreign_packages(toolchain)? {
        words.push(remap(&package.dir, &format!("/cargo/{}", package.name)));
    }
    let target_dir = sh::root().join("target/ebpf/build");
    let mut cargo = toolchain.cargo(&stage.dir)?;
    cargo.env("CARGO_ENCODED_RUSTFLAGS", words.join("\u{1f}")).env("CARGO_TARGET_DIR", &target_dir);
    cargo.args(["build", "--locked", "--release", "--package", "nightjar-ebpf", "--target", TARGET]);
    cargo.arg("-Zbuild-std=core");
    sh::run(&mut cargo).context("build agent-ebpf")?;
    let linked = target_dir.join(TARGET).join("release/nightjar");
    let stripped = target_dir.join("nightjar.bpf.o");
    // DWARF was needed to make BTF from and is five sixths of the file. BTF stays.
    sh::run(std::process::Command::new(&toolchain.objcopy).arg("--strip-debug").args([&linked, &stripped]))?;
    fs::read(&stripped).with_context(|| format!("read {}", stripped.display()))
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Family::Debian => "Debian's packages",
            Family::Nightly => "rustup's nightly",
        })
    }
}
