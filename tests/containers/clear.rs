//! Takes away what a test leaves: processes first, then their cgroups. Mounts and files go with the processes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait},
};

use nightjar_tests::until::until;

/// When it is dropped, nothing that this process has started since runs, and these cgroups are gone.
pub struct Clear {
    cgroups: Vec<PathBuf>,
}

impl Clear {
    pub fn afterwards(cgroups: &[&str]) -> Clear {
        // Orphans become children of this process instead of init's, wherever they were started.
        set_child_subreaper(Some(getpid())).expect("this process adopts orphans");
        Clear { cgroups: cgroups.iter().map(PathBuf::from).collect() }
    }
}

impl Drop for Clear {
    fn drop(&mut self) {
        end_all();
        for root in hierarchies() {
            for cgroup in &self.cgroups {
                remove(&root.join(cgroup));
            }
        }
    }
}

/// Kills children until there are none: those of a killed child are the next ones.
fn end_all() {
    loop {
        for pid in children() {
            match kill_process(pid, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => panic!("cannot kill {pid:?}: {error}"),
            }
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return,
            Err(error) => panic!("cannot wait for children: {error}"),
        }
    }
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().to_string();
    let is_ours = |stat: &str| {
        // PID (NAME) STATE PPID …; a name may have blanks and brackets.
        stat.rsplit_once(')').is_some_and(|(_, after)| after.split_whitespace().nth(1) == Some(&own))
    };
    let entries = fs::read_dir("/proc").expect("/proc is readable").flatten();
    let pids = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    pids.filter(|(_, path)| fs::read_to_string(path.join("stat")).is_ok_and(|stat| is_ours(&stat)))
        .filter_map(|(pid, _)| Pid::from_raw(pid))
        .collect()
}

/// Where cgroup hierarchies are mounted, as this thread sees it.
pub fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").expect("mountinfo is readable");
    let cgroups = mounts.lines().filter(|line| line.contains(" - cgroup"));
    cgroups.filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// A cgroup and those inside it.
fn remove(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // A process leaves its cgroup a moment after it was waited for.
    until("an empty cgroup", || match fs::remove_dir(cgroup) {
        Ok(()) => Some(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(()),
        Err(_) => None,
    });
}
