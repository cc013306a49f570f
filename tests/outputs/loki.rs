//! Loki's push endpoint: to VictoriaLogs, which takes Loki's requests, and to a strict stand-in that drops what comes twice,
//! as Loki does. Loki itself cannot be had here.

use std::fs;

use serde_json::Value;

use crate::{
    feeder::Site,
    process::{count, free_port, script, wait_for_port},
    victoria::{self, Victoria},
};

#[test]
fn lines_and_labels_are_found_again() {
    let victoria = Victoria::start();
    let url = victoria.url("insert/loki/api/v1/push");
    let site = Site::new(&format!("[{{name: loki, loki: {{url: '{url}', labels: {{cluster: test}}}}}}]"));
    site.deliver(1, 1000);
    let found = victoria.all(1000);
    let first = &found[0];
    assert_eq!((&first["cluster"], &first["job"]), (&"test".into(), &"nightjar".into()));
    assert!(first["_stream"].as_str().expect("a stream").contains("priority="), "{first}");
    count("loki", victoria::NAME, 1000, found.len());
}

#[test]
fn lines_have_few_labels_and_come_once() {
    let port = free_port();
    let site = Site::new("[]");
    let lines = site.path("lines");
    let settings = format!(
        "url: 'http://127.0.0.1:{port}', labels: {{cluster: test}}, headers: {{x-scope-orgid: tenant}}"
    );
    let output = format!("[{{name: loki, loki: {{{settings}}}}}]");
    site.configure(&output);
    let _server = script("loki.py", &[&port.to_string(), lines.to_str().expect("a path")]);
    wait_for_port(port);
    site.deliver(1, 1000);
    Site::new(&output).deliver(1, 1000);
    let text = fs::read_to_string(&lines).expect("lines");
    let first: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["labels"]["cluster"], "test");
    assert_eq!(first["labels"]["job"], "nightjar");
    assert!(["error", "critical"].contains(&first["labels"]["priority"].as_str().expect("a priority")));
    let alert: Value = serde_json::from_str(first["line"].as_str().expect("a text")).expect("JSON");
    assert_eq!(alert["rule"], "Nightjar internal: events lost");
    count("loki", "a strict stand-in of ours (Python)", 1000, text.lines().count());
}
