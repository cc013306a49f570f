//! How many alerts a second each output sends, one at a time and in batches, to receivers on loopback that say yes to
//! everything; and what an alert costs in the spool and in each schema.
//!
//! Each line counts alerts: 1 Kitem/s is a thousand alerts a second.

use std::{fmt, sync::Arc, time::Duration};

use divan::{Bencher, black_box, counter::ItemsCount};
use nightjar::{
    alert::{Origin, schema::Format},
    config::{Config, Raw},
    output::{self, transport::Item},
    spool::{Given, Settings, Spool, entry, store::Ack},
};
use nightjar_benches::{alerts, items, sinks};
use nightjar_engine::rule::Priority;
use tempfile::TempDir;

/// Alerts in a batch. An agent sends as many as wait, at most 512.
const BATCH: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(10);

fn main() {
    divan::main();
}

/// An output, and how many alerts it is handed at once.
struct Case(&'static str, usize);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} at once", self.0, self.1)
    }
}

const OUTPUTS: [&str; 10] = [
    "file",
    "syslog tcp",
    "syslog udp",
    "webhook",
    "webhook body",
    "elasticsearch",
    "splunk",
    "loki",
    "otlp http",
    "fluent",
];

fn cases() -> impl Iterator<Item = Case> {
    OUTPUTS.iter().flat_map(|output| [Case(output, 1), Case(output, BATCH)])
}

/// The settings of an output to a receiver that is started for it.
fn settings(output: &str, dir: &TempDir) -> String {
    let url = |answer: fn(&[u8]) -> Vec<u8>| format!("url: 'http://127.0.0.1:{}'", sinks::http(answer));
    let nothing = |_: &[u8]| Vec::new();
    match output {
        "file" => format!("file: {{path: {}}}", dir.path().join("alerts").display()),
        "syslog tcp" => format!("syslog: {{address: '127.0.0.1:{}'}}", sinks::tcp()),
        "syslog udp" => format!("syslog: {{address: '127.0.0.1:{}', over: udp}}", sinks::udp()),
        "webhook" => format!("webhook: {{{}}}", url(nothing)),
        "webhook body" => {
            let body = r#"'{"text": "*{{ priority }}* {{ rule }}: {{ message }}"}'"#;
            format!("webhook: {{{}, body: {body}}}", url(nothing))
        }
        "elasticsearch" => format!("elasticsearch: {{{}}}", url(sinks::bulk)),
        "splunk" => {
            let token = dir.path().join("token");
            std::fs::write(&token, "t").expect("a file");
            format!("splunk: {{{}, token: {{file: {}}}}}", url(nothing), token.display())
        }
        "loki" => format!("loki: {{{}}}", url(nothing)),
        "otlp http" => format!("otlp: {{{}}}", url(nothing)),
        "fluent" => format!("fluent: {{address: '127.0.0.1:{}'}}", sinks::fluent()),
        other => panic!("no output {other}"),
    }
}

#[divan::bench(args = cases())]
fn send(bencher: Bencher, case: &Case) {
    let dir = TempDir::new().expect("a folder");
    let text = format!("outputs: [{{name: bench, {}}}]", settings(case.0, &dir));
    let raw = Raw::parse("bench.yaml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let output = Config::check(raw).expect("it makes sense").outputs.remove(0);
    let items: Vec<Item> = items(case.1, output.format);
    let mut transport = output::open(output.to, TIMEOUT).expect("it can be opened");
    bencher
        .counter(ItemsCount::new(case.1))
        .bench_local(|| transport.send(black_box(&items)).expect("the receiver takes everything"));
}

#[divan::bench(args = [Format::Native, Format::Ecs, Format::Ocsf, Format::Cef])]
fn schema(bencher: Bencher, format: Format) {
    let items = items(BATCH, Format::Cef);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| items.iter().map(|item| black_box(format.body(item)).len()).sum::<usize>());
}

fn spool(dir: &TempDir, sync: Priority) -> Spool {
    let origin = Arc::new(Origin::of_this_node().expect("a node"));
    let settings = Settings { dir: dir.path().to_owned(), size: 64 << 20, sync };
    Spool::open(settings, &["bench".to_owned()], origin).expect("a spool")
}

/// Alerts that are handed to the spool at once, and whether they are on disk when it returns.
#[divan::bench(args = [(1, false), (BATCH, false), (1, true), (BATCH, true)])]
fn spool_accept(bencher: Bencher, (count, synced): (usize, bool)) {
    let dir = TempDir::new().expect("a folder");
    let spool = spool(&dir, if synced { Priority::Debug } else { Priority::Emergency });
    let alerts = alerts(count);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| spool.write(black_box(&alerts)).expect("it takes them"));
}

/// What an output does with the spool: read, decode, move its cursor.
#[divan::bench(args = [1, BATCH])]
fn spool_deliver(bencher: Bencher, count: usize) {
    let dir = TempDir::new().expect("a folder");
    let spool = spool(&dir, Priority::Emergency);
    let alerts = alerts(count);
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| spool.write(&alerts).expect("it takes them"))
        .bench_local_values(|()| {
            let Given::Batch(batch) = spool.take(0, count, 1 << 20).expect("it is readable") else {
                panic!("the spool is not at its end")
            };
            let decoded = batch.entries.iter().filter(|(_, entry)| entry::decode(entry).is_ok()).count();
            spool.done(0, Ack { position: batch.position, counts: Default::default(), trouble: None });
            black_box(decoded)
        });
}
