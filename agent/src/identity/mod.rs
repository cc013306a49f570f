//! Whose was it: adds to each record the process that did it, its ancestors, and the container it ran in.
//!
//! Synchronous, and no socket is asked. An event of a known process in a known cgroup costs two lookups; /proc and
//! the disk are read for what is new. Records must come in the order in which the kernel wrote them.

mod cgroup;
mod clock;
mod container;
mod hierarchy;
mod image;
mod limits;
mod oci;
mod path;
mod proc;
mod process;
mod users;

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use nightjar_engine::{Container, Event, Payload, Process, event::ANCESTORS_MAX};
use nightjar_events::{
    Body, Header, Raw, Record,
    event::{cgroup_mkdir, exec::Exec, fork::Fork},
};

pub use self::{
    cgroup::CgroupStats,
    clock::Clock,
    container::ContainerStats,
    hierarchy::{Hierarchy, HierarchyError},
    limits::Limits,
    oci::Places,
    process::ProcessStats,
};
use self::{
    cgroup::Cgroups,
    container::{Containers, Place},
    proc::Proc,
    process::{Key, Processes, Start},
    users::Users,
};

/// Where identity finds what it does not learn from records.
#[derive(Clone, Debug)]
pub struct Sources {
    pub proc: PathBuf,
    pub places: Places,
}

