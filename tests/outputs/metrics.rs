//! The agent's metrics, scraped while it watches, parsed by Prometheus's own client for Python. Needs root.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    agent::{Agent, deed, write_rules},
    feeder::Site,
    http::Receiver,
    process::{count, free_port, python_version, receiver},
};

const DEEDS: usize = 20;

/// Each deed writes a file and has it read: two opens.
const ALERTS: f64 = 2.0 * DEEDS as f64;

/// Numbers by name and labels, such as `nightjar_rules{state="on"}`; panics on what is no metric.
fn scrape(port: u16) -> BTreeMap<String, f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/receivers/metrics.py");
    let url = format!("http://127.0.0.1:{port}/metrics");
    let Output { status, stdout, stderr } =
        Command::new(receiver("bin/python")).arg(script).arg(url).output().expect("Python");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let parsed: BTreeMap<String, Value> = serde_json::from_slice(&stdout).expect("JSON");
    parsed.into_iter().map(|(name, value)| (name, value.as_f64().expect("a number"))).collect()
}

#[test]
fn a_scrape_says_how_events_alerts_and_outputs_fare() {
    let away = Receiver::start();
    away.close(true);
    let site = Site::new("[]");
    let file = site.path("alerts");
    site.configure(&format!(
        "[{{name: log, file: {{path: {}}}}}, {{name: away, webhook: {{url: '{}'}}}}]",
        file.display(),
        away.url
    ));
    write_rules(&site);
    let port = free_port();
    let _agent = Agent::start(&site, &["--metrics", &port.to_string(), "--incident-window-secs", "0"]);
    for number in 0..DEEDS {
        deed(&site, number);
    }
    let alerts = "nightjar_alerts_total{priority=\"Notice\",rule=\"Marker read\"}";
    let found = until("the alerts are counted and delivered", || {
        let found = scrape(port);
        let delivered = found.get("nightjar_output_delivered_total{output=\"log\"}");
        let retried = found.get("nightjar_output_retries_total{output=\"away\"}");
        // What the watching thread counts is copied out once a second.
        let seen = found.get("nightjar_events_seen_total{event=\"exec\"}");
        (delivered >= Some(&ALERTS) && retried >= Some(&1.0) && seen >= Some(&(DEEDS as f64)))
            .then_some(found)
    });
    let number = |name: &str| *found.get(name).unwrap_or_else(|| panic!("no {name} in {found:#?}"));
    assert_eq!(number(alerts), ALERTS);
    assert_eq!(number("nightjar_output_queue_length{output=\"log\"}"), 0.0);
    assert_eq!(number("nightjar_output_lag_seconds{output=\"log\"}"), 0.0);
    assert!(number("nightjar_output_queue_length{output=\"away\"}") >= ALERTS);
    assert!((0.0..60.0).contains(&number("nightjar_output_lag_seconds{output=\"away\"}")));
    assert!(number("nightjar_output_last_error_timestamp_seconds{output=\"away\"}") > 1.7e9);
    assert_eq!(number("nightjar_output_restarts_total{output=\"away\"}"), 0.0);
    assert!(number("nightjar_spool_bytes") > 0.0);
    assert_eq!(number("nightjar_spool_lost_total{reason=\"evicted\"}"), 0.0);
    assert_eq!((number("nightjar_rules{state=\"on\"}"), number("nightjar_rules{state=\"off\"}")), (1.0, 0.0));
    for event in ["exec", "open"] {
        let [seen, submitted, shed, lost] = ["seen", "submitted", "shed", "lost"]
            .map(|column| number(&format!("nightjar_events_{column}_total{{event=\"{event}\"}}")));
        assert!(seen >= DEEDS as f64, "{event}: {seen}");
        // The columns are read while events go on.
        assert!((seen - submitted - shed - lost).abs() <= seen / 10.0, "{event}: {found:#?}");
    }
    assert!(number("nightjar_identity_entries{table=\"processes\"}") > 1.0);
    assert!(number("process_resident_memory_bytes") > 1e6);
    assert!(number("process_start_time_seconds") > 1.7e9);
    let parser = format!("prometheus-client {} (its parser)", python_version("prometheus-client"));
    count("metrics", &parser, 2 * DEEDS, number(alerts) as usize);
}

#[test]
fn an_address_that_is_taken_keeps_the_agent_from_starting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Command::new(crate::agent::program()).args(["run", "--metrics", &address]).output();
    let Output { status, stderr, .. } = output.expect("it is built");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("serve metrics on {address}")), "{said}");
}
