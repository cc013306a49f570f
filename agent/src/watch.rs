//! Sensor, intake and identity as one: what happens on this node, as events.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use nightjar_engine::{Event, Payload, rule::RuleSet};
use nightjar_events::{Family, Kind, event::IDENTITY_KINDS, ledger::ROWS_MAX};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::{
    identity::{
        self, Asker, Clock, Held, HeldStats, Hierarchy, Identity, IdentityStats, Limits, Place, Places,
        Sockets, Sources,
    },
    intake::Intake,
    memory,
    metrics::Watched,
    scope::{Deed, Scope, Scoping},
    sensor::{
        self, HookStatus, Ledger, Reader, Sensor, SensorError,
        ledger::{ByEvent, Reading},
    },
    timed::timed,
};

/// How often the wall clock is looked at again: it can be set, CLOCK_BOOTTIME cannot.
const CLOCK_PERIOD: Duration = Duration::from_secs(10);
/// How often is looked whether what waits for its identity can go on.
const HELD_PERIOD: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error(transparent)]
    Sensor(#[from] SensorError),
    #[error("find the cgroup hierarchy")]
    Hierarchy(#[from] identity::HierarchyError),
    #[error("start identity")]
    Identity(#[from] identity::IdentityError),
    #[error(
        "no program could be attached, of the first {program} since {reason}; `nightjar doctor` says more"
    )]
    NothingAttached { program: &'static str, reason: String },
}

/// What has passed through, for the ledger's other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub records: u64,
    /// Bytes that were no record. A defect, or somebody wrote to our ring.
    pub malformed: u64,
    /// Records of those who are not watched: from before their cgroup was muted, and such that identity needs.
    pub out_of_scope: u64,
}

pub struct Watch {
    sensor: Sensor,
    reader: Reader,
    ledger: Ledger,
    ring_bytes: u32,
    /// Nanoseconds since the epoch.
    started: u64,
    identity: Identity,
    asker: Asker,
    held: Held,
    /// When is looked again at what is held.
    look: Instant,
    scoping: Scoping,
    passed: Passed,
    clock_read: Instant,
}

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct Plan {
    pub ring_bytes: u32,
    /// Bulk events that a cgroup may have in a second; 0: as many as it likes.
    pub bulk_budget: u32,
    /// Events wanted; those that identity needs are added.
    pub kinds: BTreeSet<Kind>,
    /// The family of hooks for the events that have it; `None`: the best of each event.
    pub family: Option<Family>,
    /// Whose events are handed on.
    pub scope: Scope,
    /// Where the host's files lie: `/`, or a mount of them in a container.
    pub host_root: PathBuf,
    /// How long an event may wait for its identity to become whole.
    pub identity_wait: Duration,
    /// Where runtimes can be asked.
    pub sockets: Sockets,
}

impl Plan {
    pub fn asks_for(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind) || kind.is_for_identity()
    }
}

impl Watch {
    /// Attaches, then learns what runs already, so that nothing falls in between. Must be called in a tokio runtime.
    pub fn start(plan: &Plan) -> Result<Watch, WatchError> {
        let hierarchy = Hierarchy::detect(Path::new("/"))?;
        let mut sensor = Sensor::start(&sensor_options(plan, &hierarchy))?;
        if !sensor.hooks().iter().any(|hook| hook.state == sensor::HookState::Attached) {
            let failed = sensor.hooks().iter().find_map(|hook| Some((hook.program, hook.reason.clone()?)));
            let (program, reason) = failed.unwrap_or_default();
            return Err(WatchError::NothingAttached { program, reason });
        }
        for hook in sensor.hooks().iter().filter(|hook| hook.state == sensor::HookState::Failed) {
            warn!(event = hook.event, program = hook.program, reason = hook.reason, "hook not attached");
        }
        for hook in sensor.hooks().iter().filter(|hook| hook.state == sensor::HookState::PassedOver) {
            debug!(event = hook.event, program = hook.program, reason = hook.reason, "better hook not used");
        }
        let (reader, ledger) = (sensor.reader()?, sensor.ledger()?);
        let scoping = Scoping::new(plan.scope.clone(), sensor.muted()?);
        if tracing::enabled!(tracing::Level::TRACE) {
            let logs = sensor.forward_logs()?;
            tokio::spawn(async {
                if let Err(error) = logs.await {
                    debug!(%error, "kernel messages ended");
                }
            });
        }
        let places = Places { host: plan.host_root.clone(), ..Places::default() };
        let sources = Sources { places, asks: true, ..Sources::default() };
        let started = Clock::read().now();
        let mut identity = Identity::with_sources(&hierarchy, Clock::read(), Limits::default(), sources)?;
        timed("what runs already", || identity.seed())?;
        memory::give_back();
        Ok(Watch {
            sensor,
            reader,
            ledger,
            ring_bytes: plan.ring_bytes,
            started,
            identity,
            asker: Asker::new(&plan.host_root, &plan.sockets),
            held: Held::new(plan.identity_wait),
            look: Instant::now(),
            scoping,
            passed: Passed::default(),
            clock_read: Instant::now(),
        })
    }