impl Default for Sources {
    fn default() -> Self {
        Sources { proc: "/proc".into(), places: Places::default() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot open the cgroup hierarchy at {path}")]
    Cgroups { path: PathBuf, source: io::Error },
    #[error("cannot list processes in {path}")]
    Processes { path: PathBuf, source: io::Error },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityStats {
    pub processes: ProcessStats,
    /// Processes read from /proc because a record came of one that was not known.
    pub processes_read: u64,
    /// Processes of which nothing but a record is known: they had ended before they could be read.
    pub processes_unknown: u64,
    pub cgroups: CgroupStats,
    pub containers: ContainerStats,
}

pub struct Identity {
    proc: Proc,
    clock: Clock,
    processes: Processes,
    cgroups: Cgroups<Place>,
    containers: Containers,
    users: Users,
    /// The initial pid namespace.
    host_pid_ns: u32,
    events: u64,
    read: u64,
    unknown: u64,
}

impl Identity {
    /// On this host, with everything where it usually is.
    pub fn new(hierarchy: &Hierarchy, clock: Clock, limits: Limits) -> Result<Self, IdentityError> {
        Self::with_sources(hierarchy, clock, limits, Sources::default())
    }

    pub fn with_sources(
        hierarchy: &Hierarchy,
        clock: Clock,
        limits: Limits,
        sources: Sources,
    ) -> Result<Self, IdentityError> {
        let path = hierarchy.mount.clone();
        let proc = Proc::new(sources.proc);
        Ok(Identity {
            clock,
            processes: Processes::new(limits, proc.tick()),
            cgroups: Cgroups::open(&path, limits)
                .map_err(|source| IdentityError::Cgroups { path, source })?,
            users: Users::new(sources.places.host.clone(), limits.passwd_files),
            containers: Containers::new(sources.places, clock),
            host_pid_ns: proc.pid_ns(1),
            proc,
            events: 0,
            read: 0,
            unknown: 0,
        })
    }

    /// Learns what is there already. Call it when the kernel side is attached, before its first record, so that
    /// nothing falls between; and again when records were lost: known processes are then read anew.
    pub fn seed(&mut self) -> Result<(), IdentityError> {
        self.cgroups.seed();
        let pids = self.proc.pids();
        let pids =
            pids.map_err(|source| IdentityError::Processes { path: self.proc.root().to_owned(), source })?;
        for pid in pids {
            self.reread(pid);
        }
        let gone: Vec<Key> =
            self.processes.live().filter(|key| !self.proc.path(key.pid, "stat").exists()).collect();
        for key in gone {
            self.processes.exit(key, clock::boottime());
        }
        Ok(())
    }

    /// The wall clock was set: later events are dated by this one.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
        self.containers.set_clock(clock);
    }

    pub fn stats(&self) -> IdentityStats {
        IdentityStats {
            processes: self.processes.stats(),
            processes_read: self.read,
            processes_unknown: self.unknown,
            cgroups: self.cgroups.stats(),
            containers: self.containers.stats(),
        }
    }

    /// Takes a record into the tables and says whose it was.
    pub fn observe(&mut self, header: Header, body: Body, tail: Bytes) -> Event {
        let now = header.time;
        let key = Key { pid: header.pid, start: header.start };
        self.learn_cgroup(&header, &body, &tail);
        let container = self.container(&header, matches!(body, Body::Exec(_)));
        let process = match &body {
            Body::Exec(exec) => self.exec(key, &header, exec, &tail, container.as_deref()),
            Body::Fork(_)
            | Body::Exit(_)
            | Body::Open(_)
            | Body::Connect(_)
            | Body::ConnectResult(_)
            | Body::CgroupMkdir(_)
            | Body::CgroupRmdir(_) => self.process(key, &header, &body, container.as_deref()),
        };
        match &body {
            Body::Fork(fork) => self.fork(key, &process, fork),
            Body::Exit(_) => {
                self.processes.exit(key, now);
                self.processes.expire(now);
                self.cgroups.expire(now);
            }
            Body::Exec(_)
            | Body::Open(_)
            | Body::Connect(_)
            | Body::ConnectResult(_)
            | Body::CgroupMkdir(_)
            | Body::CgroupRmdir(_) => {}
        }
        self.events += 1;
        Event {
            time: self.clock.wall(now),
            number: self.events,
            tid: header.tid,
            cpu: header.cpu,
            cgroup_id: header.cgroup_id,
            payload: Payload::Record { header, body: Box::new(body), tail },
            process,
            container,
        }
    }

    fn learn_cgroup(&mut self, header: &Header, body: &Body, tail: &[u8]) {
        match body {
            Body::CgroupMkdir(made) => {
                let record = Record { header, body, tail };
                // A path that is cut or could not be read is no path; the tree is asked when the id is met.
                if let Raw::Text(path, nightjar_events::Cut::None) =
                    record.text(&made.spans[cgroup_mkdir::SPAN_PATH])
                {
                    let path = path.strip_suffix(&[0]).unwrap_or(path);
                    self.cgroups.made(made.id, String::from_utf8_lossy(path).into_owned(), header.time);
                }
            }
            Body::CgroupRmdir(removed) => self.cgroups.removed(removed.id, header.time),
            Body::Exec(_)
            | Body::Fork(_)
            | Body::Exit(_)
            | Body::Open(_)
            | Body::Connect(_)
            | Body::ConnectResult(_) => {}
        }
    }

    fn container(&mut self, header: &Header, eager: bool) -> Option<Arc<Container>> {
        let cgroup = self.cgroups.get(header.cgroup_id, header.time);
        self.containers.of(cgroup, header.time, eager)
    }

    /// The process of a record that changes no image.
    fn process(
        &mut self,
        key: Key,
        header: &Header,
        body: &Body,
        container: Option<&Container>,
    ) -> Arc<Process> {
        let process = match self.known(key) {
            Some(process) => process,
            None => {
                self.unknown += 1;
                let mut process = image::from_header(header, body, self.clock);
                self.name(&mut process, container, header.time);
                let process = self.processes.insert(process, Start::Exact, None);
                self.processes.exit(key, header.time);
                process
            }
        };
        if process.uid != header.uid {
            return self.change_user(key, &process, header, container);
        }
        match container.filter(|_| process.user.is_none()) {
            Some(container) => self.name_late(key, process, container, header.time),
            None => process,
        }
    }

    /// A process that is in the table, or still in /proc.
    fn known(&mut self, key: Key) -> Option<Arc<Process>> {
        self.processes.get(key).or_else(|| {
            let found = self.proc.read(key.pid, self.clock)?;
            if !self.processes.same_tick(found.start, key.start) {
                return None;
            }
            self.read += 1;
            self.admit(found, ANCESTORS_MAX);
            self.processes.get(key)
        })
    }

    /// Puts a process read from /proc into the table, its ancestors before it.
    fn admit(&mut self, mut process: Process, ancestors: usize) {
        let parent = match self.processes.running(process.ppid) {
            None if ancestors > 0 && process.ppid != 0 => {
                if let Some(parent) = self.proc.read(process.ppid, self.clock) {
                    self.admit(parent, ancestors - 1);
                }
                self.processes.running(process.ppid)
            }
            parent => parent,
        };
        // A pid may have been used again between the two reads.
        let parent = parent.filter(|parent| parent.start <= process.start + self.proc.tick());
        // Which container it is in, a record will tell; until then, the host's names would be wrong in one.
        if process.pid_ns == self.host_pid_ns {
            self.name(&mut process, None, 0);
        }
        self.processes.insert(process, Start::Tick, parent);
    }

    fn reread(&mut self, pid: u32) {
        let Some(mut found) = self.proc.read(pid, self.clock) else { return };
        match self.processes.running(pid).filter(|key| self.processes.same_tick(key.start, found.start)) {
            Some(key) => {
                if let Some(before) = self.processes.get(key) {
                    found = Process {
                        start: before.start,
                        start_time: before.start_time,
                        ppid: before.ppid,
                        exe_upper_layer: before.exe_upper_layer && before.exe_inode == found.exe_inode,
                        user: before.user.clone(),
                        group: before.group.clone(),
                        login_user: before.login_user.clone(),
                        ..found
                    };
                    self.processes.replace(key, found);
                }
            }
            None => self.admit(found, ANCESTORS_MAX),
        }
    }

    fn exec(
        &mut self,
        key: Key,
        header: &Header,
        exec: &Exec,
        tail: &[u8],
        container: Option<&Container>,
    ) -> Arc<Process> {
        // One of which little is known tells nothing of its parent, but the record does.
        let before = self.processes.get(key).filter(|before| before.parent.is_some() || exec.ppid == 0);
        let mut image = image::after_exec(header, exec, tail, before.as_deref(), self.clock);
        self.name(&mut image, container, header.time);
        let kept = image::shortened(&image);
        let is_short = kept.is_none();
        let process = match before {
            Some(_) => self.processes.replace(key, kept.unwrap_or_else(|| image.clone())),
            None => {
                let parent = Key { pid: exec.ppid, start: exec.parent_start };
                let parent = self.known(parent).map(|parent| Key { pid: parent.pid, start: parent.start });
                Some(self.processes.insert(kept.unwrap_or_else(|| image.clone()), Start::Exact, parent))
            }
        };
        match process {
            Some(process) if is_short => process,
            kept => {
                image.parent = kept.and_then(|kept| kept.parent.clone());
                Arc::new(image)
            }
        }
    }

    /// A fork of a process that is known already changes nothing: it was read from /proc in between.
    fn fork(&mut self, maker: Key, process: &Process, fork: &Fork) {
        let child = Key { pid: fork.child_pid, start: fork.child_start };
        if self.processes.get(child).is_none() {
            self.processes.insert(image::after_fork(process, fork, self.clock), Start::Exact, Some(maker));
        }
    }

    /// setuid and the like leave no record yet; the next record shows another real user.
    fn change_user(
        &mut self,
        key: Key,
        process: &Process,
        header: &Header,
        container: Option<&Container>,
    ) -> Arc<Process> {
        let mut changed = Process { uid: header.uid, ..process.clone() };
        match self.proc.credentials(key.pid) {
            Some(now) => {
                changed.gid = now.gid;
                changed.euid = now.euid;
                changed.egid = now.egid;
                changed.cap_effective = now.cap_effective;
                changed.cap_permitted = now.cap_permitted;
                changed.cap_inheritable = now.cap_inheritable;
            }
            // setuid by root, the usual way, sets all of them.
            None if process.euid == process.uid => changed.euid = header.uid,
            None => {}
        }
        self.name(&mut changed, container, header.time);
        let fallback = Arc::new(changed.clone());
        self.processes.replace(key, changed).unwrap_or(fallback)
    }

    /// A process from /proc gets its names in its container when its first record says which one that is.
    fn name_late(
        &mut self,
        key: Key,
        process: Arc<Process>,
        container: &Container,
        now: u64,
    ) -> Arc<Process> {
        let mut named = Process::clone(&process);
        self.name(&mut named, Some(container), now);
        if named.user.is_none() {
            return process;
        }
        self.processes.replace(key, named).unwrap_or(process)
    }

    fn name(&mut self, process: &mut Process, container: Option<&Container>, now: u64) {
        let names = match container {
            Some(container) => {
                self.users.in_container(&container.id, &self.proc, process.pid, process.uid, process.gid, now)
            }
            None => self.users.on_host(process.uid, process.gid, now),
        };
        process.user = names.user;
        process.group = names.group;
        process.login_user = process.loginuid.and_then(|uid| self.users.on_host(uid, 0, now).user);
    }
}

#[cfg(test)]
mod tests;
