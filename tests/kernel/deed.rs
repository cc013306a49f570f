//! Deeds that several tests do.

use std::{
    ffi::{CString, OsStr},
    fs::{self, File, OpenOptions},
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
};

use nightjar_events::Kind;
use nightjar_tests::{Eyes, Seen};

use super::cgroup_mkdir::make;

/// Held by a test while it floods or measures a flood of its own: two at once would fill each other's ring.
pub static ONE_FLOOD: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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

/// Does a deed in a thread that shares its descriptors with no other.
pub fn with_own_descriptors<T: Send>(deed: impl FnOnce() -> T + Send) -> T {
    let alone = || {
        // SAFETY: what this thread has open by then, it has open twice.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES) }, 0, "unshare: {}", errno());
        deed()
    };
    thread::scope(|scope| scope.spawn(alone).join().expect("the deed is done"))
}

/// errno of a call that failed.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// A cgroup that is removed with the test.
pub struct Home {
    dir: PathBuf,
    pub id: u64,
}

impl Home {
    pub fn new(name: &str) -> Home {
        let (dir, id) = make(name);
        Home { dir, id }
    }

    /// Where a process enters.
    pub fn door(&self) -> File {
        OpenOptions::new().write(true).open(self.dir.join("cgroup.procs")).expect("a cgroup can be entered")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let removed = fs::remove_dir(&self.dir);
        assert!(removed.is_ok() || thread::panicking(), "{removed:?}");
    }
}

/// Moves the calling process into a cgroup; whether that worked. Async-signal-safe.
pub fn enter(door: &File) -> bool {
    // SAFETY: the descriptor is open, and the text is one byte long.
    unsafe { libc::write(door.as_raw_fd(), c"0".as_ptr().cast(), 1) == 1 }
}

/// Makes a system call; gives what the kernel returned, a negated errno included.
pub fn call(number: libc::c_long, args: &[u64]) -> i64 {
    let arg = |n: usize| args.get(n).copied().unwrap_or(0);
    // SAFETY: what the tests ask for is to fail or to do no harm; pointers outlive the call.
    let result = unsafe { libc::syscall(number, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)) };
    if result < 0 { -i64::from(errno()) } else { result }
}

/// A text as an argument of `call`; it must outlive the call.
pub fn at(text: &CString) -> u64 {
    text.as_ptr() as u64
}

/// The working directory as a directory descriptor.
pub const CWD: u64 = libc::AT_FDCWD as u64;

/// The next record of a kind by this thread that fits: other tests do the like meanwhile.
pub fn mine(eyes: &Eyes, kind: Kind, fits: impl Fn(&Seen) -> bool) -> Seen {
    let tid = rustix::thread::gettid().as_raw_nonzero().get() as u32;
    eyes.wait(kind, |seen| seen.0.header.tid == tid && fits(seen))
}

/// Its `evt.type`.
pub fn type_of(seen: &Seen) -> &'static str {
    seen.0.body.kind().event().types[usize::from(seen.0.header.variant)]
}
