//! Linux audit logs as events: so that rules can be tried on what is there already.
//!
//! auditd writes several records about one call, which share a serial number. They are gathered and made into the event
//! that the kernel side would have told of that call, as far as they tell it. There are no containers in these logs, and
//! no process has more of a past than they tell.

mod call;
mod record;
mod who;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, Read},
};

use nightjar_engine::Event;
use uuid::Uuid;

use self::{call::Call, record::Record, who::Processes};
use crate::alert::Origin;

/// Longest line that is read; auditd's own limit is a quarter of it.
pub const LINE_MAX: u64 = 64 * 1024;
/// Calls of which more records may come: auditd writes those of several CPUs between each other.
pub const PENDING_MAX: usize = 64;
/// Most records of one call.
pub const RECORDS_MAX: usize = 128;
/// Calls that are handed over at once.
const BATCH: usize = 1024;
/// Most names of calls that are told of as passed over.
const NAMES_TOLD_MAX: usize = 32;

/// What came of a log beside events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Lines that are no record, or too long.
    pub no_records: u64,
    /// Records about something else than calls: logins, services.
    pub other_records: u64,
    /// Calls of which there is no event, and which they were.
    pub other_calls: u64,
    pub names: BTreeSet<String>,
    /// Records beyond those that one call may have.
    pub too_many: u64,
}

pub struct AuditLog<R> {
    from: R,
    position: u64,
    node: String,
    /// By time in milliseconds and serial number.
    pending: BTreeMap<(u64, u64), Vec<Record>>,
    processes: Processes,
    events: u64,
    passed: Passed,
}

/// Whether this is how such a log begins.
pub fn is_log(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Record::parse(&String::from_utf8_lossy(line)).is_some()
}

impl<R: BufRead> AuditLog<R> {
    pub fn new(mut from: R) -> io::Result<Self> {
        let start = String::from_utf8_lossy(from.fill_buf()?).into_owned();
        let node = start.strip_prefix("node=").and_then(|rest| rest.split(' ').next()).unwrap_or("-");
        Ok(AuditLog {
            node: node.to_owned(),
            from,
            position: 0,
            pending: BTreeMap::new(),
            processes: Processes::default(),
            events: 0,
            passed: Passed::default(),
        })
    }

    /// The node that the first record names; a log need not name any.
    pub fn origin(&self) -> Origin {
        Origin { node: self.node.clone(), boot: Uuid::nil() }
    }

    /// Appends some events; whether there may be more.
    pub fn next(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        for _ in 0..BATCH {
            let Some(line) = self.line()? else {
                while let Some((_, records)) = self.pending.pop_first() {
                    self.call(&records, events);
                }
                return Ok(false);
            };
            let Some(record) = Record::parse(&line) else {
                self.passed.no_records += u64::from(!line.trim().is_empty());
                continue;
            };
            let key = (record.time, record.serial);
            let last = matches!(&*record.kind, "EOE" | "PROCTITLE");
            let records = self.pending.entry(key).or_default();
            if records.len() < RECORDS_MAX {
                records.push(record);
            } else {
                self.passed.too_many += 1;
            }
            let over = last.then_some(key).or_else(|| {
                (self.pending.len() > PENDING_MAX).then(|| self.pending.keys().next().copied()).flatten()
            });
            if let Some(records) = over.and_then(|key| self.pending.remove(&key)) {
                self.call(&records, events);
            }
        }
        Ok(true)
    }

    /// The next line; an empty one in place of one that is too long.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut read = (&mut self.from).take(LINE_MAX).read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(None);
        }
        if read == LINE_MAX && line.last() != Some(&b'\n') {
            line.clear();
            self.passed.no_records += 1;
            loop {
                let buffer = self.from.fill_buf()?;
                let end = buffer.iter().position(|byte| *byte == b'\n');
                let taken = end.map_or(buffer.len(), |end| end + 1);
                self.from.consume(taken);
                read += taken as u64;
                if end.is_some() || taken == 0 {
                    break;
                }
            }
        }
        self.position += read;
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    fn call(&mut self, records: &[Record], events: &mut Vec<Event>) {
        let Some(call) = Call::of(records) else {
            let about_calls = |record: &&Record| matches!(&*record.kind, "EOE" | "PROCTITLE");
            self.passed.other_records += records.iter().filter(|record| !about_calls(record)).count() as u64;
            return;
        };
        let payload = call.payload();
        let process = self.processes.of(&call);
        let Some((header, payload)) = payload else {
            self.passed.other_calls += 1;
            if self.passed.names.len() < NAMES_TOLD_MAX {
                self.passed.names.insert(call.name.clone().unwrap_or_else(|| "unknown".to_owned()));
            }
            return;
        };
        self.events += 1;
        events.push(Event {
            time: header.time,
            number: self.events,
            tid: header.tid,
            cpu: 0,
            cgroup_id: 0,
            payload,
            process,
            container: None,
            unplaced: true,
        });
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn passed(&self) -> &Passed {
        &self.passed
    }

    pub fn say_what_is_missing(&self) {
        let Passed { no_records, other_records, other_calls, names, too_many } = &self.passed;
        if *other_calls > 0 {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            tracing::info!(calls = other_calls, names, "calls of which there is no event were passed over");
        }
        if *other_records > 0 {
            tracing::info!(records = other_records, "records about other things than calls were passed over");
        }
        if no_records + too_many > 0 {
            tracing::warn!(lines = no_records, records = too_many, "not all of the log could be read");
        }
    }
}

#[cfg(test)]
mod tests;
