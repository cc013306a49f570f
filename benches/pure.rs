//! How many records a second one core decodes, attributes and judges. The kernel is not asked.
//!
//! Each line counts records: 1 Mitem/s is a million records a second. The promise it is held to stands in its name.

use std::sync::Arc;

use divan::{Bencher, black_box, counter::ItemsCount};
use nightjar::{
    alert::{Alert, Message, Origin, id, json::to_line},
    intake::Intake,
};
use nightjar_benches::{
    Desk, Replay,
    RuleKind::{self, Both, Falco, MadeUp, MadeUpSigma, Own},
    rules,
};
use nightjar_engine::{
    incident::{Found, Incidents, Report, SECOND, Settings},
    rule::{Matching, Source, load},
};

/// Records in one sample.
const BATCH: usize = 8192;

fn main() {
    divan::main();
}

#[divan::bench]
fn decode(bencher: Bencher) {
    let batch = Replay::default().next(BATCH);
    bencher.counter(ItemsCount::new(batch.len())).bench_local(|| {
        for bytes in &batch {
            black_box(Intake::decode(bytes)).expect("a replayed record is well formed");
        }
    });
}

#[divan::bench]
fn decode_and_identity(bencher: Bencher) {
    let (mut replay, mut desk) = (Replay::default(), Desk::default());
    bencher
        .with_inputs(|| replay.next(BATCH))
        .input_counter(|batch| ItemsCount::new(batch.len()))
        .bench_local_values(|batch| {
            for bytes in &batch {
                black_box(desk.event(bytes));
            }
        });
}

#[divan::bench(args = [Own, Falco, Both, MadeUp(300), MadeUp(10_000), MadeUpSigma(10_000)])]
fn judge(bencher: Bencher, kind: RuleKind) {
    let Some(rules) = rules(kind) else {
        return eprintln!("NOT RUN: NIGHTJAR_CORPUS names no rules of Falco's and Sigma's");
    };
    let mut desk = Desk::default();
    let events: Vec<_> = Replay::default().next(BATCH).iter().map(|bytes| desk.event(bytes)).collect();
    let mut findings = Vec::new();
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| {
        for event in &events {
            rules.judge(event, Matching::All, &mut findings);
            findings.clear();
        }
    });
}

#[divan::bench(
    name = "decode, identity and judge (promise: 1 M/s with 300, 0.5 M/s with 10 000)",
    args = [Own, Falco, Both, MadeUp(300), MadeUp(10_000), MadeUpSigma(10_000)],
)]
fn whole(bencher: Bencher, kind: RuleKind) {
    let Some(rules) = rules(kind) else {
        return eprintln!("NOT RUN: NIGHTJAR_CORPUS names no rules of Falco's and Sigma's");
    };
    let (mut replay, mut desk) = (Replay::default(), Desk::default());
    let mut findings = Vec::new();
    bencher
        .with_inputs(|| replay.next(BATCH))
        .input_counter(|batch| ItemsCount::new(batch.len()))
        .bench_local_values(|batch| {
            for bytes in &batch {
                rules.judge(&desk.event(bytes), Matching::All, &mut findings);
                findings.clear();
            }
        });
}

/// Every open of the replay, as it is found by a rule that objects to all of them.
fn found() -> (Arc<Origin>, Vec<Found>) {
    let text = "- rule: Opened\n  desc: d\n  priority: NOTICE\n  output: opened (file=%fd.name command=%proc.cmdline)\n  condition: evt.type = openat and fd.name startswith /\n";
    let loaded = load(&[Source { name: "bench.yaml".into(), text: text.into() }]);
    let rules = loaded.unwrap_or_else(|errors| panic!("{}", errors[0])).rules;
    let origin = Arc::new(Origin::of_this_node().expect("a node"));
    let mut desk = Desk::default();
    let mut found = Vec::new();
    for bytes in Replay::default().next(BATCH) {
        let event = desk.event(&bytes);
        let mut findings = Vec::new();
        rules.judge(&event, Matching::All, &mut findings);
        let named = |finding: nightjar_engine::rule::Finding| Found {
            id: id(&origin.boot, &event, &finding.rule.name).as_u128(),
            event: event.clone().detached(),
            finding,
        };
        found.extend(findings.into_iter().map(named));
    }
    (origin, found)
}

/// Entering findings into their incidents, most of them again.
#[divan::bench]
fn incidents(bencher: Bencher) {
    let (_, found) = found();
    bencher
        .counter(ItemsCount::new(found.len()))
        .with_inputs(|| (found.clone(), Vec::new()))
        .bench_local_values(|(found, mut reports)| {
            let settings = Settings { window: 300 * SECOND, pause: SECOND, per_minute: 120 };
            let mut incidents = Incidents::new(settings);
            found.into_iter().for_each(|found| incidents.take(found, &mut reports));
            incidents.stop(&mut reports);
            reports
        });
}

/// An alert as a line of JSON: of a finding by itself, and of an incident of so many steps.
#[divan::bench(args = [0, 1, 12, 32])]
fn alert_line(bencher: Bencher, steps: usize) {
    let (origin, found) = found();
    let settings = Settings { window: if steps == 0 { 0 } else { 300 * SECOND }, pause: 0, per_minute: 0 };
    let (mut incidents, mut reports) = (Incidents::new(settings), Vec::new());
    let container = found.iter().find_map(|found| found.event.container.clone());
    for (number, mut found) in found.into_iter().take(steps.max(1)).enumerate() {
        found.event.container.clone_from(&container);
        found.finding.reasons[0].value = number.to_string();
        incidents.take(found, &mut reports);
    }
    let alert = match reports.pop() {
        Some(Report::Alone(found)) => Alert::of(origin, &found, None),
        Some(Report::Incident(worst, state)) => {
            assert_eq!(state.steps.len(), steps);
            Alert::of(origin, &worst, Some(state))
        }
        Some(Report::Held(_, _)) | None => panic!("no alert"),
    };
    let message = Message::Alert(Box::new(alert));
    bencher
        .counter(ItemsCount::new(1usize))
        .bench_local(|| to_line(black_box(&message)).expect("it can be written"));
}
