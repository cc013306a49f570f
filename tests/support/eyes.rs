//! The kernel side, loaded once for all tests of a process, and a view of its records for each.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        LazyLock, Mutex, MutexGuard, OnceLock,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

use nightjar::{
    identity::Hierarchy,
    intake::Intake,
    sensor::{self, BULK_BUDGET_DEFAULT},
};
use nightjar_engine::Value;
use nightjar_events::{
    EVENTS, Family, Field, Kind,
    ledger::{ROWS_MAX, Tally},
    wire::Record,
};

/// After this long a record that has not come will not come. Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Records from now on.
pub struct Eyes(Receiver<Intake>);

/// A record that was waited for.
pub struct Seen(pub Intake);

/// A kernel side of a test's own.
pub struct Ring {
    pub reader: sensor::Reader,
    pub ledger: sensor::Ledger,
    /// Detaches when it is dropped.
    sensor: Option<sensor::Sensor>,
}

/// Names the family of hooks that the tests are to use; the best of each event when it is not set.
const FAMILY_VARIABLE: &str = "NIGHTJAR_HOOKS";

type Viewers = Mutex<Vec<Sender<Intake>>>;

/// The kernel side that all tests share, for its counters.
static SHARED: OnceLock<Mutex<(sensor::Sensor, sensor::Ledger)>> = OnceLock::new();

static VIEWERS: LazyLock<&'static Viewers> = LazyLock::new(|| {
    let viewers: &'static Viewers = Box::leak(Box::default());
    let (ready, is_ready) = sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(show(viewers, ready));
    });
    is_ready.recv().expect("the kernel side loads");
    viewers
});

async fn show(viewers: &Viewers, ready: SyncSender<()>) {
    // With a budget, so that a test that floods in a cgroup of its own does not take the records of the others; a large
    // one, since those do more than one container and every event is watched.
    let options = sensor::Options { bulk_budget: 5 * BULK_BUDGET_DEFAULT, ..Ring::options() };
    let Ring { mut reader, ledger, sensor } = Ring::open(&options);
    let sensor = sensor.expect("it is attached");
    assert!(SHARED.set(Mutex::new((sensor, ledger))).is_ok(), "there is one kernel side");
    ready.send(()).expect("a test waits");
    loop {
        for bytes in reader.next().await.expect("the ring is readable") {
            let intake = Intake::decode(&bytes).expect("every record is well formed");
            viewers.lock().expect("no viewer panics").retain(|viewer| viewer.send(intake.clone()).is_ok());
        }
    }
}

fn shared() -> MutexGuard<'static, (sensor::Sensor, sensor::Ledger)> {
    SHARED.get().expect("eyes are open").lock().expect("no test panics while it reads a counter")
}

/// How often the kernel has skipped programs of an event: it does where programs can be preempted.
pub fn skipped(kind: Kind) -> u64 {
    let programs: BTreeSet<_> =
        kind.event().hooks.iter().flat_map(|hook| hook.points).map(|point| point.program).collect();
    let skipped = shared().0.skipped().expect("the kernel tells");
    skipped.iter().filter(|(name, _)| programs.contains(name)).map(|(_, runs)| runs).sum()
}

/// How many instructions the verifier walked through for each program, where the kernel tells, and how many programs are
/// attached.
pub fn verified() -> (Vec<(&'static str, u64)>, usize) {
    let shared = shared();
    let attached = shared.0.hooks().iter().filter(|hook| hook.state == sensor::HookState::Attached);
    let programs: BTreeSet<_> = attached.map(|hook| hook.program).collect();
    (shared.0.verified().expect("the kernel tells"), programs.len())
}

/// The family of hooks that was asked for.
fn wanted_family() -> Option<Family> {
    let name = std::env::var(FAMILY_VARIABLE).ok()?;
    let hooks = EVENTS.iter().flat_map(|event| event.hooks);
    let family = hooks.map(|hook| hook.family).find(|family| family.name() == name);
    Some(family.unwrap_or_else(|| panic!("{FAMILY_VARIABLE}: no event has hooks of a family {name}")))
}

/// By which family of hooks an event is seen.
pub fn family(kind: Kind) -> &'static str {
    let shared = shared();
    let attached =
        |hook: &&sensor::HookStatus| hook.event == kind.name() && hook.state == sensor::HookState::Attached;
    shared.0.hooks().iter().find(attached).expect("it is attached").family
}

/// Whether the kernel has anything to see an event by.
pub fn is_watched(kind: Kind) -> bool {
    let shared = shared();
    let mut hooks = shared.0.hooks().iter().filter(|hook| hook.event == kind.name());
    hooks.any(|hook| hook.state == sensor::HookState::Attached)
}

impl Ring {
    /// Must be called in a tokio runtime.
    pub fn open_for(ring_bytes: u32, kinds: BTreeSet<Kind>) -> Self {
        Self::open(&sensor::Options { ring_bytes, kinds, ..Self::options() })
    }

