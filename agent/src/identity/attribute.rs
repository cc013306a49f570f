//! Whose a record is: its process from the table, or from /proc when the table does not have it, and what the record
//! changes of it. Names of users are added here, since only here process and container meet.

use std::sync::Arc;

use nightjar_engine::{Container, Process, event::ANCESTORS_MAX};
use nightjar_events::{
    Body, Header,
    event::{exec::Exec, fork::Fork},
};

use super::{
    INITIAL_PID_NS, Identity, image,
    process::{Key, Start},
};

impl Identity {
    /// The process of a record that changes no image.
    pub(super) fn process(
        &mut self,
        key: Key,
        header: &Header,
        body: &Body,
        container: Option<&Container>,
    ) -> Arc<Process> {
        let process = match self.known_process(key) {
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
        if process.uid != header.uid || matches!(body, Body::Setuid(_) | Body::Capset(_)) {
            return self.change_user(key, &process, header, container);
        }
        if !self.unnamed.is_empty() && self.unnamed.remove(&key.pid) {
            return self.name_late(key, process, container, header.time);
        }
        process
    }

    /// A process that is in the table, or still in /proc.
    fn known_process(&mut self, key: Key) -> Option<Arc<Process>> {
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
        if process.pid_ns == INITIAL_PID_NS {
            self.name(&mut process, None, 0);
        } else if self.unnamed.len() < self.unnamed_max {
            self.unnamed.insert(process.pid);
        }
        self.processes.insert(process, Start::Tick, parent);
    }

    pub(super) fn reread(&mut self, pid: u32) {
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

    pub(super) fn exec(
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
                let parent =
                    self.known_process(parent).map(|parent| Key { pid: parent.pid, start: parent.start });
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
    pub(super) fn fork(&mut self, maker: Key, process: &Process, fork: &Fork) {
        let child = Key { pid: fork.child_pid, start: fork.child_start };
        if self.processes.get(child).is_none() {
            self.processes.insert(image::after_fork(process, fork, self.clock), Start::Exact, Some(maker));
        }
    }

    /// setuid and the like leave a record only where a rule asks for it; else the next record shows another real user.
    fn change_user(
        &mut self,
        key: Key,
        process: &Process,
        header: &Header,
        container: Option<&Container>,
    ) -> Arc<Process> {
        // setuid by root, the usual way, sets all of them.
        let euid = if process.euid == process.uid { header.uid } else { process.euid };
        let mut changed = Process { uid: header.uid, euid, ..process.clone() };
        if header.tid != header.pid {
            // A thread may have a user of its own; the process is its main thread.
            self.name(&mut changed, container, header.time);
            return Arc::new(changed);
        }
        if let Some(now) = self.proc.credentials(key.pid, key.start) {
            changed.gid = now.gid;
            changed.euid = now.euid;
            changed.egid = now.egid;
            changed.cap_effective = now.cap_effective;
            changed.cap_permitted = now.cap_permitted;
            changed.cap_inheritable = now.cap_inheritable;
        }
        self.name(&mut changed, container, header.time);
        let fallback = Arc::new(changed.clone());
        self.processes.replace(key, changed).unwrap_or(fallback)
    }

    /// A process from /proc gets its names when its first record says in which container it is.
    fn name_late(
        &mut self,
        key: Key,
        process: Arc<Process>,
        container: Option<&Container>,
        now: u64,
    ) -> Arc<Process> {
        let mut named = Process::clone(&process);
        self.name(&mut named, container, now);
        self.processes.replace(key, named).unwrap_or(process)
    }

    pub(super) fn name(&mut self, process: &mut Process, container: Option<&Container>, now: u64) {
        let names = match container {
            Some(container) => self.users.in_container(
                &container.id,
                &self.proc,
                process.pid,
                process.euid,
                process.egid,
                now,
            ),
            None => self.users.on_host(process.euid, process.egid, now),
        };
        process.user = names.user;
        process.group = names.group;
        process.login_user = process.loginuid.and_then(|uid| self.users.on_host(uid, 0, now).user);
    }
}
