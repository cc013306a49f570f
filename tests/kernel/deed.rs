//! Deeds that several tests do.

use std::{
    ffi::{CString, OsStr},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::Path,
    process::{Child, Command},
};

/// A path for a C function.
pub fn c(path: impl AsRef<OsStr>) -> CString {
    CString::new(path.as_ref().as_bytes()).expect("no NUL in a path")
}

/// A copy of a program of the machine's, for a test that must have it to itself. Another process writes it: what other
/// tests fork meanwhile would inherit our open file, and a file that is open for writing cannot be run.
pub fn copy_of(program: &str, to: &Path) {
    let copied = Command::new("/bin/cp").arg(program).arg(to).status().expect("cp is there");
    assert!(copied.success(), "cp {program}: {copied}");
}

/// Spawns a process that does `deed` and exits with 0. Between fork and exit only async-signal-safe calls are
/// allowed, which is what `deed` must keep to.
pub fn in_child(deed: impl FnMut() -> i32 + Send + Sync + 'static) -> Child {
    let mut deed = deed;
    let mut command = Command::new("/bin/true");
    // SAFETY: the deeds of these tests make system calls only.
    unsafe {
        command.pre_exec(move || {
            let status = deed();
            libc::_exit(status)
        })
    };
    // `_exit` closes the pipe over which std waits for the exec, so this returns.
    command.spawn().expect("a child")
}

/// errno of a call that failed.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
