//! What /proc says of a process: to seed the table at start, and for a process whose fork was not seen.
//!
//! Everything here races with the process: it may end or exec between two reads. The caller checks the start.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::PathBuf,
};

use nightjar_engine::Process;
use procfs::{ProcError, process};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::{
    clock::Clock,
    image::keep_args,
    limits::{ARGS_KEPT, SECOND},
};

pub use nightjar_engine::event::INITIAL_PID_NS;

/// A mounted /proc, perhaps the host's as seen from a container.
#[derive(Clone, Debug)]
pub struct Proc {
    root: PathBuf,
    ticks_per_second: u64,
}

/// Ids of a process that can change without an exec.
pub struct Credentials {
    pub gid: u32,
    pub euid: u32,
    pub egid: u32,
    pub cap_effective: u64,
    pub cap_permitted: u64,
    pub cap_inheritable: u64,
}

impl Proc {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Proc { root: root.into(), ticks_per_second: procfs::ticks_per_second().max(1) }
    }

    /// Nanoseconds to which starts are rounded down.
    pub fn tick(&self) -> u64 {
        SECOND / self.ticks_per_second
    }

    pub fn root(&self) -> &std::path::Path {
        &self.root
    }

    pub fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// Pids of all processes, in no order.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        let entries = std::fs::read_dir(&self.root)?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
            .collect())
    }

    /// A process as it is now, without names and ancestors. `None`: it is gone.
    pub fn read(&self, pid: u32, clock: Clock) -> Option<Process> {
        let process = self.open(pid)?;
        let stat = process.stat().ok()?;
        let status = process.status().ok()?;
        let start = stat.starttime.saturating_mul(self.tick());
        let (exe_path, exe_deleted, exe_from_memfd) = self.exe(pid);
        let file = self.exe_times(pid);
        let (args, args_cut) = self.args(pid);
        Some(Process {
            pid,
            start,
            start_time: clock.wall(start),
            ppid: stat.ppid.unsigned_abs(),
            vpid: innermost(status.nspid.as_deref()),
            pgid: stat.pgrp.unsigned_abs(),
            vpgid: innermost(status.nspgid.as_deref()),
            sid: stat.session.unsigned_abs(),
            tty: stat.tty_nr.cast_unsigned(),
            comm: self.comm(pid).unwrap_or_else(|| stat.comm.into_bytes()),
            exe_path,
            exe_path_cut: false,
            // The kernel no longer knows.
            script_path: Vec::new(),
            args,
            args_cut,
            cwd: self.link(pid, "cwd").unwrap_or_default(),
            uid: status.ruid,
            gid: status.rgid,
            euid: status.euid,
            egid: status.egid,
            loginuid: process.loginuid().ok().filter(|uid| *uid != u32::MAX),
            user: None,
            group: None,
            login_user: None,
            cap_effective: status.capeff,
            cap_permitted: status.capprm,
            cap_inheritable: status.capinh,
            exe_inode: file.map_or(0, |(inode, _, _)| inode),
            exe_mtime: file.map_or(0, |(_, mtime, _)| mtime),
            exe_ctime: file.map_or(0, |(_, _, ctime)| ctime),
            exe_from_memfd,
            // Only the kernel side can tell.
            exe_upper_layer: false,
            exe_deleted,
            pid_ns: self.pid_ns(pid, status.nspid.as_deref()),
            parent: None,
        })
    }

    /// What the process that started at `start` may do now; `None` when it is gone.
    pub fn credentials(&self, pid: u32, start: u64) -> Option<Credentials> {
        let process = self.open(pid)?;
        let status = process.status().ok()?;
        if process.stat().ok()?.starttime != start / self.tick() {
            return None;
        }
        Some(Credentials {
            gid: status.rgid,
            euid: status.euid,
            egid: status.egid,
            cap_effective: status.capeff,
            cap_permitted: status.capprm,
            cap_inheritable: status.capinh,
        })
    }

    fn open(&self, pid: u32) -> Option<process::Process> {
        match process::Process::new_with_root(self.root.join(pid.to_string())) {
            Ok(process) => Some(process),
            Err(ProcError::NotFound(_)) => None,
            Err(error) => {
                tracing::debug!(pid, %error, "cannot read a process from /proc");
                None
            }
        }
    }

    fn link(&self, pid: u32, name: &str) -> Option<Vec<u8>> {
        std::fs::read_link(self.path(pid, name)).ok().map(|target| target.as_os_str().as_bytes().to_vec())
    }

    /// The program's path, whether it has been deleted, whether it is a memfd. Kernel threads have none.
    fn exe(&self, pid: u32) -> (Vec<u8>, bool, bool) {
        let mut path = self.link(pid, "exe").unwrap_or_default();
        let memfd = path.starts_with(b"/memfd:");
        let deleted = path.ends_with(b" (deleted)");
        if deleted {
            path.truncate(path.len() - b" (deleted)".len());
        }
        (path, deleted, memfd)
    }

    /// Inode, mtime and ctime of the program. DONT_SYNC: the file may lie on a filesystem that its owner can stall.
    fn exe_times(&self, pid: u32) -> Option<(u64, u64, u64)> {
        let wanted = StatxFlags::INO | StatxFlags::MTIME | StatxFlags::CTIME;
        let file = statx(CWD, self.path(pid, "exe"), AtFlags::STATX_DONT_SYNC, wanted).ok()?;
        let time = |time: rustix::fs::StatxTimestamp| {
            u64::try_from(time.tv_sec).unwrap_or(0) * SECOND + u64::from(time.tv_nsec)
        };
        Some((file.stx_ino, time(file.stx_mtime), time(file.stx_ctime)))
    }

    fn args(&self, pid: u32) -> (Vec<Vec<u8>>, bool) {
        let mut bytes = Vec::new();
        let limit = ARGS_KEPT as u64 + 1;
        let read =
            File::open(self.path(pid, "cmdline")).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        if read.is_err() {
            return (Vec::new(), true);
        }
        if bytes.is_empty() {
            return (Vec::new(), false);
        }
        let bytes = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
        let args: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        match keep_args(&args, ARGS_KEPT) {
            Some(kept) => (kept, true),
            None => (args, false),
        }
    }

    /// `comm` as bytes: `stat` has it as text, and what is not UTF-8 would be lost there.
    fn comm(&self, pid: u32) -> Option<Vec<u8>> {
        let mut comm = std::fs::read(self.path(pid, "comm")).ok()?;
        if comm.last() == Some(&b'\n') {
            comm.pop();
        }
        Some(comm)
    }

    /// Inode of its pid namespace; 0: not known. Reading it takes the right to trace; of the initial namespace, the
    /// ids tell.
    fn pid_ns(&self, pid: u32, ids: Option<&[i32]>) -> u32 {
        let inode =
            std::fs::metadata(self.path(pid, "ns/pid")).ok().and_then(|ns| u32::try_from(ns.ino()).ok());
        let is_initial = ids.is_some_and(|ids| ids.len() == 1);
        inode.unwrap_or(if is_initial { INITIAL_PID_NS } else { 0 })
    }
}

