//! The Fluent forward protocol over TLS with a shared key and a client certificate, to the server of Fluent's own logger for
//! Node.js: neither Fluentd nor Fluent Bit can be had here.

use std::{collections::BTreeSet, fs};

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    certificates::Certificates,
    feeder::Site,
    process::{Process, count, free_port, node, node_version, wait_for_port},
};

#[test]
fn records_are_acknowledged_and_a_wrong_key_is_not_let_in() {
    let port = free_port();
    let site = Site::new("[]");
    let certificates = Certificates::make(site.dir.path());
    let (records, key) = (site.path("records"), site.path("key"));
    let [cert, server_key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| certificates.path(name));
    let _server = Process::start(node("fluent.js").args([&port.to_string(), "sesame"]).arg(&records).args([
        &cert,
        &server_key,
        &ca,
    ]));
    wait_for_port(port);
    let with = |tls: &str| {
        let settings =
            format!("address: 'localhost:{port}', shared_key: {{file: {}}}, tls: {tls}", key.display());
        site.configure(&format!("[{{name: fluent, fluent: {{{settings}}}}}]"));
    };
    fs::write(&key, "wrong\n").expect("a file");
    // The public authorities know nothing of ours; then the key is wrong.
    with("{}");
    site.feed(1, 1000).finish();
    with(&certificates.tls());
    site.feed(1001, 1000).finish();
    let trouble = site.status().outputs[0].trouble.clone().expect("it said why");
    assert!(trouble.text.contains("shared key mismatch"), "{trouble:?}");
    assert_eq!(site.waiting(), 1000);
    fs::write(&key, "sesame\n").expect("a file");
    site.deliver(1001, 1000);
    let lines = || fs::read_to_string(&records).unwrap_or_default();
    until("all are there", || (lines().lines().count() >= 1000).then_some(()));
    let alerts: Vec<Value> =
        lines().lines().map(|line| serde_json::from_str(line).expect("whole lines of JSON")).collect();
    let keys: BTreeSet<&str> = alerts.iter().map(|alert| alert["uuid"].as_str().expect("a key")).collect();
    assert_eq!(keys.len(), 1000);
    // Alert 2, the first whose clock was right: 2025-11-25 and two microseconds.
    assert_eq!(
        (&alerts[1]["received_time"], &alerts[1]["source"]),
        (&"1764030883.000002000".into(), &"internal".into())
    );
    let receiver = format!("the server of @fluent-org/logger {}, TLS", node_version("@fluent-org/logger"));
    count("fluent", &receiver, 1000, alerts.len());
}
