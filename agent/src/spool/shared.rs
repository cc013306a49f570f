//! The store, shared by the thread that writes, the outputs that read and the one that keeps house.

use std::{
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nightjar_engine::rule::Priority;
use rustix::fs::{FlockOperation, flock};
use tracing::{error, info, warn};

use super::{
    cursor::{self, Counts, Trouble},
    disk::Folder,
    entry,
    log::{Batch, Limits},
    quarantine::Refused,
    store::{Ack, Losses, Pending, Store},
};
use crate::{
    alert::{Message, Origin, notice::Notice},
    output::transport::Item,
};

/// How often the house is kept: what is not severe is synced, what all outputs have is given up.
pub const TICK: Duration = Duration::from_secs(1);
/// Losses that go on are told no more often than this.
const TELL_PERIOD: Duration = Duration::from_secs(10);
/// Held by the one agent that uses the folder.
const LOCK: &str = "lock";
pub const RULE: &str = "Nightjar internal: alerts lost";
pub const RULE_BROKEN: &str = "Nightjar internal: output broke down";

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("open spool {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("spool {path} is in use by another agent")]
    InUse { path: PathBuf },
    #[error("start a thread for the spool")]
    Thread(#[source] io::Error),
    #[error("encode alert of rule `{rule}` for the spool")]
    Encode { rule: String, source: rmp_serde::encode::Error },
}

/// What the caller decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub dir: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Alerts at least this severe are on disk before anything else is done.
    pub sync: Priority,
}

pub struct Spool {
    state: Mutex<State>,
    /// Something was accepted, or the end has begun.
    news: Condvar,
    /// An output ended, or the end has begun.
    ends: Condvar,
    settings: Settings,
    origin: Arc<Origin>,
    /// Keeps other agents away for as long as it is open.
    _lock: File,
}

struct State {
    store: Store<Folder>,
    /// `Some`: outputs end once they have everything, or at this time.
    end: Option<Instant>,
    /// Outputs that work.
    working: usize,
    told: Losses,
    told_at: Option<Instant>,
    troubled: bool,
    /// By the places of the outputs.
    breaks: Vec<Breaks>,
    /// Times that the batch of an output that is under way had to be tried again.
    tries: Vec<u64>,
}

/// What the spool and the outputs say of themselves.
#[derive(Clone, Debug)]
pub struct Health {
    pub accepted: u64,
    pub losses: Losses,
    pub bytes: u64,
    /// Bytes that it may grow to.
    pub limit: u64,
    /// Alerts in memory, since the disk is full.
    pub waiting_for_room: usize,
    /// The disk does not take what is written.
    pub failing: bool,
    pub outputs: Vec<OutputHealth>,
}

#[derive(Clone, Debug)]
pub struct OutputHealth {
    pub name: String,
    pub waiting: u64,
    /// Time of the oldest alert that waits, nanoseconds since the epoch.
    pub oldest: Option<u64>,
    pub counts: Counts,
    /// Tries that are not in `counts` yet.
    pub tries_now: u64,
    pub restarts: u64,
    /// Nanoseconds since the epoch.
    pub last_error: Option<u64>,
}

/// How often an output broke down since the spool was opened.
#[derive(Clone, Debug, Default)]
struct Breaks {
    times: u64,
    told: u64,
    told_at: Option<Instant>,
    why: String,
}

/// What an output is given.
pub enum Given {
    Batch(Batch),
    Over,
}

impl Spool {
    /// `outputs` are names; an output is known by its place among them.
    pub fn open(settings: Settings, outputs: &[String], origin: Arc<Origin>) -> Result<Spool, SpoolError> {
        let path = || settings.dir.clone();
        let failed = |source| SpoolError::Open { path: path(), source };
        let folder = Folder::make(path()).map_err(failed)?;
        let lock = File::options().create(true).append(true).open(folder.path(LOCK)).map_err(failed)?;
        if let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error {
                rustix::io::Errno::WOULDBLOCK => SpoolError::InUse { path: path() },
                error => failed(error.into()),
            });
        }
        let (store, torn) = Store::open(folder, Limits::of(settings.size), outputs).map_err(failed)?;
        if torn.bytes > 0 {
            warn!(bytes = torn.bytes, "the spool ended in an entry that was not written to its end");
        }
        let (state, news, ends) = (State::of(store), Condvar::new(), Condvar::new());
        Ok(Spool { state: Mutex::new(state), news, ends, settings, origin, _lock: lock })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked did so between two entries: the store holds nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages that are in the log since it was opened, and those that were lost.
    pub fn counts(&self) -> (u64, Losses) {
        let store = &self.state().store;
        (store.accepted, store.losses)
    }

    pub fn health(&self) -> Health {
        let state = self.state();
        let places = 0..state.store.readers.len();
        Health {
            accepted: state.store.accepted,
            losses: state.store.losses,
            bytes: state.store.log.bytes(),
            limit: self.settings.size,
            waiting_for_room: state.store.waiting(),
            failing: state.store.trouble.is_some(),
            outputs: places.map(|place| state.output_health(place)).collect(),
        }
    }

    /// Starts the thread that keeps house.
    pub fn start(self: &Arc<Self>) -> Result<(), SpoolError> {
        let spool = Arc::clone(self);
        let keep = move || spool.keep_house();
        thread::Builder::new().name("spool".to_owned()).spawn(keep).map(drop).map_err(SpoolError::Thread)
    }

    /// Takes messages over. What could not be taken is counted and told later.
    pub fn write(&self, messages: &[Message]) -> Result<(), SpoolError> {
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            let payload = entry::encode(message, None)
                .map_err(|source| SpoolError::Encode { rule: message.rule().to_owned(), source })?;
            entries.push(Pending { payload, severe: message.priority() <= self.settings.sync });
        }
        self.accept(&mut self.state(), entries);
        Ok(())
    }

    fn accept(&self, state: &mut State, entries: Vec<Pending>) {
        state.store.accept(entries.into_iter());
        state.say_trouble();
        self.news.notify_all();
    }

    /// Number of the entry that an output is given next.
    pub fn position(&self, output: usize) -> u64 {
        self.state().store.readers.get(output).map_or(0, |reader| reader.cursor.position.next)
    }

    /// Waits until there is something for an output.
    pub fn take(&self, output: usize, count: usize, bytes: usize) -> io::Result<Given> {
        let mut state = self.state();
        loop {
            let there = state.store.readers.get(output).map_or(0, |reader| reader.cursor.position.next);
            let late = state.end.is_some_and(|end| Instant::now() >= end);
            if there < state.store.log.next() && !late {
                return state.store.read(output, count, bytes).map(Given::Batch);
            }
            if state.end.is_some() {
                return Ok(Given::Over);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// An output is done with what it took.
    pub fn done(&self, output: usize, ack: Ack) {
        let mut state = self.state();
        state.store.ack(output, ack);
        state.tries[output] = 0;
        state.say_trouble();
    }

    /// What keeps an output from coming further.
    pub fn say_trouble(&self, output: usize, trouble: Trouble) {
        let mut state = self.state();
        state.store.note_trouble(output, trouble);
        state.tries[output] += 1;
    }

    pub fn put_aside(&self, output: usize, refused: &Refused) {
        self.state().store.put_aside(output, refused);
    }

    /// Waits before something is tried again; whether it is to be tried at all.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state();
        while state.end.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.ends.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// An output panicked; an alert tells of it soon.
    pub fn output_broke(&self, output: usize, why: &str) {
        let mut state = self.state();
        if let Some(breaks) = state.breaks.get_mut(output) {
            breaks.times += 1;
            breaks.why = cursor::shortened(why);
        }
    }

    pub fn output_begins(&self) {
        self.state().working += 1;
    }

    pub fn output_ends(&self) {
        self.state().working -= 1;
        self.ends.notify_all();
    }

    /// Lets outputs take what is there, for so long, and puts everything on disk.
    pub fn end(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.state();
        state.end = Some(until);
        self.news.notify_all();
        self.ends.notify_all();
        while state.working > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.ends.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.tick(&mut state);
        state.say_counts();
    }

    fn keep_house(&self) {
        while self.pause(TICK) {
            let tick = AssertUnwindSafe(|| self.tick(&mut self.state()));
            if catch_unwind(tick).is_err() {
                error!("the spool's housekeeping broke down; it is tried again");
            }
        }
    }

    fn tick(&self, state: &mut State) {
        state.store.settle();
        let told = state.told_at.is_some_and(|at| at.elapsed() < TELL_PERIOD) && state.end.is_none();
        if state.store.losses != state.told && state.store.waiting() == 0 && !told {
            let notice = self.notice(state);
            self.tell(state, &notice);
        }
        let broken: Vec<_> = (0..state.breaks.len()).filter_map(|place| self.broken(state, place)).collect();
        broken.iter().for_each(|notice| self.tell(state, notice));
        match state.store.requeue_requests() {
            Ok(outputs) => outputs.iter().for_each(|output| self.requeue(state, output)),
            Err(error) => warn!(%error, "look for requests to requeue"),
        }
        state.say_trouble();
    }

    fn requeue(&self, state: &mut State, output: &str) {
        let entry = |refused: &Refused| entry::encode(&refused.alert, Some(output)).map_err(io::Error::other);
        match state.store.requeue(output, entry) {
            Ok(alerts) => info!(output, alerts, "requeued what was refused"),
            Err(error) => warn!(output, %error, "requeue what was refused"),
        }
        self.news.notify_all();
    }

    fn tell(&self, state: &mut State, notice: &Notice) {
        match entry::encode(notice, None) {
            Ok(payload) => self.accept(state, vec![Pending { payload, severe: true }]),
            Err(error) => error!(%error, "encode an alert about the outputs"),
        }
    }

    /// That an output broke down since it was told last.
    fn broken(&self, state: &mut State, place: usize) -> Option<Notice> {
        let end = state.end.is_some();
        let name = &state.store.readers.get(place)?.name;
        let breaks = state.breaks.get_mut(place)?;
        let early = breaks.told_at.is_some_and(|at| at.elapsed() < TELL_PERIOD) && !end;
        if breaks.times == breaks.told || early {
            return None;
        }
        breaks.told_at = Some(Instant::now());
        let since = breaks.times - std::mem::replace(&mut breaks.told, breaks.times);
        Some(Notice {
            origin: self.origin.clone(),
            time: wall_clock(),
            rule: RULE_BROKEN,
            priority: Priority::Critical,
            message: format!("An output broke down and was started anew | {name}: {}", breaks.why),
            fields: vec![("restarts".to_owned(), since)],
        })
    }

    fn notice(&self, state: &mut State) -> Notice {
        let (now, told) = (state.store.losses, std::mem::replace(&mut state.told, state.store.losses));
        state.told_at = Some(Instant::now());
        let since = [
            ("evicted", now.evicted - told.evicted),
            ("no_room", now.no_room - told.no_room),
            ("too_long", now.too_long - told.too_long),
            ("not_kept", now.not_kept - told.not_kept),
        ];
        let parts: Vec<_> = since.iter().filter(|(_, count)| *count > 0).collect();
        let list: Vec<_> = parts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        Notice {
            origin: self.origin.clone(),
            time: wall_clock(),
            rule: RULE,
            priority: Priority::Critical,
            message: format!("Alerts did not reach an output | {}", list.join(", ")),
            fields: parts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        }
    }
}

/// Nanoseconds since the epoch.
fn wall_clock() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default()
}

impl State {
    fn of(store: Store<Folder>) -> State {
        let outputs = store.readers.len();
        let (told, breaks, tries) = (Losses::default(), vec![Breaks::default(); outputs], vec![0; outputs]);
        State { store, end: None, working: 0, told, told_at: None, troubled: false, breaks, tries }
    }

    fn output_health(&self, place: usize) -> OutputHealth {
        let reader = &self.store.readers[place];
        let next = self.store.log.next();
        let waiting = next - reader.cursor.position.next.min(next);
        // One that cannot be read is counted when its output comes to it.
        let first = (waiting > 0).then(|| self.store.read(place, 1, 1).ok()).flatten();
        let first = first.and_then(|batch| entry::decode(&batch.entries.first()?.1).ok());
        OutputHealth {
            name: reader.name.clone(),
            waiting,
            oldest: first.map(|entry| Item::of(entry.alert).time),
            counts: reader.cursor.counts,
            tries_now: self.tries[place],
            restarts: self.breaks[place].times,
            last_error: reader.cursor.trouble.as_ref().map(|trouble| trouble.time),
        }
    }

    /// Says once that the disk fails, and once that it does not any more.
    fn say_trouble(&mut self) {
        match (&self.store.trouble, self.troubled) {
            (Some(error), false) => {
                let waiting = self.store.waiting();
                error!(%error, waiting, "the spool cannot write; alerts wait in memory");
            }
            (None, true) => info!("the spool writes again"),
            (Some(_), true) | (None, false) => {}
        }
        self.troubled = self.store.trouble.is_some();
    }

    /// Every count, to the log: how a run ends.
    fn say_counts(&self) {
        let Losses { no_room, too_long, evicted, not_kept } = self.store.losses;
        info!(accepted = self.store.accepted, no_room, too_long, evicted, not_kept, "spooled");
        let next = self.store.log.next();
        for reader in &self.store.readers {
            let counts = reader.cursor.counts;
            let waiting = next - reader.cursor.position.next.min(next);
            info!(
                output = reader.name,
                delivered = counts.delivered,
                refused = counts.refused,
                waiting,
                "output"
            );
        }
    }
}