/// The last of a list of ids that starts with the outermost namespace's.
fn innermost(ids: Option<&[i32]>) -> u32 {
    ids.and_then(<[i32]>::last).map_or(0, |id| id.unsigned_abs())
}

impl Default for Proc {
    fn default() -> Self {
        Proc::new("/proc")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_finds_itself() {
        let clock = Clock::read();
        let me = Proc::default().read(std::process::id(), clock).unwrap();
        let args: Vec<Vec<u8>> = std::env::args_os().map(|arg| arg.as_bytes().to_vec()).collect();
        assert_eq!(me.args, args);
        assert_eq!(me.ppid, std::os::unix::process::parent_id());
        assert_eq!(me.exe_path, std::env::current_exe().unwrap().as_os_str().as_bytes());
        assert_eq!(me.cwd, std::env::current_dir().unwrap().as_os_str().as_bytes());
        assert_eq!(me.comm, std::fs::read("/proc/self/comm").unwrap().trim_ascii_end());
        assert_eq!(me.exe_inode, std::fs::metadata("/proc/self/exe").unwrap().ino());
        assert_eq!(me.uid, rustix::process::getuid().as_raw());
        assert_eq!(me.pid_ns as u64, std::fs::metadata("/proc/self/ns/pid").unwrap().ino());
        assert!(me.start > 0 && me.start_time > clock.wall(0) && me.exe_mtime > 0);
    }

    #[test]
    fn the_pid_of_no_process_gives_nothing() {
        assert!(Proc::default().read(u32::MAX, Clock::read()).is_none());
    }

    #[test]
    fn a_deleted_program_keeps_its_path_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("7");
        std::fs::create_dir(&link).unwrap();
        std::os::unix::fs::symlink("/tmp/x (deleted)", link.join("exe")).unwrap();
        assert_eq!(Proc::new(dir.path()).exe(7), (b"/tmp/x".to_vec(), true, false));
        std::fs::remove_file(link.join("exe")).unwrap();
        std::os::unix::fs::symlink("/memfd:m (deleted)", link.join("exe")).unwrap();
        assert_eq!(Proc::new(dir.path()).exe(7), (b"/memfd:m".to_vec(), true, true));
    }
}
