//! Events whose identity is not whole yet wait here, for a bounded time and in bounded number, while those of other
//! containers go on. What a process did leaves in the order in which it was done.
//!
//! It does not know how identity is learned: it asks again until there is nothing more to learn, or time is up.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    time::Duration,
};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use nightjar_engine::{Event, Payload};

/// How long an event waits, unless told otherwise.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(2);
/// The longest that it may be told to.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// Most events that wait.
pub const EVENTS_MAX: usize = 4_096;
/// Most of one cgroup, so that one container leaves room for the others.
pub const OF_CGROUP_MAX: usize = 1_024;
/// Most bytes of their tails.
pub const BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldStats {
    /// Events that had to wait, also for an earlier one of their process.
    pub waited: u64,
    /// Of those, such that went on since time was up, or since too many waited.
    pub overdue: u64,
    pub crowded_out: u64,
    /// What both lacked, and how many of them.
    pub lacked: BTreeMap<String, u64>,
}

struct Waiting {
    event: Event,
    /// CLOCK_BOOTTIME.
    until: u64,
    /// It is not known yet, and does not just wait for another.
    is_open: bool,
}

pub struct Held {
    /// Nanoseconds.
    wait: u64,
    queue: VecDeque<Waiting>,
    by_process: HashMap<u32, usize>,
    by_cgroup: HashMap<u64, usize>,
    bytes: usize,
    stats: HeldStats,
}

impl Held {
    pub fn new(wait: Duration) -> Self {
        Held {
            wait: u64::try_from(wait.min(WAIT_MAX).as_nanos()).unwrap_or(u64::MAX),
            queue: VecDeque::new(),
            by_process: HashMap::new(),
            by_cgroup: HashMap::new(),
            bytes: 0,
            stats: HeldStats::default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn stats(&self) -> &HeldStats {
        &self.stats
    }

    /// Whether an event has to wait. `is_open`: more may be learned of whose it is.
    pub fn wants(&self, event: &Event, is_open: bool) -> bool {
        is_open && self.wait > 0 || !self.queue.is_empty() && self.by_process.contains_key(&event.process.pid)
    }

    /// Keeps an event. Where there are too many, the first ones go on.
    pub fn keep(&mut self, event: Event, is_open: bool, now: u64, out: &mut Vec<Event>) {
        let event = event.detached();
        let (pid, cgroup) = (event.process.pid, event.cgroup_id);
        *self.by_process.entry(pid).or_default() += 1;
        *self.by_cgroup.entry(cgroup).or_default() += 1;
        self.bytes += tail(&event);
        self.stats.waited += 1;
        self.queue.push_back(Waiting { event, until: now.saturating_add(self.wait), is_open });
        if self.by_cgroup.get(&cgroup).is_some_and(|waiting| *waiting > OF_CGROUP_MAX) {
            self.crowd_out(|waiting| waiting.event.cgroup_id == cgroup, out);
        }
        while self.queue.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            self.crowd_out(|_| true, out);
        }
    }

    /// Lets go on what is known by now, and what has waited long enough; `u64::MAX`: everything. `look` looks again whose an event is, and
    /// says whether more may be learned.
    pub fn release(&mut self, now: u64, mut look: impl FnMut(&mut Event) -> bool, out: &mut Vec<Event>) {
        let mut behind = HashSet::new();
        for mut waiting in mem::take(&mut self.queue) {
            waiting.is_open = waiting.is_open && look(&mut waiting.event);
            let is_overdue = waiting.until <= now;
            let pid = waiting.event.process.pid;
            if (waiting.is_open && !is_overdue) || behind.contains(&pid) {
                behind.insert(pid);
                self.queue.push_back(waiting);
            } else {
                self.stats.overdue += u64::from(waiting.is_open);
                self.let_go(waiting, out);
            }
        }
    }

    /// The first of them goes on, and before it what its process did earlier.
    fn crowd_out(&mut self, of: impl Fn(&Waiting) -> bool, out: &mut Vec<Event>) {
        let Some(first) = self.queue.iter().position(of) else { return };
        let pid = self.queue[first].event.process.pid;
        let mut at = 0;
        for _ in 0..=first {
            if self.queue[at].event.process.pid == pid {
                let Some(waiting) = self.queue.remove(at) else { return };
                self.stats.crowded_out += u64::from(waiting.is_open);
                self.let_go(waiting, out);
            } else {
                at += 1;
            }
        }
    }

    fn let_go(&mut self, waiting: Waiting, out: &mut Vec<Event>) {
        let Waiting { mut event, is_open, .. } = waiting;
        less_one(&mut self.by_process, event.process.pid);
        less_one(&mut self.by_cgroup, event.cgroup_id);
        self.bytes -= tail(&event);
        if is_open {
            let lacks = match &event.container {
                Some(container) => container.missing.as_slice(),
                None => &["container".to_owned()],
            };
            for lack in lacks {
                *self.stats.lacked.entry(lack.clone()).or_default() += 1;
            }
            event.unplaced = event.container.is_none();
        }
        out.push(event);
    }
}

fn less_one<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

fn tail(event: &Event) -> usize {
    match &event.payload {
        Payload::Record { tail, .. } => tail.len(),
        Payload::Case { .. } => 0,
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
