//! One row for each metric: its name, what it says, and where the number is found. The page, docs/metrics.md and the tests
//! walk this table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nightjar_events::ledger::Tally;

use super::{Reading, Watched};
use crate::spool::{Health, OutputHealth};

pub struct Row {
    /// Of a counter without the `_total` that stands behind it.
    pub name: &'static str,
    pub is: Is,
    pub help: &'static str,
    pub labels: &'static [&'static str],
    pub(super) read: fn(&Reading, &mut Emit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    Counter,
    Gauge,
}

/// Takes the values of the labels, and the number.
pub(super) type Emit<'a> = dyn FnMut(&[&str], f64) + 'a;

impl Row {
    /// As a query says it.
    pub fn full_name(&self) -> String {
        match self.is {
            Is::Counter => format!("{}_total", self.name),
            Is::Gauge => self.name.to_owned(),
        }
    }
}

const fn row(
    name: &'static str,
    is: Is,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Reading, &mut Emit),
) -> Row {
    Row { name, is, help, labels, read }
}

fn watched(reading: &Reading, emit: &mut Emit, number: fn(&Watched) -> f64) {
    if let Some(watched) = &reading.watched {
        emit(&[], number(watched));
    }
}

fn events(reading: &Reading, emit: &mut Emit, number: fn(&Tally) -> u64) {
    let events = reading.watched.iter().flat_map(|watched| &watched.events);
    events.for_each(|(kind, tally)| emit(&[kind.name()], number(tally) as f64));
}

fn spool(reading: &Reading, emit: &mut Emit, number: fn(&Health) -> f64) {
    if let Some(spool) = &reading.spool {
        emit(&[], number(spool));
    }
}

fn outputs(reading: &Reading, emit: &mut Emit, number: fn(&OutputHealth) -> Option<f64>) {
    for output in reading.spool.iter().flat_map(|spool| &spool.outputs) {
        if let Some(number) = number(output) {
            emit(&[&output.name], number);
        }
    }
}

fn own(number: Option<f64>, emit: &mut Emit) {
    if let Some(number) = number {
        emit(&[], number);
    }
}

/// Nanoseconds since the epoch as seconds.
fn seconds(time: u64) -> f64 {
    Duration::from_nanos(time).as_secs_f64()
}

/// A clock that was set back makes nothing late.
fn age(time: u64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_nanos(time)).as_secs_f64()
}

use Is::{Counter, Gauge};

const EVENT: &[&str] = &["event"];
const OUTPUT: &[&str] = &["output"];

