//! A demo container's file system: an overlay in memory over made-up system files, with the image's programs.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_remount,
        unmount,
    },
    process::pivot_root,
};

use super::{InitError, Tried};
use crate::demo::{
    image::{Image, PROGRAM_DIRS},
    message::Spec,
};

/// Covered by a memory file system while the root is built. Only this mount namespace sees that.
const SCRATCH: &str = "/run";
/// Limit on everything that is written in the container.
const SCRATCH_OPTIONS: &std::ffi::CStr = c"size=64m,mode=0755";

const DIRS: &[&str] = &[
    "dev",
    "etc/cron.d",
    "home",
    "proc",
    "root/.ssh",
    "run",
    "sys",
    "tmp",
    "usr/local/bin",
    "var/spool/cron",
    "var/tmp",
];
const OPEN_TO_ALL: &[&str] = &["tmp", "var/tmp"];

/// Nobody's: the demo shows a theft of this file.
pub(super) const SHADOW: &str = "root:$y$j9T$nightjar.demo$no.such.password:20000:0:99999:7:::\n";
const FILES: &[(&str, &str)] = &[
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/hostname", "nightjar-demo\n"),
    ("etc/hosts", "127.0.0.1 localhost nightjar-demo\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// What the deed that writes there hits instead of the host's own.
pub(super) const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
pub(super) const DECOY: &str = "core\n";

/// Leaves the host's file system. `true`: the root is an overlay.
pub(super) fn enter(spec: &Spec) -> Result<bool, InitError> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .to("make mounts private")?;
    let scratch = Path::new(SCRATCH);
    fresh("tmpfs", scratch, MountFlags::empty(), SCRATCH_OPTIONS)?;
    let [base, upper, work, root, decoy] =
        ["base", "upper", "work", "root", "decoy"].map(|n| scratch.join(n));
    for dir in [&base, &upper, &work, &root] {
        make_dir(dir)?;
    }
    write(&decoy, DECOY)?;
    populate(&base, &spec.image)?;
    let overlay = mount_overlay(&base, &root)?;
    if spec.image == Image::Host {
        for dir in PROGRAM_DIRS.iter().map(|dir| Path::new("/").join(dir)).filter(|dir| is_own_dir(dir)) {
            show(&dir, &root)?;
        }
    }
    for path in &spec.shared {
        show(path, &root)?;
    }
    devices(&root.join("dev"))?;
    kernel_files(&root, &decoy)?;
    std::env::set_current_dir(&root).to("enter the new root")?;
    pivot_root(".", ".").to("make the new root the root")?;
    unmount(".", UnmountFlags::DETACH).to("let go of the host's root")?;
    std::env::set_current_dir("/").to("enter /")?;
    Ok(overlay)
}

fn populate(base: &Path, image: &Image) -> Result<(), InitError> {
    for dir in DIRS {
        make_dir(&base.join(dir))?;
    }
    for dir in OPEN_TO_ALL {
        set_mode(&base.join(dir), 0o1777)?;
    }
    for (file, text) in FILES {
        write(&base.join(file), text)?;
    }
    write(&base.join("etc/shadow"), SHADOW)?;
    set_mode(&base.join("etc/shadow"), 0o640)?;
    symlink("/run", base.join("var/run")).to("link /var/run")?;
    match image {
        Image::Host => host_layout(base),
        Image::Busybox(busybox) => {
            let bin = base.join("bin");
            make_dir(&bin)?;
            fs::copy(busybox, bin.join("busybox")).to(format!("copy {}", busybox.display()))?;
            for name in ["sh", "cat", "ls", "id", "tty", "true", "sleep", "hostname", "nc", "wget"] {
                symlink("busybox", bin.join(name)).to(format!("link {name} to busybox"))?;
            }
            Ok(())
        }
    }
}

/// The host's links from `/bin` to `/usr/bin` and the like, mount points for its directories, and what its
/// dynamic linker looks up.
fn host_layout(base: &Path) -> Result<(), InitError> {
    for name in PROGRAM_DIRS {
        let host = Path::new("/").join(name);
        if let Ok(target) = fs::read_link(&host) {
            symlink(&target, base.join(name)).to(format!("link /{name} to {}", target.display()))?;
        } else if is_own_dir(&host) {
            make_dir(&base.join(name))?;
        }
    }
    match fs::copy("/etc/ld.so.cache", base.join("etc/ld.so.cache")) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).to("copy /etc/ld.so.cache"),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn mount_overlay(base: &Path, root: &Path) -> Result<bool, InitError> {
    let layers = c"lowerdir=/run/base,upperdir=/run/upper,workdir=/run/work";
    match mount("overlay", root, "overlay", MountFlags::empty(), layers) {
        Ok(()) => Ok(true),
        Err(Errno::NODEV) => {
            mount_bind(base, root).to("mount the root")?;
            Ok(false)
        }
        Err(e) => Err(e).to("mount an overlay"),
    }
}

/// A host file or directory at the same path in the container, read-only.
fn show(host: &Path, root: &Path) -> Result<(), InitError> {
    let target = below(root, host);
    let act = || format!("show {} in the container", host.display());
    if host.is_dir() {
        make_dir(&target)?;
    } else if !target.exists() {
        make_dir(target.parent().unwrap_or(root))?;
        write(&target, "")?;
    }
    mount_bind(host, &target).to(act())?;
    read_only(&target, MountFlags::NOSUID | MountFlags::NODEV)
}

fn devices(dev: &Path) -> Result<(), InitError> {
    fresh("tmpfs", dev, MountFlags::NOSUID, c"size=64k,mode=0755")?;
    for name in DEVICES {
        let (host, own) = (Path::new("/dev").join(name), dev.join(name));
        write(&own, "")?;
        mount_bind(&host, &own).to(format!("show {}", host.display()))?;
    }
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    make_dir(&dev.join("pts"))?;
    fresh("devpts", &dev.join("pts"), quiet, c"newinstance,ptmxmode=0666,mode=0620")?;
    make_dir(&dev.join("shm"))?;
    fresh("tmpfs", &dev.join("shm"), MountFlags::NOSUID | MountFlags::NODEV, c"size=16m,mode=1777")?;
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ];
    for (to, name) in links {
        symlink(to, dev.join(name)).to(format!("link /dev/{name}"))?;
    }
    Ok(())
}

