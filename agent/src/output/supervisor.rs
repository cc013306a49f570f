//! Keeps one output at work, on a thread of its own. A worker that panics is a defect, and no reason for its alerts to stay
//! where they are: it is started anew, later each time, and the spool tells of it. An alert that it always panics over is
//! put aside, so that the others go on.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tracing::{error, info};

use super::{OpenError, backoff::Backoff, filter::Filter, transport::Transport, worker::Worker};
use crate::{alert::schema::Format, spool::Spool};

/// Panics one after another over the same alert before it is put aside.
const PANICS_MAX: u32 = 3;

pub type Open = Box<dyn Fn() -> Result<Box<dyn Transport>, OpenError> + Send>;

pub struct Supervisor {
    pub spool: Arc<Spool>,
    /// Its place among the spool's outputs.
    pub place: usize,
    pub name: String,
    pub filter: Filter,
    pub format: Format,
    pub batch: usize,
    /// Makes a new way to the receiver: what a panic left of the old one is not to be trusted.
    pub open: Open,
}

impl Supervisor {
    /// Called once the program has no more capabilities than it keeps.
    pub fn start(self, transport: Box<dyn Transport>) -> io::Result<()> {
        let name: String = self.name.chars().take(15).collect();
        let spool = self.spool.clone();
        spool.output_begins();
        let work = move || {
            self.run(transport);
            self.spool.output_ends();
        };
        let started = thread::Builder::new().name(name).spawn(work).map(drop);
        if started.is_err() {
            spool.output_ends();
        }
        started
    }

    fn run(&self, mut transport: Box<dyn Transport>) {
        let mut backoff = Backoff::default();
        let (mut at, mut times, mut careful_until) = (0, 0, 0);
        loop {
            let worker = self.worker(transport, careful_until, times >= PANICS_MAX);
            let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker.run())) else { return };
            let (why, next) = (said(&*panic), self.spool.position(self.place));
            if next != at {
                backoff.reset();
                times = 0;
            }
            (at, times) = (next, times + 1);
            careful_until = careful_until.max(next + self.batch as u64);
            error!(output = self.name, why, times, "the output broke down; it is started anew");
            self.spool.output_broke(self.place, &why);
            transport = loop {
                if !self.spool.pause(backoff.pause()) {
                    return;
                }
                match (self.open)() {
                    Ok(transport) => break transport,
                    Err(error) => error!(output = self.name, %error, "start the output anew"),
                }
            };
            info!(output = self.name, "the output works again");
        }
    }

    fn worker(&self, transport: Box<dyn Transport>, careful_until: u64, condemned: bool) -> Worker {
        Worker {
            spool: self.spool.clone(),
            place: self.place,
            name: self.name.clone(),
            filter: self.filter.clone(),
            format: self.format,
            batch: self.batch,
            careful_until,
            condemned,
            transport,
        }
    }
}

/// What a panic said.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicU32, Ordering},
            mpsc::{Receiver, SyncSender, sync_channel},
        },
        time::Duration,
    };

    use nightjar_engine::rule::Priority;

    use super::{
        super::transport::{Failure, Item, Verdict, all_taken},
        *,
    };
    use crate::{
        alert::{Message, sample::alert},
        spool::{RULE_BROKEN, Settings, report},
    };

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A failpoint: panics for so many sendings, and whenever it is to send the alert of that time.
    struct Shaky {
        panics: Arc<AtomicU32>,
        poison: Option<u64>,
        taken: SyncSender<Item>,
    }

    impl Transport for Shaky {
        fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
            let left =
                self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            assert!(left.is_err(), "failpoint");
            assert!(!items.iter().any(|item| Some(item.time) == self.poison), "poison");
            items.iter().for_each(|item| self.taken.send(item.clone()).unwrap());
            Ok(all_taken(items))
        }
    }

    fn start(dir: &std::path::Path, panics: u32, poison: Option<u64>) -> (Arc<Spool>, Receiver<Item>) {
        let settings = Settings { dir: dir.to_owned(), size: 1 << 20, sync: Priority::Critical };
        let spool = Arc::new(Spool::open(settings, &["siem".to_owned()], alert().origin).unwrap());
        spool.start().unwrap();
        let (taken, arrived) = sync_channel(1024);
        let panics = Arc::new(AtomicU32::new(panics));
        let open: Open = Box::new(move || {
            let (panics, taken) = (panics.clone(), taken.clone());
            Ok(Box::new(Shaky { panics, poison, taken }) as Box<dyn Transport>)
        });
        let transport = open().unwrap();
        let (filter, format) = (Filter::default(), Format::Native);
        let supervisor = Supervisor {
            spool: spool.clone(),
            place: 0,
            name: "siem".into(),
            filter,
            format,
            batch: 64,
            open,
        };
        supervisor.start(transport).unwrap();
        (spool, arrived)
    }

    fn messages(count: u64) -> Vec<Message> {
        let numbered = |time| {
            Message::Alert(Box::new({
                let mut alert = alert();
                alert.event.time = time;
                alert
            }))
        };
        (1..=count).map(numbered).collect()
    }

    #[test]
    fn an_output_that_panics_works_again_loses_nothing_and_is_told_of() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, arrived) = start(dir.path(), 2, None);
        spool.write(&messages(10)).unwrap();
        for time in 1..=10 {
            assert_eq!(arrived.recv_timeout(PATIENCE).unwrap().time, time);
        }
        let told = arrived.recv_timeout(PATIENCE).unwrap();
        assert_eq!(told.text("/rule"), RULE_BROKEN);
        assert!(told.text("/message").contains("siem: failpoint"), "{told:?}");
        assert!(told.alert["output_fields"]["restarts"].as_u64() >= Some(1));
        spool.end(PATIENCE);
    }

    #[test]
    fn an_alert_that_it_always_panics_over_is_put_aside_and_the_others_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, arrived) = start(dir.path(), 0, Some(3));
        spool.write(&messages(5)).unwrap();
        let mut times = Vec::new();
        while times.len() < 4 {
            times.extend(
                Some(arrived.recv_timeout(PATIENCE).unwrap())
                    .filter(|item| item.time < 9)
                    .map(|item| item.time),
            );
        }
        assert_eq!(times, [1, 2, 4, 5]);
        spool.end(PATIENCE);
        let siem = &report::status(dir.path()).unwrap().outputs[0];
        assert_eq!((siem.counts.refused, siem.put_aside), (1, 1), "{siem:?}");
    }
}
