//! Splunk's HTTP Event Collector, to a strict stand-in: Splunk cannot be had here.

use std::fs;

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
