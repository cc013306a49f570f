//! Finds, or gets, what can compile for the BPF target: a rustc with the source of its library, and bpf-linker.
//!
//! Debian's packages first, because a plain Debian machine can have them without rustup's servers and because the
//! committed object was built by them. rustup's nightly with `rust-src` serves elsewhere.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::record::Identity;
use crate::{
    debian::{self, Need},
    sh,
};

/// From 0.11 on it drops features that are used here.
const LINKER_VERSION: &str = "0.10.4";
const LLVM: &str = "/usr/lib/llvm-22";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Debian,
    Nightly,
}

pub struct Toolchain {
    pub sysroot: PathBuf,
    pub objcopy: PathBuf,
    pub identity: Identity,
    rustc: PathBuf,
    cargo: PathBuf,
    linker: PathBuf,
    family: Family,
}

impl Toolchain {
    /// The best there is; on Debian, root gets what is missing from the package archive.
    pub fn obtain() -> Result<Toolchain> {
        let mut why_not = Vec::new();
        if debian::is_debian() {
            match debian::provide(&[Need::Ebpf]).and_then(|()| Toolchain::of(Family::Debian)) {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => why_not.push(format!("{}: {error:#}", Family::Debian)),
            }
        }
        match Toolchain::of(Family::Nightly) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => why_not.push(format!("{}: {error:#}", Family::Nightly)),
        }
        bail!("no toolchain for {}; {}", super::TARGET, why_not.join("; "))
    }

    fn of(family: Family) -> Result<Toolchain> {
        let (rustc, cargo) = (program(family, "rustc")?, program(family, "cargo")?);
        let sysroot = sh::read(sh::isolate(&mut Command::new(&rustc)).args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        let source = sysroot.join("lib/rustlib/src/rust/library/core");
        if !source.exists() {
            bail!("{} has no library source at {}", rustc.display(), source.display());
        }
        let verbose = sh::read(sh::isolate(&mut Command::new(&rustc)).arg("-vV"))?;
        let fact = |name: &str| {
            fact(&verbose, name).with_context(|| format!("{} -vV has no `{name}`", rustc.display()))
        };
        let objcopy = [format!("{LLVM}/bin/llvm-objcopy").into(), rust_objcopy(&sysroot, &fact("host")?)]
            .into_iter()
            .find(|path: &PathBuf| path.exists())
            .context("no llvm-objcopy: install Debian's llvm-22 or rustup's llvm-tools")?;
        let (linker, linker_llvm) = linker(family, &fact("LLVM version")?)?;
        let cargo_version = sh::read(sh::isolate(&mut Command::new(&cargo)).arg("-V"))?;
        let identity = Identity {
            rustc: fact("release")?,
            rustc_commit: fact("commit-hash")?,
            rustc_llvm: fact("LLVM version")?,
            cargo: cargo_version.split(' ').nth(1).unwrap_or_default().to_owned(),
            bpf_linker: LINKER_VERSION.to_owned(),
            linker_llvm,
        };
        Ok(Toolchain { sysroot, objcopy, identity, rustc, cargo, linker, family })
    }

    /// Its cargo, started in a directory, deaf to the cargo and rustup that started us.
    pub fn cargo(&self, dir: &Path) -> Result<Command> {
        self.command(&self.cargo, dir)
    }

    /// Its clippy. Not through cargo, which would look for one beside the user's own first.
    pub fn clippy(&self, dir: &Path) -> Result<Command> {
        let mut command = self.command(&program(self.family, "cargo-clippy")?, dir)?;
        command.env("CARGO", &self.cargo).arg("clippy");
        Ok(command)
    }

    fn command(&self, program: &Path, dir: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        sh::isolate(&mut command).current_dir(dir).env("RUSTC", &self.rustc);
        // Debian's rustc is a stable one; -Zbuild-std and the BPF intrinsics are not stable.
        command.env("RUSTC_BOOTSTRAP", "1");
        // By name, as the target has it: a path would be hashed into symbol names.
        let linker = self.linker.parent().context("bpf-linker has no directory")?;
        let path = env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(linker.to_path_buf()).chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(dirs).context("put bpf-linker on PATH")?);
        Ok(command)
    }
}

/// `release` of `rustc -vV`, and the like.
fn fact(verbose: &str, name: &str) -> Option<String> {
    verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
}

fn program(family: Family, name: &str) -> Result<PathBuf> {
    match family {
        Family::Debian => Ok(Path::new("/usr/bin").join(name)),
        Family::Nightly => of_nightly(name),
    }
}

fn of_nightly(tool: &str) -> Result<PathBuf> {
    let path =
        sh::read(sh::isolate(&mut Command::new("rustup")).args(["which", "--toolchain", "nightly", tool]))?;
    Ok(PathBuf::from(path.trim()))
}

fn rust_objcopy(sysroot: &Path, host: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(host).join("bin/llvm-objcopy")
}

/// A bpf-linker of the right version and LLVM, and that LLVM's version. Built into target/ when there is none.
fn linker(family: Family, rustc_llvm: &str) -> Result<(PathBuf, String)> {
    let tools = sh::root().join("target/tools");
    let (features, llvm) = match family {
        Family::Debian => {
            ("llvm-22", sh::read(Command::new(format!("{LLVM}/bin/llvm-config")).arg("--version"))?)
        }
        // It loads the LLVM of the rustc that calls it.
        Family::Nightly => ("rust-llvm-22", rustc_llvm.to_owned()),
    };
    let own = tools.join(features).join("bin/bpf-linker");
    let known = sh::cargo_home().map(|home| home.join("bin/bpf-linker"));
    for candidate in [Some(own.clone()), known].into_iter().flatten() {
        if candidate.exists() && is_wanted(&candidate, family)? {
            return Ok((candidate, llvm.trim().to_owned()));
        }
    }
    println!("building bpf-linker {LINKER_VERSION} (once, about a minute)");
    let mut cargo = sh::cargo();
    cargo.env("LLVM_PREFIX", LLVM).args(["install", "bpf-linker", "--locked", "--version", LINKER_VERSION]);
    cargo.args(["--no-default-features", "--features", features, "--root"]).arg(tools.join(features));
    sh::run(&mut cargo)?;
    Ok((own, llvm.trim().to_owned()))
}

/// Debian's LLVM is a shared library, whose name a linker that uses it carries.
fn is_wanted(linker: &Path, family: Family) -> Result<bool> {
    let version = sh::read(Command::new(linker).arg("--version"))?;
    let bytes = fs::read(linker).with_context(|| format!("read {}", linker.display()))?;
    let name = b"libLLVM.so.22";
    let debian = bytes.windows(name.len()).any(|window| window == name);
    Ok(version.trim().ends_with(LINKER_VERSION) && debian == (family == Family::Debian))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_says_its_facts_line_by_line() {
        let verbose = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(fact(verbose, "release").as_deref(), Some("1.96.0"));
        assert_eq!(fact(verbose, "LLVM version").as_deref(), Some("22.1.8"));
        assert_eq!(fact(verbose, "host"), None);
    }
}
