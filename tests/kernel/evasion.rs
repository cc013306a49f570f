//! Detours that are to hide what is done: what the records still say of it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsRawFd,
        linux::fs::MetadataExt,
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    ptr, thread,
};

use nightjar_events::{
    Kind,
    event::{exec, fork, open},
};
use nightjar_tests::{Eyes, Seen};

use crate::{
    deed::{c, copy_of, in_child},
    exec::by_descriptor,
};

/// Set for the process that runs `THREAD` to be replaced by another program.
const THREAD_VARIABLE: &str = "NIGHTJAR_TESTS_THREAD";
const THREAD: &str = "evasion::a_thread_that_execs_is_told_as_its_process";

const RESOLVE_IN_ROOT: u64 = 0x10;

/// A folder with a file that others want to read.
fn secret() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "secret").unwrap();
    (dir, path)
}

/// The record of an open of this file, by whatever name, by a process.
fn opened(eyes: &Eyes, pid: u32, path: &Path) -> Seen {
    let path = path.to_str().unwrap();
    eyes.wait(Kind::Open, |seen| seen.0.header.pid == pid && seen.text(&open::PATH) == path)
}

/// The record of an open of this file by this process, by a name that begins so.
fn opened_as(eyes: &Eyes, name: &str, path: &Path) -> Seen {
    let path = path.to_str().unwrap();
    let pid = std::process::id();
    let fits = |seen: &Seen| seen.text(&open::PATH) == path && seen.text(&open::NAME).starts_with(name);
    eyes.wait(Kind::Open, |seen| seen.0.header.pid == pid && fits(seen))
}

fn inode(path: &Path) -> i128 {
    fs::metadata(path).unwrap().st_ino().into()
}

#[test]
fn a_hard_link_has_its_own_path_and_the_files_inode() {
    let (dir, secret) = secret();
    let link = dir.path().join("harmless");
    fs::hard_link(&secret, &link).unwrap();
    let eyes = Eyes::open();
    File::open(&link).unwrap();
    let seen = opened(&eyes, std::process::id(), &link);
    assert_eq!(seen.number(&open::INODE), inode(&secret));
}

#[test]
fn a_name_below_the_root_that_proc_shows_is_the_files_own() {
    let (_dir, secret) = secret();
    let eyes = Eyes::open();
    File::open(format!("/proc/self/root{}", secret.display())).unwrap();
    opened_as(&eyes, "/proc/self/root/", &secret);
}

#[test]
fn a_descriptor_that_is_opened_again_has_its_files_path() {
    let (_dir, secret) = secret();
    let only_a_handle = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(&secret).unwrap();
    let eyes = Eyes::open();
    File::open(format!("/proc/self/fd/{}", only_a_handle.as_raw_fd())).unwrap();
    opened_as(&eyes, "/proc/self/fd/", &secret);
}

#[test]
fn a_root_that_openat2_is_given_does_not_shorten_the_path() {
    let (dir, secret) = secret();
    let root = File::open(dir.path()).unwrap();
    let how: [u64; 3] = [libc::O_RDONLY as u64, 0, RESOLVE_IN_ROOT];
    let eyes = Eyes::open();
    // SAFETY: a system call with a valid string and a structure of the size that is told.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            root.as_raw_fd(),
            c"/../../secret".as_ptr(),
            how.as_ptr(),
            size_of_val(&how),
        )
    };
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    let seen = opened_as(&eyes, "/../../secret", &secret);
    assert_eq!(seen.number(&open::RESOLVE), RESOLVE_IN_ROOT.into());
}

/// An exact path in a rule misses it; the inode does not lie.
#[test]
fn a_bind_mount_of_ones_own_has_the_path_of_there_and_the_files_inode() {
    let (dir, secret) = secret();
    let cover = dir.path().join("cover");
    fs::write(&cover, "").unwrap();
    let eyes = Eyes::open();
    let (from, to) = (c(&secret), c(&cover));
    let mut child = in_child(move || {
        // SAFETY: system calls with valid strings, in a mount namespace of its own.
        let opened = unsafe {
            let none = ptr::null();
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, ptr::null()) == 0
                && libc::mount(from.as_ptr(), to.as_ptr(), none, libc::MS_BIND, ptr::null()) == 0
                && libc::open(to.as_ptr(), libc::O_RDONLY) >= 0
        };
        i32::from(!opened)
    });
    let seen = opened(&eyes, child.id(), &cover);
    assert_eq!(seen.number(&open::INODE), inode(&secret));
    assert!(child.wait().unwrap().success());
}

