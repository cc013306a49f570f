//! The Fluent forward protocol with a shared key, to a strict stand-in over PyPI's msgpack: neither Fluentd nor Fluent Bit
//! can be had here.

use std::fs;

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    feeder::Site,
    process::{count, free_port, python_version, script, wait_for_port},
};

#[test]
fn records_are_acknowledged_and_a_wrong_key_is_not_let_in() {
    let port = free_port();
    let site = Site::new("[]");
    let (records, key) = (site.path("records"), site.path("key"));
    let _server = script("fluent.py", &[&port.to_string(), "sesame", records.to_str().expect("a path")]);
    wait_for_port(port);
    let settings = format!("address: '127.0.0.1:{port}', shared_key: {{file: {}}}", key.display());
    fs::write(&key, "wrong\n").expect("a file");
    site.configure(&format!("[{{name: fluent, fluent: {{{settings}}}}}]"));
    site.feed(1, 1000).finish();
    let trouble = site.status().outputs[0].trouble.clone();
    assert!(trouble.expect("it said why").text.contains("shared key mismatch"));
    fs::write(&key, "sesame\n").expect("a file");
    site.deliver(1001, 1000);
    let lines = || fs::read_to_string(&records).unwrap_or_default();
    until("all are there", || (lines().lines().count() >= 1000).then_some(()));
    let text = lines();
    let first: Value = serde_json::from_str(text.lines().next().expect("a record")).expect("JSON");
    assert!(first["received_time"].as_u64().expect("a time") > 1_764_030_883_000_000_000);
    assert_eq!(first["source"], "internal");
    let receiver = format!("a strict stand-in of ours (msgpack {})", python_version("msgpack"));
    count("fluent", &receiver, 1000, text.lines().count());
}
