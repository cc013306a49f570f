//! What the containers of the tests consist of: a static busybox and three files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use crate::tell::tell;

const BUSYBOX: &str = "/bin/busybox";
const APPLETS: &[&str] = &["sh", "cat", "sleep"];
const DIRS: &[&str] = &["bin", "sbin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"];
const FILES: &[(&str, &str)] = &[
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    ("etc/group", "root:x:0:\n"),
    ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
    ("etc/os-release", "ID=busybox\n"),
];
/// Reads the password file and ends.
pub const READ: [&str; 2] = ["/bin/cat", "/etc/shadow"];
/// A shell that does. With the path, since busybox would call itself `exe` otherwise.
pub const SHELL_READ: [&str; 3] = ["/bin/sh", "-c", "/bin/cat /etc/shadow; exit"];
/// Does nothing for longer than any test.
pub const IDLE: [&str; 2] = ["/bin/sleep", "99999"];

/// Makes the root directory of a container.
pub fn root(dir: &Path) -> PathBuf {
    let root = dir.join("rootfs");
    for name in DIRS {
        fs::create_dir_all(root.join(name)).expect("a directory is made");
    }
    for (name, text) in FILES {
        fs::write(root.join(name), text).expect("a file is written");
    }
    let busybox = root.join("bin/busybox");
    fs::copy(BUSYBOX, &busybox).expect("busybox-static is installed");
    fs::set_permissions(&busybox, fs::Permissions::from_mode(0o755)).expect("a mode is set");
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).expect("a link is made");
    }
    root
}

/// The same as one archive, which engines import. Made once, also for several engines.
pub fn archive(dir: &Path) -> PathBuf {
    let archive = dir.join("root.tar");
    if archive.exists() {
        return archive;
    }
    tell("tar", ["-C", path(&root(dir)), "-cf", path(&archive), "."]);
    archive
}

/// Paths of these tests are plain text.
pub fn path(path: &Path) -> &str {
    path.to_str().expect("a path is UTF-8")
}