    /// Every event, without a budget for cgroups. Does not silence the test's own process: its deeds are what is
    /// looked for.
    pub fn options() -> sensor::Options {
        let hierarchy = Hierarchy::detect(Path::new("/")).expect("a cgroup hierarchy");
        sensor::Options {
            ring_bytes: 32 << 20,
            bulk_budget: 0,
            cgroup_rows: ROWS_MAX,
            kinds: EVENTS.iter().map(|event| event.kind).collect(),
            family: wanted_family(),
            self_pid: 0,
            cgroup_controller: hierarchy.controller,
            cgroup_hierarchy: hierarchy.id,
            scoped: false,
            kernel_log: false,
        }
    }

    /// Must be called in a tokio runtime.
    pub fn open(options: &sensor::Options) -> Self {
        let mut sensor = sensor::Sensor::start(options).expect("the kernel side loads");
        for hook in sensor.hooks() {
            assert_ne!(hook.state, sensor::HookState::Failed, "{hook:?}");
        }
        let (reader, ledger) = (sensor.reader().expect("a ring"), sensor.ledger().expect("a ledger"));
        Ring { reader, ledger, sensor: Some(sensor) }
    }

    /// Stops watching; what is in the ring stays there.
    pub fn detach(&mut self) {
        self.sensor = None;
    }

    /// How often the kernel has skipped any of the programs.
    pub fn skipped(&self) -> u64 {
        let sensor = self.sensor.as_ref().expect("it is attached");
        sensor.skipped().expect("the kernel tells").iter().map(|(_, runs)| runs).sum()
    }

    /// Where cgroups are muted. Can be taken once.
    pub fn muted(&mut self) -> sensor::Muted {
        self.sensor.as_mut().expect("it is attached").muted().expect("a map")
    }

    pub fn tally(&self, kind: Kind) -> Tally {
        self.ledger.tally(kind).expect("the ledger is readable")
    }
}

impl Eyes {
    /// Open them before the deed.
    pub fn open() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "lives for one test; with a limit, one would stall the others"
        )]
        let (viewer, records) = channel();
        VIEWERS.lock().expect("no viewer panics").push(viewer);
        Eyes(records)
    }

    /// The next record of a kind that fits.
    pub fn wait(&self, kind: Kind, fits: impl Fn(&Seen) -> bool) -> Seen {
        self.until(kind, fits).0
    }

    /// The next record of a kind that fits, and all that came before it.
    pub fn until(&self, kind: Kind, fits: impl Fn(&Seen) -> bool) -> (Seen, Vec<Seen>) {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            match self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(intake) => {
                    let seen = Seen(intake);
                    if seen.0.body.kind() == kind && fits(&seen) {
                        return (seen, passed);
                    }
                    passed.push(seen);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let (skipped, tally) = (skipped(kind), shared().1.tally(kind));
                    let (name, among) = (kind.name(), passed.len());
                    panic!(
                        "no such {name} among {among} records; of all: {tally:?}, {skipped} programs skipped"
                    )
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the kernel side is gone"),
            }
        }
    }

    /// The next record of a kind by a process.
    pub fn wait_for(&self, kind: Kind, pid: u32) -> Seen {
        self.wait(kind, |seen| seen.0.header.pid == pid)
    }
}

impl Seen {
    pub fn record(&self) -> Record<'_> {
        self.0.record()
    }

    pub fn value(&self, field: &Field) -> Value<'_> {
        Value::from_raw(self.record().get(field), &field.ty)
    }

    /// A text or path. Absent is empty.
    pub fn text(&self, field: &Field) -> String {
        match self.value(field) {
            Value::Text(text) => String::from_utf8_lossy(&text.bytes).into_owned(),
            Value::Absent => String::new(),
            other => panic!("{} is no text: {other:?}", field.name),
        }
    }

    pub fn bytes(&self, field: &Field) -> Vec<u8> {
        match self.value(field) {
            Value::Text(text) => text.bytes.into_owned(),
            other => panic!("{} is no text: {other:?}", field.name),
        }
    }

    pub fn number(&self, field: &Field) -> i128 {
        match self.value(field) {
            Value::Int(n) => n.into(),
            Value::Uint(n) | Value::Flags(n, _) => n.into(),
            Value::Bool(b) => b.into(),
            other => panic!("{} is no number: {other:?}", field.name),
        }
    }

    pub fn list(&self, field: &Field) -> Vec<Vec<u8>> {
        match self.value(field) {
            Value::List(list) => list.into_iter().map(|text| text.bytes.into_owned()).collect(),
            other => panic!("{} is no list: {other:?}", field.name),
        }
    }

    pub fn is_absent(&self, field: &Field) -> bool {
        self.value(field).is_absent()
    }
}
