//! What a guest boots into: busybox, the kernel tests as one static program, and a script that runs them.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use nightjar_events::{EVENTS, Family};

use super::kernels::Kernel;
use crate::{artifacts, sh};

const BUSYBOX: &str = "/bin/busybox";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where a guest finds the module of overlayfs.
const OVERLAY: &str = "overlay.ko";

const DIRECTORIES: &[&str] = &["bin", "dev", "proc", "sys", "tmp", "usr/share", "var/tmp"];

/// Builds the tests and packs them; gives the archive.
pub fn build(only: Option<&str>) -> Result<PathBuf> {
    let root = super::dir().join("root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
    }
    for dir in DIRECTORIES {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    }
    copy(Path::new(BUSYBOX), &root.join("bin/busybox"))?;
    symlink("busybox", root.join("bin/sh")).context("link the guest's shell")?;
    copy(&tests()?, &root.join("kernel-tests"))?;
    sh::write_file(&root.join("runs"), runs(only))?;
    let init = root.join("init");
    sh::write_file(&init, include_str!("guest-init.sh"))?;
    fs::set_permissions(&init, Permissions::from_mode(0o755)).context("make the guest's init a program")?;
    pack(&root)
}

/// The archive with what only this kernel can use behind it: the kernel unpacks one after the other.
pub fn for_kernel(kernel: &Kernel, archive: &Path) -> Result<PathBuf> {
    let Some(module) = &kernel.overlay else { return Ok(archive.to_owned()) };
    let root = super::dir().join("modules");
    let unpacked = root.join(OVERLAY);
    let bytes = match module.extension() {
        Some(end) if end == "xz" => sh::read_bytes(Command::new("xz").arg("-dc").arg(module))?,
        _ => fs::read(module).with_context(|| format!("read {}", module.display()))?,
    };
    sh::write_file(&unpacked, bytes)?;
    let mut whole = fs::read(archive).with_context(|| format!("read {}", archive.display()))?;
    let added = pack(&root)?;
    whole.extend(fs::read(&added).with_context(|| format!("read {}", added.display()))?);
    let whole_archive = super::dir().join("guest.cpio");
    sh::write_file(&whole_archive, whole)?;
    Ok(whole_archive)
}

/// How the tests are run in a guest, a line for each family of hooks that an event can have instead of another: its
/// name, and the words by which tests are chosen. With the first family all are run, then those of its events.
fn runs(only: Option<&str>) -> String {
    let with_a_choice = || EVENTS.iter().filter(|event| event.hooks.len() > 1);
    let mut families: Vec<Family> = Vec::new();
    for family in with_a_choice().flat_map(|event| event.hooks).map(|hook| hook.family) {
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let of_family = |family| {
        let events =
            with_a_choice().filter(move |event| event.hooks.iter().any(|hook| hook.family == family));
        events.map(|event| event.name).collect::<Vec<_>>().join(" ")
    };
    let line = |(n, family): (usize, &Family)| {
        let chosen = match (only, n) {
            (Some(only), _) => only.to_owned(),
            (None, 0) => String::new(),
            (None, _) => of_family(*family),
        };
        format!("{} {chosen}\n", family.name())
    };
    families.iter().enumerate().map(line).collect()
}

/// The test program, linked statically: the guest has no libraries. A target directory of its own, since the flags
/// would make cargo build everything in the usual one anew.
fn tests() -> Result<PathBuf> {
    let mut cargo = sh::cargo();
    // With --target the flags do not reach build scripts and derive macros.
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env("CARGO_TARGET_DIR", super::dir().join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .args(["build", "--package", "nightjar-tests", "--test", "kernel", "--target", TARGET]);
    artifacts::build_test(&mut cargo, "kernel")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copy {}", from.display()))?;
    Ok(())
}

/// Packs a directory as the kernel unpacks it.
fn pack(root: &Path) -> Result<PathBuf> {
    let archive = root.with_extension("cpio");
    let out = File::create(&archive).with_context(|| format!("make {}", archive.display()))?;
    let mut find = Command::new(BUSYBOX)
        .args(["find", "."])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .context("start busybox find")?;
    let names = find.stdout.take().context("the names are not piped")?;
    let mut cpio = Command::new(BUSYBOX);
    cpio.args(["cpio", "-o", "-H", "newc"]).current_dir(root).stdin(names).stdout(out).stderr(Stdio::null());
    let packed = cpio.status().context("start busybox cpio")?;
    let found = find.wait().context("wait for busybox find")?;
    if !packed.success() || !found.success() {
        bail!("pack {}: find ended with {found}, cpio with {packed}", root.display());
    }
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_run_once_and_those_of_events_with_a_choice_for_each_family() {
        let lines: Vec<String> = runs(None).lines().map(str::to_owned).collect();
        assert_eq!((lines.len(), lines[0].as_str()), (2, "fentry "));
        assert!(lines[1].starts_with("tracepoint open connect unlink "), "{}", lines[1]);
        assert!(!lines[1].contains("exec"), "it has no choice");
        assert_eq!(runs(Some("race")), "fentry race\ntracepoint race\n");
    }
}
