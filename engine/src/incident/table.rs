//! The incidents that are open. Every finding is counted in exactly one, or held back and counted there.

use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    sync::Arc,
};

use super::{
    End, Found, Report, SECOND, Settings, State,
    key::{self, Key},
    limit::Limit,
    step::Step,
    tree::{self, Tree},
};

/// Most incidents that are open at once.
pub const INCIDENTS_MAX: usize = 512;
/// Most bytes that all of them hold, as far as they are counted.
pub const BYTES_MAX: usize = 32 << 20;
/// Most different things that were found in one incident; with the next one another incident begins.
pub const STEPS_MAX: usize = 32;
/// An incident that goes on for longer is followed by another.
pub const AGE_MAX: u64 = 86_400 * SECOND;
/// What only happened again is told after this, then after twice as long each time, up to `AGAIN_MAX`.
const AGAIN: u64 = 60 * SECOND;
const AGAIN_MAX: u64 = 3600 * SECOND;
/// Further back than events of several CPUs can be: the clock was set.
const SET_BACK: u64 = 10 * SECOND;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub open: usize,
    /// What the open ones hold, as far as it is counted.
    pub bytes: usize,
    pub opened: u64,
    pub findings: u64,
    /// Ended before their time, since others needed the room.
    pub evicted: u64,
    /// Findings that went beyond their rule's limit.
    pub held: u64,
    /// Pairs of rule and container of whose minute nothing was known any more.
    pub limits_evicted: u64,
}

pub struct Incidents {
    settings: Settings,
    open: BTreeMap<Key, Open>,
    limit: Limit,
    hasher: RandomState,
    bytes: usize,
    now: u64,
    /// Nothing is due earlier.
    next: u64,
    counts: Counts,
}

struct Open {
    state: State,
    worst: Arc<Found>,
    /// Place of each step by the sameness of its findings.
    known: HashMap<u64, usize>,
    told: Told,
    bytes: usize,
}

/// What was told last.
struct Told {
    at: u64,
    findings: u64,
    steps: usize,
    /// How often in a row nothing was told but what had happened again.
    again: u32,
}

impl Open {
    fn new(found: &Arc<Found>, continues: Option<u128>) -> Open {
        let time = found.event.time;
        let lineage = found.event.lineage().map(tree::bytes).sum::<usize>();
        Open {
            state: State {
                id: found.id,
                continues,
                update: 0,
                end: None,
                first: time,
                last: time,
                findings: 0,
                steps: Vec::new(),
                new: 0,
                tree: Tree::default(),
            },
            worst: Arc::clone(found),
            known: HashMap::new(),
            told: Told { at: 0, findings: 0, steps: 0, again: 0 },
            bytes: size_of::<Open>() + lineage,
        }
    }

    /// Counts a finding. Whether it is worse than all before.
    fn add(&mut self, found: &Arc<Found>, sameness: u64, size: usize) -> bool {
        let state = &mut self.state;
        state.findings += 1;
        state.first = state.first.min(found.event.time);
        state.last = state.last.max(found.event.time);
        self.bytes += state.tree.add(&found.event, size);
        match self.known.get(&sameness) {
            Some(at) => state.steps[*at].again(found),
            None => {
                let step = Step::of(found);
                self.bytes += step.bytes();
                self.known.insert(sameness, state.steps.len());
                state.steps.push(step);
            }
        }
        let worse = found.finding.rule.priority < self.worst.finding.rule.priority;
        if worse {
            self.worst = Arc::clone(found);
        }
        worse
    }

    /// When it has something to say, or is over.
    fn due(&self, settings: &Settings) -> u64 {
        let over = self.state.last.saturating_add(settings.window);
        let again = AGAIN.saturating_mul(1 << self.told.again.min(10)).min(AGAIN_MAX);
        let news = if self.state.steps.len() > self.told.steps {
            self.told.at.saturating_add(settings.pause)
        } else if self.state.findings > self.told.findings {
            self.told.at.saturating_add(again)
        } else {
            u64::MAX
        };
        news.min(over)
    }

    fn tell(&mut self, now: u64) -> Report {
        let state = &mut self.state;
        state.new = state.steps.len() - self.told.steps;
        let again = if state.new > 0 { 0 } else { self.told.again + 1 };
        self.told = Told { at: now, findings: state.findings, steps: state.steps.len(), again };
        let report = Report::Incident(Arc::clone(&self.worst), Box::new(state.clone()));
        self.state.update += 1;
        report
    }
}