fn kernel_files(root: &Path, decoy: &Path) -> Result<(), InitError> {
    let strict = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    fresh("proc", &root.join("proc"), strict, c"")?;
    fresh("sysfs", &root.join("sys"), strict | MountFlags::RDONLY, c"")?;
    for name in ["proc/sys", "proc/sysrq-trigger"] {
        let target = root.join(name);
        // A kernel without sysrq has no trigger to guard.
        if target.exists() {
            mount_bind(&target, &target).to(format!("cover /{name}"))?;
            read_only(&target, strict)?;
        }
    }
    let core_pattern = below(root, Path::new(CORE_PATTERN));
    mount_bind(decoy, &core_pattern).to(format!("cover {CORE_PATTERN}"))
}

fn fresh(kind: &str, target: &Path, flags: MountFlags, options: &std::ffi::CStr) -> Result<(), InitError> {
    mount(kind, target, kind, flags, options).to(format!("mount a {kind} at {}", target.display()))
}

fn read_only(target: &Path, flags: MountFlags) -> Result<(), InitError> {
    mount_remount(target, MountFlags::BIND | MountFlags::RDONLY | flags, c"")
        .to(format!("make {} read-only", target.display()))
}

fn is_own_dir(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_dir(path: &Path) -> Result<(), InitError> {
    fs::create_dir_all(path).to(format!("make {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), InitError> {
    fs::write(path, text).to(format!("write {}", path.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), InitError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .to(format!("set the mode of {}", path.display()))
}
