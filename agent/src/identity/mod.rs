//! Whose was it: adds to each record the process that did it, its ancestors, and the container it ran in.
//!
//! Synchronous: what only a runtime's socket tells is asked beside it (`ask`) and handed in later. An event of a known
//! process in a known cgroup costs two lookups; /proc and the disk are read for what is new. Records must come in the order in which the kernel wrote them.

mod ask;
mod attribute;
mod cgroup;
mod clock;
mod container;
mod held;
mod hierarchy;
mod image;
mod keeper;
mod limits;
mod oci;
mod path;
mod proc;
mod process;
mod users;

use std::{collections::HashSet, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use nightjar_engine::{Container, Event, Payload, Process};
use nightjar_events::{
    Body, Cut, Header, Raw, Record,
    event::cgroup_mkdir::{self, CgroupMkdir},
};

pub use self::{
    ask::{Answer, Ask, AskStats, Asker, Sockets},
    cgroup::CgroupStats,
    clock::{Clock, boottime},
    container::ContainerStats,
    held::{Held, HeldStats, WAIT_DEFAULT, WAIT_MAX},
    hierarchy::{Hierarchy, HierarchyError},
    limits::Limits,
    oci::Places,
    process::ProcessStats,
};
use self::{
    cgroup::Cgroups,
    container::{Containers, Question},
    proc::Proc,
    process::{Key, Processes},
    users::Users,
};
pub(crate) use self::{oci::bundle, proc::INITIAL_PID_NS};

/// Where identity finds what it does not learn from records.
#[derive(Clone, Debug)]
pub struct Sources {
    pub proc: PathBuf,
    pub places: Places,
    /// Whether questions to runtimes are asked, and answered.
    pub asks: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Sources { proc: "/proc".into(), places: Places::default(), asks: false }
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

/// Where a cgroup lies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// From the hierarchy's root; `None`: it is not known, nor any more to be found.
    pub path: Option<String>,
    /// `None`: the host's.
    pub container: Option<Arc<Container>>,
}

/// What is known of a cgroup without looking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// From the hierarchy's root.
    pub path: Option<&'a str>,
    /// Nothing more will be learned of whose it is.
    pub settled: bool,
}

pub struct Identity {
    proc: Proc,
    clock: Clock,
    processes: Processes,
    cgroups: Cgroups<container::Place>,
    containers: Containers,
    users: Users,
    /// Pids read from /proc that run in another pid namespace, until a record tells in which container.
    unnamed: HashSet<u32>,
    unnamed_max: usize,
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
            containers: Containers::new(sources.places, clock, sources.asks),
            proc,
            unnamed: HashSet::new(),
            unnamed_max: limits.processes,
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

    /// What runtimes are to be asked now. Each needs an answer.
    pub fn questions(&mut self) -> impl Iterator<Item = Ask> {
        self.containers.questions()
    }

    /// What a runtime said.
    pub fn answer(&mut self, answer: Answer) {
        self.containers.answer(answer);
    }

    /// The wall clock was set: later events are dated by this one.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
        self.containers.set_clock(clock);
    }

    /// The wall clock, nanoseconds since the epoch, as it dates events.
    pub fn now(&self) -> u64 {
        self.clock.now()
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

    /// What is known of a cgroup already.
    pub fn known(&self, cgroup: u64) -> Known<'_> {
        let known = self.cgroups.peek(cgroup);
        let settled = known.is_some_and(|cgroup| cgroup.tag.settled().is_some());
        Known { path: known.and_then(|cgroup| cgroup.path.as_deref()), settled }
    }

    /// What a cgroup is, without a process of it at hand.
    pub fn place(&mut self, cgroup: u64) -> Place {
        let now = clock::boottime();
        let known = self.cgroups.get(cgroup, now);
        let path = known.path.as_deref().map(str::to_owned);
        let question = Question { now, eager: true, process: None };
        Place { path, container: self.containers.of(known, &question) }
    }

    /// Whether more may yet be learned of whose an event is.
    pub fn is_open(&self, event: &Event) -> bool {
        let cgroup = self.cgroups.peek(event.cgroup_id);
        cgroup.is_some_and(|cgroup| cgroup.path.is_some() && cgroup.tag.is_open(event.process.pid_ns))
    }

    /// Looks again whose an event is.
    pub fn look_again(&mut self, event: &mut Event) {
        let now = clock::boottime();
        let cgroup = self.cgroups.get(event.cgroup_id, now);
        let question = Question { now, eager: false, process: Some(&event.process) };
        let container = self.containers.of(cgroup, &question);
        if event.container.is_none() && container.is_some() {
            // Its names were taken from the host's files.
            let mut process = Process::clone(&event.process);
            self.name(&mut process, container.as_deref(), now);
            event.process = Arc::new(process);
        }
        event.container = container;
    }

    /// Takes a record into the tables and says whose it was.
    pub fn observe(&mut self, header: Header, body: Body, tail: Bytes) -> Event {
        let now = header.time;
        let key = Key { pid: header.pid, start: header.start };
        let (container, unplaced) = self.container(&header, matches!(body, Body::Exec(_)));
        let place = container.as_deref();
        let process = if let Body::Exec(exec) = &body {
            self.exec(key, &header, exec, &tail, place)
        } else {
            self.process(key, &header, &body, place)
        };
        match &body {
            Body::Fork(fork) => self.fork(key, &process, fork),
            Body::Exit(_) => self.exit(key, now),
            Body::CgroupMkdir(made) => {
                self.cgroup_made(Record { header: &header, body: &body, tail: &tail }, made, &process)
            }
            Body::CgroupRmdir(removed) => self.cgroups.removed(removed.id, now),
            // What else happens changes nothing about whose it is.
            _ => {}
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
            unplaced,
        }
    }

    /// A container is looked at when its cgroup is made, while the runtime that makes it holds everything ready: one
    /// that lives for moments may be gone when its first own record is read.
    fn cgroup_made(&mut self, record: Record<'_>, made: &CgroupMkdir, maker: &Process) {
        // A path that is cut or could not be read is no path; the tree is asked when the id is met.
        if let Raw::Text(path, Cut::None) = record.text(&made.spans[cgroup_mkdir::SPAN_PATH]) {
            let path = path.strip_suffix(&[0]).unwrap_or(path);
            let now = record.header.time;
            self.cgroups.made(made.id, String::from_utf8_lossy(path).into_owned(), now);
            let question = Question { now, eager: true, process: Some(maker) };
            self.containers.of(self.cgroups.get(made.id, now), &question);
        }
    }

    fn exit(&mut self, key: Key, now: u64) {
        self.processes.exit(key, now);
        self.processes.expire(now);
        self.cgroups.expire(now);
    }

    /// The container, and whether there may be one that is not known.
    fn container(&mut self, header: &Header, eager: bool) -> (Option<Arc<Container>>, bool) {
        if let Some(place) = self.cgroups.peek(header.cgroup_id).and_then(|cgroup| cgroup.tag.settled()) {
            return (place, false);
        }
        let cgroup = self.cgroups.get(header.cgroup_id, header.time);
        let process = self.processes.get(Key { pid: header.pid, start: header.start });
        let question = Question { now: header.time, eager, process: process.as_deref() };
        let container = self.containers.of(cgroup, &question);
        (container, cgroup.path.is_none())
    }
}

#[cfg(test)]
mod tests;