    /// Loads and attaches everything, says what came of it, and lets go again.
    pub fn probe(plan: &Plan) -> Result<Vec<HookStatus>, WatchError> {
        let hierarchy = Hierarchy::detect(Path::new("/"))?;
        Ok(Sensor::start(&sensor_options(plan, &hierarchy))?.hooks().to_vec())
    }

    /// Waits for records and appends their events.
    pub async fn next(&mut self, events: &mut Vec<Event>) -> Result<(), WatchError> {
        tokio::select! {
            () = sleep_until(self.look), if !self.held.is_empty() => {}
            answer = self.asker.next() => {
                self.identity.answer(answer);
                self.look = Instant::now();
            }
            batch = self.reader.next() => self.take_in(batch?, events),
        }
        self.ask();
        if !self.held.is_empty() && self.look <= Instant::now() {
            self.let_go_on(identity::boottime(), events);
            self.look = Instant::now() + HELD_PERIOD;
        }
        Ok(())
    }

    fn ask(&mut self) {
        for question in self.identity.questions() {
            self.asker.ask(question);
        }
    }

    /// Appends what is in the ring now, and what waits for its identity: how a watch ends without losing what was
    /// already seen.
    pub fn drain(&mut self, events: &mut Vec<Event>) {
        let batch = self.reader.take();
        self.take_in(batch, events);
        self.let_go_on(u64::MAX, events);
    }

    /// Appends what need not wait any longer at `now`, CLOCK_BOOTTIME.
    fn let_go_on(&mut self, now: u64, events: &mut Vec<Event>) {
        let mut out = Vec::new();
        let identity = &mut self.identity;
        let look = |event: &mut Event| {
            identity.look_again(event);
            identity.is_open(event)
        };
        self.held.release(now, look, &mut out);
        out.into_iter().for_each(|event| self.admit(event, events));
    }

    /// As many batches as a full ring makes, for whoever drains it while more keeps coming.
    pub fn batches_in_ring(&self) -> usize {
        self.ring_bytes as usize / sensor::BATCH_BYTES
    }

    fn take_in(&mut self, batch: Vec<bytes::Bytes>, events: &mut Vec<Event>) {
        if self.clock_read.elapsed() > CLOCK_PERIOD {
            self.identity.set_clock(Clock::read());
            self.clock_read = Instant::now();
        }
        events.reserve(batch.len());
        for bytes in batch {
            match Intake::decode(&bytes) {
                Ok(Intake { header, body, tail }) => {
                    self.passed.records += 1;
                    let event = self.identity.observe(header, body, tail);
                    let is_open = self.identity.is_open(&event);
                    if self.held.wants(&event, is_open) {
                        self.hold(event, is_open, events);
                    } else {
                        self.admit(event, events);
                    }
                }
                Err(error) => {
                    self.passed.malformed += 1;
                    warn!(%error, "a record from the kernel side is malformed");
                }
            }
        }
    }

    /// Keeps an event until it is known whose it is.
    fn hold(&mut self, event: Event, is_open: bool, events: &mut Vec<Event>) {
        if self.held.is_empty() {
            self.look = Instant::now() + HELD_PERIOD;
        }
        let mut out = Vec::new();
        self.held.keep(event, is_open, identity::boottime(), &mut out);
        out.into_iter().for_each(|event| self.admit(event, events));
    }