pub const TABLE: &[Row] = &[
    row("nightjar_build_info", Gauge, &["version"], "1, with the agent's version", |_, emit| {
        emit(&[env!("CARGO_PKG_VERSION")], 1.0);
    }),
    row(
        "nightjar_events_seen",
        Counter,
        EVENT,
        "Events that happened in scope; the sum of the next three",
        |r, emit| events(r, emit, |tally| tally.seen),
    ),
    row("nightjar_events_submitted", Counter, EVENT, "Events that the kernel side handed over", |r, emit| {
        events(r, emit, |tally| tally.submitted);
    }),
    row(
        "nightjar_events_shed",
        Counter,
        EVENT,
        "Events left out: beyond a cgroup's budget, or beyond three quarters of the ring",
        |r, emit| events(r, emit, |tally| tally.shed),
    ),
    row("nightjar_events_lost", Counter, EVENT, "Events lost, since the ring was full", |r, emit| {
        events(r, emit, |tally| tally.lost);
    }),
    row("nightjar_records", Counter, &[], "Records taken in from the kernel side", |r, emit| {
        watched(r, emit, |w| w.passed.records as f64);
    }),
    row("nightjar_records_malformed", Counter, &[], "Bytes from the ring that were no record", |r, emit| {
        watched(r, emit, |w| w.passed.malformed as f64);
    }),
    row(
        "nightjar_records_out_of_scope",
        Counter,
        &[],
        "Records of those who are not watched, which identity needs",
        |r, emit| watched(r, emit, |w| w.passed.out_of_scope as f64),
    ),
    row(
        "nightjar_kernel_failures",
        Counter,
        &["place"],
        "What a program of the kernel side could not do, by place",
        |r, emit| {
            for (place, times) in r.watched.iter().flat_map(|watched| &watched.failures) {
                emit(&[&format!("{place:?}")], *times as f64);
            }
        },
    ),
    row(
        "nightjar_programs_skipped",
        Counter,
        &["program"],
        "Runs of a program that the kernel skipped: what happened then was not seen",
        |r, emit| {
            for (program, runs) in r.watched.iter().flat_map(|watched| &watched.skipped) {
                emit(&[program], *runs as f64);
            }
        },
    ),
    row(
        "nightjar_identity_entries",
        Gauge,
        &["table"],
        "What the tables of identity hold: processes that live, that have exited, cgroups, containers",
        |r, emit| {
            if let Some(watched) = &r.watched {
                let identity = &watched.identity;
                emit(&["processes"], identity.processes.live as f64);
                emit(&["exited_processes"], identity.processes.exited as f64);
                emit(&["cgroups"], identity.cgroups.known as f64);
                emit(&["containers"], identity.containers.known as f64);
            }
        },
    ),
    row("nightjar_identity_process_bytes", Gauge, &[], "Memory of the process table", |r, emit| {
        watched(r, emit, |w| w.identity.processes.bytes as f64);
    }),
    row(
        "nightjar_identity_evicted",
        Counter,
        &["table"],
        "Entries that were dropped for a limit, before their time",
        |r, emit| {
            if let Some(watched) = &r.watched {
                emit(&["processes"], watched.identity.processes.evicted as f64);
                emit(&["cgroups"], watched.identity.cgroups.evicted as f64);
            }
        },
    ),
    row(
        "nightjar_identity_processes_read",
        Counter,
        &[],
        "Processes read from /proc since a record came of one that was not known",
        |r, emit| watched(r, emit, |w| w.identity.processes_read as f64),
    ),
    row(
        "nightjar_identity_processes_unknown",
        Counter,
        &[],
        "Processes of which nothing but a record is known",
        |r, emit| watched(r, emit, |w| w.identity.processes_unknown as f64),
    ),
    row("nightjar_identity_missed_exits", Counter, &[], "Processes whose exit was not seen", |r, emit| {
        watched(r, emit, |w| w.identity.processes.missed_exits as f64);
    }),
    row("nightjar_identity_cgroups_missed", Counter, &[], "Cgroups that could not be found", |r, emit| {
        watched(r, emit, |w| w.identity.cgroups.missed as f64);
    }),
    row(
        "nightjar_identity_containers_incomplete",
        Counter,
        &[],
        "Containers of which something is not known, and will not be",
        |r, emit| watched(r, emit, |w| w.identity.containers.incomplete as f64),
    ),
    row("nightjar_rules", Gauge, &["state"], "Rules that are loaded, on or off", |r, emit| {
        if let Some(watched) = &r.watched {
            emit(&["on"], watched.rules_active as f64);
            emit(&["off"], (watched.rules - watched.rules_active) as f64);
        }
    }),
    row("nightjar_correlation_groups", Gauge, &[], "Groups that correlations remember", |r, emit| {
        watched(r, emit, |w| w.remembered.groups as f64);
    }),
    row(
        "nightjar_correlation_groups_evicted",
        Counter,
        &[],
        "Groups that correlations forgot before their time",
        |r, emit| watched(r, emit, |w| w.remembered.evicted as f64),
    ),
    row("nightjar_alerts", Counter, &["rule", "priority"], "Alerts raised", |r, emit| {
        for ((rule, priority), count) in &r.alerts {
            emit(&[rule, priority.name()], *count as f64);
        }
    }),
    row("nightjar_spool_bytes", Gauge, &[], "Size of the spool on disk", |r, emit| {
        spool(r, emit, |spool| spool.bytes as f64);
    }),
    row("nightjar_spool_limit_bytes", Gauge, &[], "Size that the spool may grow to", |r, emit| {
        spool(r, emit, |spool| spool.limit as f64);
    }),
    row("nightjar_spool_accepted", Counter, &[], "Alerts that were put into the spool", |r, emit| {
        spool(r, emit, |spool| spool.accepted as f64);
    }),
    row(
        "nightjar_spool_waiting_for_room",
        Gauge,
        &[],
        "Alerts in memory, since the disk is full",
        |r, emit| {
            spool(r, emit, |spool| spool.waiting_for_room as f64);
        },
    ),
    row(
        "nightjar_spool_failing",
        Gauge,
        &[],
        "1 while the disk does not take what is written, else 0",
        |r, emit| spool(r, emit, |spool| f64::from(u8::from(spool.failing))),
    ),
    row(
        "nightjar_spool_lost",
        Counter,
        &["reason"],
        "Alerts that did not reach an output: evicted, no_room, too_long, not_kept",
        |r, emit| {
            if let Some(spool) = &r.spool {
                emit(&["evicted"], spool.losses.evicted as f64);
                emit(&["no_room"], spool.losses.no_room as f64);
                emit(&["too_long"], spool.losses.too_long as f64);
                emit(&["not_kept"], spool.losses.not_kept as f64);
            }
        },
    ),
    row("nightjar_output_queue_length", Gauge, OUTPUT, "Alerts that wait for the output", |r, emit| {
        outputs(r, emit, |output| Some(output.waiting as f64));
    }),
    row(
        "nightjar_output_lag_seconds",
        Gauge,
        OUTPUT,
        "Age of the oldest alert that waits for the output, 0 when none does",
        |r, emit| outputs(r, emit, |output| Some(output.oldest.map_or(0.0, age))),
    ),
    row("nightjar_output_delivered", Counter, OUTPUT, "Alerts that the receiver has", |r, emit| {
        outputs(r, emit, |output| Some(output.counts.delivered as f64));
    }),
    row("nightjar_output_filtered", Counter, OUTPUT, "Alerts that are not for the output", |r, emit| {
        outputs(r, emit, |output| Some(output.counts.filtered as f64));
    }),
    row(
        "nightjar_output_refused",
        Counter,
        OUTPUT,
        "Alerts that the receiver refused for ever",
        |r, emit| {
            outputs(r, emit, |output| Some(output.counts.refused as f64));
        },
    ),
    row(
        "nightjar_output_evicted",
        Counter,
        OUTPUT,
        "Alerts that made room for newer ones before they were delivered",
        |r, emit| outputs(r, emit, |output| Some(output.counts.evicted as f64)),
    ),
    row("nightjar_output_damaged", Counter, OUTPUT, "Alerts that could not be read any more", |r, emit| {
        outputs(r, emit, |output| Some(output.counts.damaged as f64));
    }),
    row("nightjar_output_retries", Counter, OUTPUT, "Times that a batch had to be tried again", |r, emit| {
        outputs(r, emit, |output| Some((output.counts.tries + output.tries_now) as f64));
    }),
    row("nightjar_output_restarts", Counter, OUTPUT, "Times that the output broke down", |r, emit| {
        outputs(r, emit, |output| Some(output.restarts as f64));
    }),
    row(
        "nightjar_output_last_error_timestamp_seconds",
        Gauge,
        OUTPUT,
        "When the receiver, or the way to it, last said anything but yes",
        |r, emit| outputs(r, emit, |output| output.last_error.map(seconds)),
    ),
    row("process_resident_memory_bytes", Gauge, &[], "Resident memory of the agent", |r, emit| {
        own(r.own.resident.map(|bytes| bytes as f64), emit);
    }),
    row("process_cpu_seconds", Counter, &[], "CPU time of the agent, user and system", |r, emit| {
        own(r.own.cpu_seconds, emit);
    }),
    row("process_open_fds", Gauge, &[], "Descriptors that the agent has open", |r, emit| {
        own(r.own.descriptors.map(|count| count as f64), emit);
    }),
    row("process_start_time_seconds", Gauge, &[], "When the agent was started", |r, emit| {
        own(r.own.started, emit);
    }),
];
