//! A demo container's own cgroup: one directory in every mounted hierarchy (v2, v1 or both), so that whichever of
//! them names containers on this node names this one. Sets no limits.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};

/// The directory above all demo containers.
pub(super) const PARENT: &str = "nightjar-demo";
/// How long the kernel may take to empty a cgroup whose processes were killed.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

/// A container's directory in one hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Cgroup {
    /// Controllers of a v1 hierarchy; empty for cgroup v2.
    pub controllers: Vec<String>,
    pub dir: PathBuf,
    /// The kernel's id: the directory's inode.
    pub id: u64,
}

struct Hierarchy {
    root: PathBuf,
    controllers: Vec<String>,
}

/// Every mounted hierarchy once, also where it is mounted twice.
fn hierarchies() -> io::Result<Vec<Hierarchy>> {
    let mounts = Process::myself().and_then(|p| p.mountinfo()).map_err(io::Error::other)?;
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for mount in mounts {
        let controllers = match mount.fs_type.as_str() {
            "cgroup2" => Vec::new(),
            "cgroup" => mount.super_options.iter().filter_map(controller).collect(),
            _ => continue,
        };
        if !seen.contains(&mount.majmin) {
            seen.push(mount.majmin);
            found.push(Hierarchy { root: mount.mount_point, controllers });
        }
    }
    Ok(found)
}

/// An option of a v1 mount, if it is a controller or the name of a hierarchy without one.
fn controller((key, value): (&String, &Option<String>)) -> Option<String> {
    match (key.as_str(), value) {
        ("rw" | "ro" | "xattr" | "noprefix" | "clone_children" | "cpuset_v2_mode" | "favordynmods", _) => {
            None
        }
        ("release_agent", _) => None,
        (key, Some(value)) => Some(format!("{key}={value}")),
        (key, None) => Some(key.into()),
    }
}

pub(super) fn create(id: &str) -> io::Result<Vec<Cgroup>> {
    hierarchies()?.into_iter().map(|hierarchy| create_in(hierarchy, id)).collect()
}

fn create_in(hierarchy: Hierarchy, id: &str) -> io::Result<Cgroup> {
    let parent = hierarchy.root.join(PARENT);
    let dir = parent.join(id);
    for dir in [&parent, &dir] {
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(named("create", dir, &e)),
            Ok(()) | Err(_) => {}
        }
        inherit_cpuset(dir).map_err(|e| named("set the processors of", dir, &e))?;
    }
    let id = fs::metadata(&dir).map_err(|e| named("read", &dir, &e))?.ino();
    Ok(Cgroup { controllers: hierarchy.controllers, dir, id })
}

/// A v1 cpuset takes no process before it has processors and memory nodes.
fn inherit_cpuset(dir: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (own, above) = (dir.join(file), dir.join("..").join(file));
        // In v2 these files start empty too, and empty means "as above".
        let v1 = dir.join("cgroup.clone_children").exists();
        if v1 && own.exists() && fs::read_to_string(&own)?.trim().is_empty() {
            fs::write(own, fs::read_to_string(above)?)?;
        }
    }
    Ok(())
}

/// A process whose pid is written there enters the cgroup.
pub(super) fn door(dir: &Path) -> io::Result<fs::File> {
    let procs = dir.join("cgroup.procs");
    fs::OpenOptions::new().write(true).open(procs).map_err(|e| named("open", dir, &e))
}

/// Ids of all containers that have a cgroup, whoever made them.
pub(super) fn ids() -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for hierarchy in hierarchies()? {
        for name in super::lock::names(&hierarchy.root.join(PARENT))? {
            if !ids.contains(&name) {
                ids.push(name);
            }
        }
    }
    Ok(ids)
}

/// Ends what still runs in the container and takes its directories away. Nothing there is no error.
pub(super) fn remove(id: &str) -> io::Result<()> {
    for hierarchy in hierarchies()? {
        let parent = hierarchy.root.join(PARENT);
        remove_dir(&parent.join(id))?;
        match fs::remove_dir(&parent) {
            // Another container is in it, or it was never made.
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy || is_gone(&e) => {}
            Err(e) => return Err(named("remove", &parent, &e)),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    let deadline = Instant::now() + EMPTY_WITHIN;
    loop {
        match fs::remove_dir(dir) {
            Ok(()) => return Ok(()),
            Err(e) if is_gone(&e) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                kill_all(dir)?;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a killed process leaves its cgroup without a signal to wait for"
                )]
                thread::sleep(PAUSE);
            }
            Err(e) => return Err(named("remove", dir, &e)),
        }
    }
}

fn kill_all(dir: &Path) -> io::Result<()> {
    let procs = match fs::read_to_string(dir.join("cgroup.procs")) {
        Err(e) if is_gone(&e) => return Ok(()),
        read => read?,
    };
    for pid in procs.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn is_gone(e: &io::Error) -> bool {
    // ENODEV: the cgroup went away while its file was open.
    e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(libc::ENODEV)
}

fn named(act: &str, dir: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("cannot {act} cgroup {}: {e}", dir.display()))
}