    /// Appends an event that is in scope.
    fn admit(&mut self, event: Event, events: &mut Vec<Event>) {
        let time = match &event.payload {
            Payload::Record { header, .. } => header.time,
            Payload::Case { .. } => event.time,
        };
        let (cgroup, container) = (event.cgroup_id, event.container.as_deref());
        let deed = Deed { kind: event.kind(), time, cgroup, container };
        if self.scoping.admits(&deed, || self.identity.known(cgroup), identity::boottime) {
            events.push(event);
        } else {
            self.passed.out_of_scope += 1;
        }
    }

    pub fn hooks(&self) -> &[HookStatus] {
        self.sensor.hooks()
    }

    /// The ledger by event.
    pub fn ledger(&self) -> Result<ByEvent, WatchError> {
        Ok(self.ledger.by_event()?)
    }

    /// The ledger by event and by cgroup, which takes longer.
    pub fn whole_ledger(&self) -> Result<Reading, WatchError> {
        Ok(self.ledger.read()?)
    }

    /// Where a cgroup lies, and whose it is.
    pub fn place(&mut self, cgroup: u64) -> Place {
        self.identity.place(cgroup)
    }

    /// When the kernel side was attached, nanoseconds since the epoch.
    pub fn started(&self) -> u64 {
        self.started
    }

    /// The wall clock as events are dated, nanoseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.identity.now()
    }

    /// Reads processes and cgroups anew: records that told of them were lost.
    pub fn relearn(&mut self) -> Result<(), WatchError> {
        Ok(self.identity.seed()?)
    }

    /// Every count, for whoever asks while it goes on.
    pub fn watched(&self, rules: &RuleSet) -> Result<Watched, WatchError> {
        Ok(Watched {
            events: self.ledger()?,
            failures: self.ledger.failures()?,
            skipped: self.sensor.skipped()?,
            passed: self.passed,
            identity: self.identity.stats(),
            rules: rules.rules().count(),
            rules_active: rules.rules().filter(|rule| rules.active(rule)).count(),
            remembered: rules.remembered(),
        })
    }

    /// Every count, to the log: how a watch ends.
    pub fn say_counts(&self) -> Result<(), WatchError> {
        for (kind, tally) in self.ledger()?.into_iter().filter(|(_, tally)| tally.seen > 0) {
            let (seen, shed, lost) = (tally.seen, tally.shed, tally.lost);
            info!(event = kind.name(), seen, shed, lost, "counted");
        }
        let rows_evicted = self.ledger.rows_evicted()?;
        if rows_evicted > 0 {
            info!(rows_evicted, "cgroups whose row of the ledger was given to others");
        }
        for (program, runs) in self.sensor.skipped()? {
            warn!(
                program,
                runs, "the kernel skipped a program that watches; what happened then was not seen"
            );
        }
        for (place, times) in self.ledger.failures()? {
            info!(place = ?place, times, "{}", place.text());
        }
        let Passed { records, malformed, out_of_scope } = self.passed;
        info!(records, malformed, out_of_scope, "passed");
        let IdentityStats { processes, processes_read, processes_unknown, cgroups, containers } =
            self.identity.stats();
        info!(?processes, processes_read, processes_unknown, ?cgroups, ?containers, "identity");
        let HeldStats { waited, overdue, crowded_out, lacked } = self.held.stats();
        info!(runtimes = ?self.asker.stats(), "asked");
        info!(waited, overdue, crowded_out, ?lacked, "events that waited for their identity");
        Ok(())
    }
}

fn sensor_options(plan: &Plan, hierarchy: &Hierarchy) -> sensor::Options {
    sensor::Options {
        ring_bytes: plan.ring_bytes,
        bulk_budget: plan.bulk_budget,
        cgroup_rows: ROWS_MAX,
        kinds: plan.kinds.iter().copied().chain(IDENTITY_KINDS).collect(),
        family: plan.family,
        self_pid: std::process::id(),
        cgroup_controller: hierarchy.controller.clone(),
        cgroup_hierarchy: hierarchy.id,
        scoped: plan.scope != Scope::All,
        kernel_log: tracing::enabled!(tracing::Level::TRACE),
    }
}
