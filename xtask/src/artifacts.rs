//! Builds the whole workspace once and gives what can be run: the test programs and `nightjar`.
//!
//! `cargo test -p X` and `cargo run` each choose their own set of features for shared dependencies and build them
//! again. One build of everything, whose programs are then started one by one, needs half the time.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::sh;

/// Name of the agent's binary.
const AGENT: &str = "nightjar";

pub struct Artifacts {
    pub tests: Vec<TestProgram>,
    /// The agent itself.
    pub nightjar: PathBuf,
}

/// One compiled test program.
pub struct TestProgram {
    pub package: String,
    /// `lib`, `main` or the name of the file in tests/.
    pub target: String,
    /// The package's directory: tests run there.
    pub dir: PathBuf,
    pub path: PathBuf,
}

/// One line of `cargo build --message-format=json`, as far as it matters.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

pub fn build() -> Result<Artifacts> {
    let mut command = sh::cargo();
    command.args(["build", "--workspace", "--lib", "--bins", "--tests"]);
    let mut tests = Vec::new();
    let mut nightjar = None;
    for program in made_by(&mut command)? {
        match program {
            Program::Test(test) => tests.push(test),
            Program::Binary { name, path } if name == AGENT => nightjar = Some(path),
            Program::Binary { .. } => {}
        }
    }
    Ok(Artifacts {
        tests,
        nightjar: nightjar.with_context(|| format!("the workspace has no binary named {AGENT}"))?,
    })
}

/// Builds one test program with a cargo command of the caller's.
pub fn build_test(command: &mut Command, target: &str) -> Result<PathBuf> {
    let test = made_by(command)?.into_iter().find_map(|program| match program {
        Program::Test(test) if test.target == target => Some(test.path),
        Program::Test(_) | Program::Binary { .. } => None,
    });
    test.with_context(|| format!("{} makes no test named {target}", sh::line(command)))
}

/// Builds the agent and one test program or bench with a cargo command of the caller's.
pub fn build_agent_and(command: &mut Command, target: &str) -> Result<(PathBuf, PathBuf)> {
    let (mut nightjar, mut other) = (None, None);
    for program in made_by(command)? {
        match program {
            Program::Binary { name, path } if name == AGENT => nightjar = Some(path),
            Program::Test(test) if test.target == target => other = Some(test.path),
            Program::Binary { .. } | Program::Test(_) => {}
        }
    }
    let made = nightjar.zip(other);
    made.with_context(|| format!("{} makes no {AGENT} or no {target}", sh::line(command)))
}

fn made_by(command: &mut Command) -> Result<Vec<Program>> {
    command.arg("--message-format=json-render-diagnostics");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", sh::line(command)))?;
    let stdout = child.stdout.take().context("cargo's output is not piped")?;
    let mut programs = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("read cargo's messages")?;
        let message: Message =
            serde_json::from_str(&line).with_context(|| format!("parse cargo's message {line}"))?;
        programs.extend(program(message));
    }
    let status = child.wait().context("wait for cargo")?;
    if !status.success() {
        bail!("{} ended with {status}", sh::line(command));
    }
    Ok(programs)
}

enum Program {
    Test(TestProgram),
    Binary { name: String, path: PathBuf },
}

fn program(message: Message) -> Option<Program> {
    if message.reason != "compiler-artifact" {
        return None;
    }
    let (path, target, manifest) = (message.executable?, message.target?, message.manifest_path?);
    if !message.profile?.test {
        return Some(Program::Binary { name: target.name, path });
    }
    let dir = manifest.parent()?.to_path_buf();
    let package = package_name(&manifest)?;
    Some(Program::Test(TestProgram { package, target: target.name, dir, path }))
}

fn package_name(manifest: &Path) -> Option<String> {
    let table: toml::Table = sh::read_file(manifest).ok()?.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}

impl TestProgram {
    pub fn command(&self, nightjar: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.dir).env("CARGO_MANIFEST_DIR", &self.dir).env("NIGHTJAR_BIN", nightjar);
        command
    }
}