impl Incidents {
    pub fn new(settings: Settings) -> Incidents {
        Incidents {
            settings,
            open: BTreeMap::new(),
            limit: Limit::new(settings.per_minute),
            hasher: RandomState::new(),
            bytes: 0,
            now: 0,
            next: u64::MAX,
            counts: Counts::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts { open: self.open.len(), bytes: self.bytes, limits_evicted: self.limit.evicted, ..self.counts }
    }

    /// Counts a finding, and adds what is to be told of it now.
    pub fn take(&mut self, found: Found, reports: &mut Vec<Report>) {
        let time = found.event.time;
        let found = Arc::new(found);
        self.advance(time, reports);
        self.counts.findings += 1;
        if self.settings.window == 0 {
            if self.admits(&found) {
                reports.push(Report::Alone(found));
            }
            return;
        }
        let (key, size) = key::of(&found.event);
        let sameness = key::sameness(&self.hasher, &found);
        let known = self.open.get(&key).map(|open| open.known.contains_key(&sameness));
        if known != Some(true) && !self.admits(&found) {
            return;
        }
        let continues = self.make_way(&key, known == Some(false), time, reports);
        let counts = &mut self.counts;
        let open = self.open.entry(key.clone()).or_insert_with(|| {
            counts.opened += 1;
            Open::new(&found, continues)
        });
        let (new, before) = (open.state.findings == 0, if open.state.findings == 0 { 0 } else { open.bytes });
        let worse = open.add(&found, sameness, size);
        self.bytes += open.bytes - before;
        let quiet = known == Some(false) && time >= open.told.at.saturating_add(self.settings.pause);
        if new || worse || quiet {
            reports.push(open.tell(time));
        }
        self.next = self.next.min(open.due(&self.settings));
        self.evict(&key, reports);
    }

    /// Adds what is due at this time.
    pub fn advance(&mut self, now: u64, reports: &mut Vec<Report>) {
        if now.saturating_add(SET_BACK) < self.now {
            self.now = now;
            self.end(End::Clock, reports);
        }
        self.now = self.now.max(now);
        if now < self.next && self.limit.due().is_none_or(|due| now < due) {
            return;
        }
        let settings = self.settings;
        let due = self.open.iter().filter(|(_, open)| open.due(&settings) <= now).map(|(key, _)| key.clone());
        for key in due.collect::<Vec<_>>() {
            let Some(open) = self.open.get_mut(&key) else { continue };
            if open.state.last.saturating_add(settings.window) <= now {
                self.close(&key, End::Quiet, now, reports);
            } else {
                reports.push(open.tell(now));
            }
        }
        if self.limit.due().is_some_and(|due| due <= now) {
            self.tell_held(reports);
        }
        self.next = self.open.values().map(|open| open.due(&settings)).min().unwrap_or(u64::MAX);
    }

    /// When `advance` has something to tell, if nothing else is found.
    pub fn next_due(&self) -> Option<u64> {
        let next = self.next.min(self.limit.due().unwrap_or(u64::MAX));
        (next < u64::MAX).then_some(next)
    }

    /// Ends every incident, and adds what is left to be told.
    pub fn stop(&mut self, reports: &mut Vec<Report>) {
        self.end(End::Stopped, reports);
    }

    fn end(&mut self, end: End, reports: &mut Vec<Report>) {
        let now = self.now;
        let keys: Vec<_> = self.open.keys().cloned().collect();
        keys.iter().for_each(|key| self.close(key, end, now, reports));
        self.tell_held(reports);
        self.next = u64::MAX;
    }

    fn admits(&mut self, found: &Found) -> bool {
        let admits = self.limit.admits(found);
        self.counts.held += u64::from(!admits);
        admits
    }

    fn tell_held(&mut self, reports: &mut Vec<Report>) {
        let (held, others) = self.limit.held();
        if others > 0 || !held.is_empty() {
            reports.push(Report::Held(held, others));
        }
    }

    /// Ends the incident of a key when it cannot take another finding; then the next one goes on with it.
    fn make_way(&mut self, key: &Key, step: bool, now: u64, reports: &mut Vec<Report>) -> Option<u128> {
        let open = self.open.get(key)?;
        let end = if step && open.state.steps.len() >= STEPS_MAX {
            End::Full
        } else if now.saturating_sub(open.state.first) >= AGE_MAX {
            End::Old
        } else {
            return None;
        };
        let id = open.state.id;
        self.close(key, end, now, reports);
        Some(id)
    }

    /// What was told whole by its first report needs no last one.
    fn close(&mut self, key: &Key, end: End, now: u64, reports: &mut Vec<Report>) {
        let Some(mut open) = self.open.remove(key) else { return };
        self.bytes -= open.bytes;
        if open.state.update > 1 || open.state.findings > open.told.findings {
            open.state.end = Some(end);
            reports.push(open.tell(now));
        }
    }

    /// Those that were quiet for longest go first; the one that was just found stays.
    fn evict(&mut self, stays: &Key, reports: &mut Vec<Report>) {
        while self.open.len() > INCIDENTS_MAX || self.bytes > BYTES_MAX {
            let others = self.open.iter().filter(|(key, _)| *key != stays);
            let Some((key, _)) = others.min_by_key(|(_, open)| open.state.last) else { return };
            let (key, now) = (key.clone(), self.now);
            self.close(&key, End::Evicted, now, reports);
            self.counts.evicted += 1;
        }
    }
}
