//! A node for one test: this machine, with `/run` and `/var/lib` of its own so that runtimes keep their state where
//! they always do, and with the agent watching. One at a time: a kernel has one cgroup tree, and what is left over is
//! known by being left over.

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{
    agent::Agent,
    clear::{Clear, hierarchies},
};

/// Where runtimes keep things. Memory there is freed with the last process that sees it.
const OWN: &[&str] = &["/run", "/var/lib"];
const CGROUPS: &str = "/sys/fs/cgroup";

static TURN: Mutex<()> = Mutex::new(());

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As this machine has it.
    Native,
    /// cgroup v2 is the only hierarchy that is mounted.
    Unified,
}

pub struct Node {
    /// For what the test makes itself.
    pub dir: PathBuf,
    pub agent: Agent,
}

/// Runs a test on a node. `cgroups` are the directories below the roots of the cgroup hierarchies that the test's
/// runtime makes; they are taken away afterwards, with all processes, also when the test panics.
pub fn on(layout: Layout, cgroups: &[&str], test: impl FnOnce(&mut Node) + Send) {
    with(layout, cgroups, &["--scope", "containers"], test);
}

/// The same with other arguments for the agent.
pub fn with(layout: Layout, cgroups: &[&str], args: &[&str], test: impl FnOnce(&mut Node) + Send) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(rustix::process::geteuid().is_root(), "containers need root");
    let _clear = Clear::afterwards(cgroups);
    // A mount namespace belongs to a thread and what that starts.
    let done = thread::scope(|scope| {
        let body = || {
            enter(layout);
            let dir = Path::new("/run/nightjar-test").to_owned();
            fs::create_dir(&dir).expect("a directory");
            let mut node = Node { dir, agent: Agent::start(args) };
            test(&mut node);
        };
        scope.spawn(body).join()
    });
    if let Err(panic) = done {
        resume_unwind(panic);
    }
}

fn enter(layout: Layout) {
    // SAFETY: this thread gets mounts and a working directory of its own; file descriptors stay shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }.expect("a mount namespace");
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).expect("mounts become private");
    for dir in OWN {
        mount("tmpfs", *dir, "tmpfs", MountFlags::empty(), c"mode=0755").expect("a tmpfs is mounted");
    }
    match layout {
        Layout::Native => {}
        Layout::Unified => {
            unmount(CGROUPS, UnmountFlags::DETACH).expect("the hierarchies are unmounted");
            mount("none", CGROUPS, "cgroup2", MountFlags::empty(), None).expect("cgroup v2 is mounted");
        }
    }
}

#[test]
fn a_test_that_panics_leaves_no_process_and_no_cgroup() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const ID: &str = "nj-left";
    let mut left = Vec::new();
    let panicking = |node: &mut Node| {
        crate::runc::bundle("runc", &node.dir, ID, &crate::image::IDLE);
        crate::tell::tell("runc", ["run", "--detach", "--bundle", crate::image::path(&node.dir), ID]);
        let cgroup = hierarchies()[0].join(ID);
        let procs = fs::read_to_string(cgroup.join("cgroup.procs")).expect("the container has a cgroup");
        left.push(Path::new("/proc").join(procs.trim()));
        left.push(cgroup);
        panic!("as meant");
    };
    assert!(catch_unwind(AssertUnwindSafe(|| on(Layout::Native, &[ID], panicking))).is_err());
    assert_eq!(left.len(), 2);
    left.retain(|path| path.exists());
    assert!(left.is_empty(), "{left:?}");
}
