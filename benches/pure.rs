//! How many records a second one core decodes, attributes and judges. The kernel is not asked.
//!
//! Each line counts records: 1 Mitem/s is a million records a second. The promise it is held to stands in its name.

use divan::{Bencher, black_box, counter::ItemsCount};
use nightjar::intake::Intake;
use nightjar_benches::{
    Desk, Replay,
    RuleKind::{self, Both, Falco, MadeUp, MadeUpSigma, Own},
    rules,
};
use nightjar_engine::rule::Matching;

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
