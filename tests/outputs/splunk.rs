//! Splunk's HTTP Event Collector, to a strict stand-in: Splunk cannot be had here.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    feeder::Site,
    process::{count, free_port, script, wait_for_port},
};

#[test]
fn events_have_time_host_and_source_type() {
    let port = free_port();
    let site = Site::new("[]");
    let (events, token) = (site.path("events"), site.path("token"));
    fs::write(&token, "01234567-89ab-cdef\n").expect("a file");
    let settings =
        format!("url: 'http://127.0.0.1:{port}', token: {{file: {}}}, index: main", token.display());
    site.configure(&format!("[{{name: splunk, splunk: {{{settings}}}}}]"));
    let _server =
        script("hec.py", &[&port.to_string(), "01234567-89ab-cdef", events.to_str().expect("a path")]);
    wait_for_port(port);
    site.deliver(1, 1000);
    let text = fs::read_to_string(&events).expect("events");
    let first: Value = serde_json::from_str(text.lines().next().expect("an event")).expect("JSON");
    assert_eq!(first["sourcetype"], "nightjar:alert");
    assert_eq!(first["index"], "main");
    assert_eq!(first["host"], first["event"]["hostname"]);
    assert!(first["time"].as_f64().expect("a time") > 1_764_030_883.0);
    count("splunk", "a strict stand-in of ours (Python)", 1000, text.lines().count());
}

#[test]
fn with_acknowledgement_events_are_delivered_once_the_indexers_have_them() {
    let port = free_port();
    let site = Site::new("[]");
    let (events, token) = (site.path("events"), site.path("token"));
    fs::write(&token, "01234567-89ab-cdef\n").expect("a file");
    let settings =
        |ack| format!("url: 'http://127.0.0.1:{port}', token: {{file: {}}}, ack: {ack}", token.display());
    let _server =
        script("hec.py", &[&port.to_string(), "01234567-89ab-cdef", events.to_str().expect("a path"), "ack"]);
    wait_for_port(port);
    let configure = |ack| {
        site.configure(&format!(
            "[{{name: splunk, timeout_secs: 1, batch: 100, splunk: {{{}}}}}]",
            settings(ack)
        ));
    };
    // The token wants a channel: nothing is refused for ever, since somebody may put that right.
    configure(false);
    site.feed(1, 1000).finish();
    assert_eq!((site.waiting(), site.status().outputs[0].counts.refused), (1000, 0));
    configure(true);
    site.deliver(1001, 1000);
    let text = fs::read_to_string(&events).expect("events");
    let keys: BTreeSet<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"]["uuid"].to_string())
        .collect();
    assert_eq!(keys.len(), 1000);
    let trouble = site.status().outputs[0].trouble.clone().expect("the first request was lost");
    assert!(trouble.text.contains("did not acknowledge it"), "{trouble:?}");
    count("splunk, ack", "a strict stand-in of ours (Python)", 1000, text.lines().count());
}
