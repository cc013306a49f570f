//! The table of processes: who runs, who ran a moment ago, and whose child each one is.
//!
//! Pure bookkeeping: it reads no file and no clock. A `Process` is an immutable snapshot with its ancestors inside,
//! so an event costs one lookup and one `Arc` clone; the price is paid at exec, when the snapshots of living
//! descendants are renewed. `parent` stays the maker, also when the child is handed to another by its maker's exit.

use std::{collections::VecDeque, sync::Arc};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use nightjar_engine::{Process, event::ANCESTORS_MAX};

use super::limits::{LINEAGE_BYTES, Limits, RENEWED_PER_EXEC, SECOND};

/// Names a process for ever, where a pid alone is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub pid: u32,
    /// `start_boottime`, nanoseconds.
    pub start: u64,
}

/// How well a start is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Exact,
    /// From /proc, which rounds down to a clock tick.
    Tick,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessStats {
    pub live: usize,
    /// Exited and still kept.
    pub exited: usize,
    pub bytes: usize,
    /// Let go after their grace period.
    pub forgotten: u64,
    /// Dropped for a limit, before their time.
    pub evicted: u64,
    /// Processes whose exit was not seen: their pid came back.
    pub missed_exits: u64,
    /// Execs after which not all descendants could be renewed.
    pub renewals_cut: u64,
    /// Lineages that lost their eldest for a limit.
    pub lineages_cut: u64,
}

struct Entry {
    process: Arc<Process>,
    start: Start,
    parent: Option<Key>,
    /// Living ones only.
    children: HashSet<Key>,
    exited: bool,
}

pub struct Processes {
    entries: HashMap<Key, Entry>,
    /// The newest start of each pid.
    current: HashMap<u32, u64>,
    /// Keys in the order of their arrival; those of removed entries are skipped.
    arrivals: VecDeque<Key>,
    /// Exited, in order, with the time of the exit.
    exited: VecDeque<(u64, Key)>,
    /// Nanoseconds in a clock tick.
    tick: u64,
    limits: Limits,
    stats: ProcessStats,
}

impl Processes {
    /// `tick`: nanoseconds to which a `Start::Tick` is rounded down.
    pub fn new(limits: Limits, tick: u64) -> Self {
        Processes {
            entries: HashMap::new(),
            current: HashMap::new(),
            arrivals: VecDeque::new(),
            exited: VecDeque::new(),
            tick: tick.max(1),
            limits,
            stats: ProcessStats::default(),
        }
    }

    pub fn stats(&self) -> ProcessStats {
        ProcessStats { live: self.entries.len() - self.exited.len(), exited: self.exited.len(), ..self.stats }
    }

    /// The process of a record. An entry that knows its start to a tick only takes the exact one from here on.
    pub fn get(&mut self, key: Key) -> Option<Arc<Process>> {
        if let Some(entry) = self.entries.get(&key) {
            return Some(entry.process.clone());
        }
        self.sharpen(key)
    }

    /// The newest process of a pid, when it still runs: for a parent of which /proc gives the pid alone.
    pub fn running(&self, pid: u32) -> Option<Key> {
        let key = Key { pid, start: *self.current.get(&pid)? };
        self.entries.get(&key).filter(|entry| !entry.exited).map(|_| key)
    }

    /// Whether two starts of one pid are the same, seen through /proc's rounding.
    pub fn same_tick(&self, a: u64, b: u64) -> bool {
        a / self.tick == b / self.tick
    }

