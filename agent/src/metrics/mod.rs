//! What the agent counts, for Prometheus: the last look at the watching, what the outputs and the spool say when they are
//! asked, and how many alerts there were. `table.rs` has a row for each metric.

mod page;
mod serve;
mod table;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nightjar_engine::rule::{Counts, Priority};
use nightjar_events::failure::Place;

pub use self::page::page;
use crate::{
    alert::Message,
    identity::IdentityStats,
    output::{Output, OutputError},
    sensor::ledger::ByEvent,
    spool::{Health, Spool},
    watch::Passed,
};

/// Rules whose alerts are counted by themselves; further ones are one sum.
pub const RULES_COUNTED_MAX: usize = 10_000;
/// What that sum is called.
const OTHER_RULES: &str = "(others)";

/// The watching at one moment.
#[derive(Clone, Debug)]
pub struct Watched {
    pub events: ByEvent,
    pub failures: Vec<(Place, u64)>,
    /// Programs that the kernel skipped, and how often.
    pub skipped: Vec<(&'static str, u64)>,
    pub passed: Passed,
    pub identity: IdentityStats,
    pub rules: usize,
    /// Of the rules those that are switched on.
    pub rules_active: usize,
    /// What correlations remember.
    pub remembered: Counts,
}

/// By rule and priority.
type Alerts = BTreeMap<(String, Priority), u64>;

/// A handle; all see the same numbers.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    watched: Mutex<Option<Watched>>,
    alerts: Mutex<Alerts>,
    spool: Option<Arc<Spool>>,
}

/// What a scrape sees.
struct Reading {
    watched: Option<Watched>,
    alerts: Alerts,
    spool: Option<Health>,
    own: serve::Own,
}

impl Metrics {
    pub fn off() -> Metrics {
        Metrics(None)
    }

    fn on(spool: Option<Arc<Spool>>) -> Metrics {
        Metrics(Some(Arc::new(Shared { spool, ..Shared::default() })))
    }

    /// Takes a look, if anybody may ask for it.
    pub fn note<E>(&self, look: impl FnOnce() -> Result<Watched, E>) -> Result<(), E> {
        if let Some(shared) = &self.0 {
            *held(&shared.watched) = Some(look()?);
        }
        Ok(())
    }

    fn count(&self, messages: &[Message]) {
        let Some(shared) = &self.0 else { return };
        let mut alerts = held(&shared.alerts);
        for message in messages {
            let key = (message.rule().to_owned(), message.priority());
            let known = alerts.len() < RULES_COUNTED_MAX || alerts.contains_key(&key);
            let key = if known { key } else { (OTHER_RULES.to_owned(), message.priority()) };
            *alerts.entry(key).or_default() += 1;
        }
    }

    fn read(&self) -> Reading {
        let shared = self.0.as_deref();
        Reading {
            watched: shared.and_then(|shared| held(&shared.watched).clone()),
            alerts: shared.map_or_else(Alerts::new, |shared| held(&shared.alerts).clone()),
            spool: shared.and_then(|shared| shared.spool.as_ref()).map(|spool| spool.health()),
            own: serve::Own::read(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.0.is_some()).finish()
    }
}

/// Whoever panicked left numbers, which are never half written.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way out, with its alerts counted, and the page served beside it.
pub struct Metered {
    output: Box<dyn Output>,
    metrics: Metrics,
    listener: Option<TcpListener>,
}

impl Metered {
    /// Takes the address; nobody is answered before the output starts.
    pub fn bind(
        address: SocketAddr,
        output: Box<dyn Output>,
        spool: Option<Arc<Spool>>,
    ) -> io::Result<(Metered, Metrics)> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let metrics = Metrics::on(spool);
        Ok((Metered { output, metrics: metrics.clone(), listener: Some(listener) }, metrics))
    }
}

impl Output for Metered {
    fn start(&mut self) -> Result<(), OutputError> {
        self.output.start()?;
        if let Some(listener) = self.listener.take() {
            serve::start(listener, self.metrics.clone()).map_err(OutputError::Thread)?;
        }
        Ok(())
    }

    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError> {
        self.metrics.count(messages);
        self.output.write(messages)
    }

    fn end(&mut self) {
        self.output.end();
    }
}