/// Neither is a read, so neither would be seen by who watches reads.
#[test]
fn a_file_that_is_read_through_memory_or_a_pipe_is_told_by_its_open() {
    let (_dir, secret) = secret();
    let eyes = Eyes::open();
    let mapped = File::open(&secret).unwrap();
    // SAFETY: a new mapping; only its first bytes are read, which the file has.
    let text = unsafe {
        let at = libc::mmap(ptr::null_mut(), 6, libc::PROT_READ, libc::MAP_PRIVATE, mapped.as_raw_fd(), 0);
        assert_ne!(at, libc::MAP_FAILED);
        std::slice::from_raw_parts(at.cast::<u8>(), 6).to_vec()
    };
    assert_eq!(text, b"secret");
    opened(&eyes, std::process::id(), &secret);

    let sent = File::open(&secret).unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    // SAFETY: both descriptors are open, and there is no offset to write.
    assert_eq!(unsafe { libc::sendfile(writer.as_raw_fd(), sent.as_raw_fd(), ptr::null_mut(), 6) }, 6);
    let mut text = [0; 6];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"secret");
    opened(&eyes, std::process::id(), &secret);
}

#[test]
fn a_library_that_is_loaded_first_is_told_as_an_open() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let library = dir.path().join("hook.so");
    copy_of(mapped_file("/libc.so").to_str().unwrap(), &library);
    let eyes = Eyes::open();
    let mut child = Command::new("/bin/true").env("LD_PRELOAD", &library).spawn().unwrap();
    opened(&eyes, child.id(), &library);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_program_that_the_loader_runs_is_its_argument_and_an_open() {
    let loader = mapped_file("/ld-linux");
    let program = fs::canonicalize("/bin/true").unwrap();
    let eyes = Eyes::open();
    let mut child = Command::new(&loader).arg(&program).spawn().unwrap();
    let seen = eyes.wait_for(Kind::Exec, child.id());
    assert_eq!(seen.text(&exec::EXE), loader.to_str().unwrap());
    assert_eq!(seen.list(&exec::ARGS)[1], program.as_os_str().as_encoded_bytes());
    opened(&eyes, child.id(), &program);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_program_behind_a_descriptor_that_cannot_be_read_is_told_by_its_file() {
    let program = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open("/bin/true").unwrap();
    let eyes = Eyes::open();
    let mut child = by_descriptor(&program).stdout(Stdio::null()).spawn().unwrap();
    let seen = eyes.wait_for(Kind::Exec, child.id());
    assert_eq!(seen.text(&exec::EXE), fs::canonicalize("/bin/true").unwrap().to_str().unwrap());
    assert!(child.wait().unwrap().success());
}

/// A thread that execs becomes the whole process, whatever its number was.
#[test]
fn a_thread_that_execs_is_told_as_its_process() {
    if std::env::var_os(THREAD_VARIABLE).is_some() {
        let failed = thread::spawn(|| Command::new("/bin/true").exec().to_string()).join();
        panic!("{failed:?}");
    }
    let eyes = Eyes::open();
    let mut child =
        Command::new("/proc/self/exe").args(["--exact", THREAD]).env(THREAD_VARIABLE, "1").spawn().unwrap();
    let pid = child.id();
    let seen =
        eyes.wait(Kind::Exec, |seen| seen.0.header.pid == pid && seen.text(&exec::FILENAME) == "/bin/true");
    assert_eq!(seen.0.header.tid, pid);
    assert!(child.wait().unwrap().success());
    eyes.wait_for(Kind::Exit, pid);
}

/// Who forks twice is adopted by another process; that it was not so before, its forks have said.
#[test]
fn who_forks_twice_leaves_a_trail_of_forks() {
    let eyes = Eyes::open();
    let mut child = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0; (read word <&3; exec /bin/true) & echo $!"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let grandchild: u32 = said.trim().parse().unwrap();
    let mut word = child.stdin.take().unwrap();
    assert!(child.wait().unwrap().success());
    word.write_all(b"now\n").unwrap();
    let seen = eyes.wait(Kind::Fork, |seen| seen.number(&fork::CHILD_PID) == grandchild.into());
    assert_eq!(seen.0.header.pid, child.id());
    let seen = eyes.wait_for(Kind::Exec, grandchild);
    assert_ne!(seen.number(&exec::PPID), child.id().into());
}

/// A file of the machine's that is mapped into this process, by a part of its path.
fn mapped_file(part: &str) -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains(part));
    fs::canonicalize(path.unwrap_or_else(|| panic!("{part} is not mapped"))).unwrap()
}