    /// Adds a process, or replaces it. Its ancestors are those of `parent`, where that is in the table.
    pub fn insert(&mut self, mut process: Process, start: Start, parent: Option<Key>) -> Arc<Process> {
        let key = Key { pid: process.pid, start: process.start };
        self.remove(key);
        let other = self.running(key.pid);
        if let Some(earlier) = other.filter(|other| other.start < key.start) {
            self.stats.missed_exits += 1;
            self.mark_exited(earlier, key.start);
        }
        let parent = parent.filter(|parent| *parent != key);
        if let Some(entry) = parent.and_then(|parent| self.entries.get_mut(&parent)) {
            process.parent = Some(entry.process.clone());
            entry.children.insert(key);
        }
        self.bound_lineage(&mut process);
        let process = Arc::new(process);
        self.stats.bytes += weight(&process);
        let entry =
            Entry { process: process.clone(), start, parent, children: HashSet::new(), exited: false };
        self.entries.insert(key, entry);
        if self.current.get(&key.pid).is_none_or(|start| *start <= key.start) {
            self.current.insert(key.pid, key.start);
        }
        self.arrivals.push_back(key);
        // A late record of a process whose pid is in use again.
        if let Some(later) = other.filter(|other| other.start > key.start) {
            self.mark_exited(key, later.start);
        }
        self.keep_within_limits(key);
        process
    }

    /// The process became another image, or changed its user. Its lineage stays; its descendants see the new image.
    pub fn replace(&mut self, key: Key, mut image: Process) -> Option<Arc<Process>> {
        let entry = self.entries.get_mut(&key)?;
        image.parent = entry.process.parent.clone();
        self.stats.bytes = self.stats.bytes - weight(&entry.process) + weight(&image);
        let process = Arc::new(image);
        entry.process = process.clone();
        self.renew_descendants(key);
        self.keep_within_limits(key);
        Some(process)
    }

    /// The process ended at `now`, by the same clock as starts.
    pub fn exit(&mut self, key: Key, now: u64) {
        if self.get(key).is_some() {
            self.mark_exited(key, now);
        }
    }

    /// Lets go of what exited longer ago than the grace period.
    pub fn expire(&mut self, now: u64) {
        let grace = self.limits.exited_grace_secs.saturating_mul(SECOND);
        while let Some((_, key)) =
            self.exited.front().filter(|(at, _)| at.saturating_add(grace) < now).copied()
        {
            self.exited.pop_front();
            self.drop_entry(key);
            self.stats.forgotten += 1;
        }
    }

    /// Processes that have not been seen to exit.
    pub fn live(&self) -> impl Iterator<Item = Key> {
        self.entries.iter().filter(|(_, entry)| !entry.exited).map(|(key, _)| *key)
    }

    fn sharpen(&mut self, key: Key) -> Option<Arc<Process>> {
        let old = Key { pid: key.pid, start: *self.current.get(&key.pid)? };
        let coarse = self.entries.get(&old)?;
        if coarse.start == Start::Exact || !self.same_tick(old.start, key.start) {
            return None;
        }
        let mut entry = self.entries.remove(&old)?;
        entry.start = Start::Exact;
        let process = Arc::make_mut(&mut entry.process);
        process.start_time = process.start_time.saturating_add(key.start.saturating_sub(old.start));
        process.start = key.start;
        // Not when the parent's key was given anew, to a process that may be a descendant: lineages never go round.
        if let Some(parent) = entry.parent.and_then(|parent| self.entries.get_mut(&parent))
            && parent.children.remove(&old)
        {
            parent.children.insert(key);
        }
        for child in &entry.children {
            if let Some(child) = self.entries.get_mut(child) {
                child.parent = Some(key);
            }
        }
        if entry.exited {
            for (_, exited) in self.exited.iter_mut().filter(|(_, exited)| *exited == old) {
                *exited = key;
            }
        }
        let process = entry.process.clone();
        self.entries.insert(key, entry);
        self.current.insert(key.pid, key.start);
        self.arrivals.push_back(key);
        self.renew_descendants(key);
        Some(process)
    }

    /// Parents before children, so that each takes its parent's new snapshot.
    fn renew_descendants(&mut self, key: Key) {
        let mut parents = VecDeque::from([key]);
        let mut renewed = 0;
        while let Some(parent) = parents.pop_front() {
            let Some(entry) = self.entries.get(&parent) else { continue };
            let snapshot = entry.process.clone();
            let children: Vec<Key> = entry.children.iter().copied().collect();
            for child in children {
                if renewed == RENEWED_PER_EXEC {
                    self.stats.renewals_cut += 1;
                    return;
                }
                renewed += 1;
                if let Some(entry) = self.entries.get_mut(&child) {
                    Arc::make_mut(&mut entry.process).parent = Some(snapshot.clone());
                    parents.push_back(child);
                }
            }
        }
    }

