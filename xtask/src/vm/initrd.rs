//! What a guest boots into: busybox, a script that sets the machine up, and whatever its work needs, in one archive.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::kernels::Kernel;
use crate::sh;

const BUSYBOX: &str = "/bin/busybox";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where a guest finds the module of overlayfs.
const OVERLAY: &str = "overlay.ko";

const DIRECTORIES: &[&str] = &["bin", "dev", "proc", "sys", "tmp", "usr/share", "var/tmp"];

/// A guest's root as a directory here.
pub struct Root(PathBuf);

impl Root {
    /// With busybox and the script that is its work, under a name that no other root has.
    pub fn new(name: &str, work: &str) -> Result<Root> {
        let root = Root(super::dir().join(name));
        if root.0.exists() {
            fs::remove_dir_all(&root.0).with_context(|| format!("remove {}", root.0.display()))?;
        }
        for dir in DIRECTORIES {
            let dir = root.0.join(dir);
            fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        }
        root.copy(Path::new(BUSYBOX), "bin/busybox")?;
        symlink("busybox", root.0.join("bin/sh")).context("link the guest's shell")?;
        root.write("work", work)?;
        root.write("init", include_str!("guest-init.sh"))?;
        let program = Permissions::from_mode(0o755);
        fs::set_permissions(root.0.join("init"), program).context("make the guest's init a program")?;
        Ok(root)
    }

    pub fn copy(&self, from: &Path, to: &str) -> Result<()> {
        fs::copy(from, self.0.join(to)).with_context(|| format!("copy {}", from.display()))?;
        Ok(())
    }

    pub fn write(&self, to: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        sh::write_file(&self.0.join(to), bytes)
    }

    /// Gives the archive.
    pub fn pack(self) -> Result<PathBuf> {
        pack(&self.0)
    }
}

/// A cargo whose programs are linked statically, for this target: the guest has no libraries. A target directory of its
/// own, since the flags would make cargo build everything in the usual one anew.
pub fn static_cargo() -> Command {
    let mut cargo = sh::cargo();
    // With --target the flags do not reach build scripts and derive macros.
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env("CARGO_TARGET_DIR", super::dir().join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .args(["build", "--target", TARGET]);
    cargo
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
