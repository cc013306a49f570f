//! `fork`.

use std::{
    fs::{self, File},
    os::{fd::AsRawFd, linux::fs::MetadataExt},
    path::Path,
};

use nightjar::identity::Hierarchy;
use nightjar_events::{Kind, event::fork};
use nightjar_tests::Eyes;

const CLONE_VFORK: u64 = libc::CLONE_VFORK as u64;
const CLONE_VM: u64 = libc::CLONE_VM as u64;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Makes a child with raw flags that exits at once, and waits for it.
fn clone3(flags: u64, cgroup: u64) -> libc::pid_t {
    let args = libc::clone_args {
        flags,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup,
    };
    // SAFETY: without CLONE_VM the child has memory of its own and makes one system call.
    unsafe {
        let pid =
            libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) as libc::pid_t;
        if pid == 0 {
            libc::_exit(0);
        }
        assert!(pid > 0, "clone3: {}", std::io::Error::last_os_error());
        libc::waitpid(pid, std::ptr::null_mut(), 0);
        pid
    }
}

#[test]
fn a_child_is_seen_with_its_parent_and_start() {
    let eyes = Eyes::open();
    let child = clone3(0, 0);
    let seen = eyes.wait(Kind::Fork, |s| s.number(&fork::CHILD_PID) == i128::from(child));
    assert_eq!(seen.0.header.pid, std::process::id());
    assert_eq!(seen.number(&fork::CHILD_VPID), i128::from(child));
    let own_name = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    assert_eq!(seen.text(&fork::COMM), own_name.trim_end());
    assert_eq!(seen.number(&fork::CHILD_CGROUP), i128::from(seen.0.header.cgroup_id));
    let exit = eyes.wait_for(Kind::Exit, child as u32);
    let nightjar_events::Body::Fork(body) = &seen.0.body else { panic!("no fork") };
    assert_eq!(exit.0.header.start, body.child_start, "a process keeps its start");
}

#[test]
fn vfork_shows_in_the_flags() {
    let eyes = Eyes::open();
    // posix_spawn uses CLONE_VM | CLONE_VFORK.
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let seen = eyes.wait(Kind::Fork, |s| s.number(&fork::CHILD_PID) == i128::from(child.id()));
    let flags = seen.number(&fork::CLONE_FLAGS) as u64;
    assert_eq!(flags & (CLONE_VFORK | CLONE_VM), CLONE_VFORK | CLONE_VM);
}

#[test]
fn a_new_pid_namespace_gives_the_child_number_one() {
    let eyes = Eyes::open();
    let child = clone3(libc::CLONE_NEWPID as u64, 0);
    let seen = eyes.wait(Kind::Fork, |s| s.number(&fork::CHILD_PID) == i128::from(child));
    assert_eq!(seen.number(&fork::CHILD_VPID), 1);
    let own = fs::metadata("/proc/self/ns/pid").unwrap().st_ino();
    assert_ne!(seen.number(&fork::CHILD_PID_NS), own.into());
}

#[test]
fn a_thread_is_no_process() {
    let eyes = Eyes::open();
    std::thread::spawn(|| {}).join().unwrap();
    let after = clone3(0, 0);
    let me = std::process::id();
    let first = eyes.wait_for(Kind::Fork, me);
    // Other tests of this process fork too; none of their children is one of our threads.
    let mut child = first;
    loop {
        let pid = child.number(&fork::CHILD_PID);
        assert!(!Path::new(&format!("/proc/{me}/task/{pid}")).exists());
        if pid == i128::from(after) {
            break;
        }
        child = eyes.wait_for(Kind::Fork, me);
    }
}

/// CLONE_INTO_CGROUP takes a cgroup2 directory. Where another hierarchy names containers, the child's cgroup there
/// is its parent's, and that is what must be told.
#[test]
fn clone3_into_a_cgroup_is_told_of_the_child() {
    let unified = unified_mount();
    let dir = unified.join(format!("nightjar-test-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let id = fs::metadata(&dir).unwrap().st_ino();
    let eyes = Eyes::open();
    let file = File::open(&dir).unwrap();
    let child = clone3(CLONE_INTO_CGROUP, file.as_raw_fd() as u64);
    let seen = eyes.wait(Kind::Fork, |s| s.number(&fork::CHILD_PID) == i128::from(child));
    fs::remove_dir(&dir).unwrap();
    assert_ne!(seen.number(&fork::CLONE_FLAGS) as u64 & CLONE_INTO_CGROUP, 0);
    let hierarchy = Hierarchy::detect(Path::new("/")).unwrap();
    let expected = if hierarchy.controller.is_none() { id } else { seen.0.header.cgroup_id };
    assert_eq!(seen.number(&fork::CHILD_CGROUP), expected.into());
}

fn unified_mount() -> std::path::PathBuf {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let line =
        mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).expect("cgroup2 is mounted");
    line.split(' ').nth(1).unwrap().into()
}