    /// A lineage may grow to twice the ancestors that are asked for, then the elder half goes: one copy per fork on
    /// average, however long a chain of processes that fork and exit becomes.
    fn bound_lineage(&mut self, process: &mut Process) {
        let (mut count, mut bytes, mut keep) = (0, 0, ANCESTORS_MAX);
        let mut next = process.parent.as_ref();
        while let Some(ancestor) = next {
            count += 1;
            bytes += weight(ancestor);
            if bytes > LINEAGE_BYTES {
                keep = keep.min(count / 2);
                break;
            }
            next = ancestor.parent.as_ref();
        }
        if count > 2 * ANCESTORS_MAX || bytes > LINEAGE_BYTES {
            self.stats.lineages_cut += 1;
            process.parent = youngest(process.parent.as_ref(), keep.max(1));
        }
    }

    fn mark_exited(&mut self, key: Key, now: u64) {
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| !entry.exited) else { return };
        entry.exited = true;
        let parent = entry.parent;
        self.exited.push_back((now, key));
        self.leave_parent(parent, key);
        while self.exited.len() > self.limits.exited_processes && self.evict_exited() {}
    }

    fn leave_parent(&mut self, parent: Option<Key>, child: Key) {
        if let Some(parent) = parent.and_then(|parent| self.entries.get_mut(&parent)) {
            parent.children.remove(&child);
        }
    }

    fn remove(&mut self, key: Key) {
        if self.entries.get(&key).is_some_and(|entry| entry.exited) {
            self.exited.retain(|(_, exited)| *exited != key);
        }
        self.drop_entry(key);
    }

    fn drop_entry(&mut self, key: Key) {
        let Some(entry) = self.entries.remove(&key) else { return };
        self.stats.bytes -= weight(&entry.process);
        self.leave_parent(entry.parent, key);
        if self.current.get(&key.pid) == Some(&key.start) {
            self.current.remove(&key.pid);
        }
    }

    fn evict_exited(&mut self) -> bool {
        let Some((_, key)) = self.exited.pop_front() else { return false };
        self.drop_entry(key);
        self.stats.evicted += 1;
        true
    }

    /// Exited processes go first, then the running ones that came first: those are read from /proc again when needed.
    fn keep_within_limits(&mut self, newest: Key) {
        while self.entries.len() > self.limits.processes || self.stats.bytes > self.limits.process_bytes {
            if self.evict_exited() {
                continue;
            }
            let Some(key) = self.arrivals.pop_front() else { break };
            if key == newest {
                self.arrivals.push_back(key);
                if self.entries.len() <= 1 {
                    break;
                }
            } else if self.entries.contains_key(&key) {
                self.drop_entry(key);
                self.stats.evicted += 1;
            }
        }
        if self.arrivals.len() > 2 * self.entries.len() + 64 {
            let mut seen = HashSet::with_capacity(self.entries.len());
            self.arrivals.retain(|key| self.entries.contains_key(key) && seen.insert(*key));
        }
    }
}

/// The same ancestors, without those beyond the `keep` youngest.
fn youngest(parent: Option<&Arc<Process>>, keep: usize) -> Option<Arc<Process>> {
    let kept: Vec<_> = std::iter::successors(parent, |process| process.parent.as_ref()).take(keep).collect();
    kept.into_iter()
        .rev()
        .fold(None, |elder, process| Some(Arc::new(Process { parent: elder, ..Process::clone(process) })))
}

/// Bytes that a snapshot itself takes, about.
fn weight(process: &Process) -> usize {
    let args: usize = process.args.iter().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum();
    size_of::<Process>() + args + process.comm.len() + process.exe_path.len() + process.cwd.len()
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
