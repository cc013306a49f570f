//! The webhook over TLS with a client certificate and a signature, to a receiver that checks both with Python's standard
//! library; and the bodies that docs/outputs.md gives for others.

use std::{fs, path::Path};

use nightjar::spool::report;
use serde_json::Value;

use crate::{
    certificates::Certificates,
    feeder::Site,
    process::{count, free_port, receiver, said, script, wait_for_port},
};

#[test]
fn alerts_are_signed_and_one_that_is_refused_for_ever_is_put_aside() {
    let port = free_port();
    let site = Site::new("[]");
    let certificates = Certificates::make(site.dir.path());
    let (alerts, secret) = (site.path("alerts"), site.path("secret"));
    fs::write(&secret, "sesame\n").expect("a file");
    let [cert, key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| certificates.path(name));
    let file = alerts.display().to_string();
    let _server = script("webhook.py", &[&port.to_string(), "sesame", &file, &cert, &key, &ca]);
    wait_for_port(port);
    let with = |tls: &str| {
        let settings =
            format!("url: 'https://localhost:{port}/', secret: {{file: {}}}, tls: {tls}", secret.display());
        site.configure(&format!("[{{name: hook, webhook: {{{settings}}}}}]"));
    };
    // The public authorities know nothing of ours.
    with("{}");
    site.feed(1, 500).finish();
    assert_eq!(site.waiting(), 500);
    with(&certificates.tls());
    site.deliver(501, 1000);
    let output = &site.status().outputs[0];
    assert_eq!((output.counts.delivered, output.counts.refused, output.put_aside), (999, 1, 1), "{output:?}");
    assert_eq!(report::request_requeue(&site.spool, "hook").expect("it can be asked for"), 1);
    let text = fs::read_to_string(&alerts).expect("alerts");
    let version = said(std::process::Command::new(receiver("bin/python")).arg("--version"));
    count("webhook", &format!("http.server of {version}, TLS"), 999, text.lines().count());
}

/// docs/outputs.md's outputs for Slack, Teams and PagerDuty, with their receivers moved here.
#[test]
fn the_bodies_of_the_docs_arrive_as_json_with_the_alerts_words() {
    let port = free_port();
    let site = Site::new("[]");
    let bodies = site.path("bodies");
    let _server = script("bodies.py", &[&port.to_string(), bodies.to_str().expect("a path")]);
    wait_for_port(port);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/outputs.md");
    let docs = fs::read_to_string(docs).expect("docs");
    let block = docs.split("```yaml\n").find(|block| block.contains("body: |")).expect("examples");
    let mut text = block.split("```").next().expect("its end").to_owned();
    for name in ["slack", "teams"] {
        let url = site.path(name);
        fs::write(&url, format!("http://127.0.0.1:{port}/{name}\n")).expect("a file");
        text = text.replace(&format!("/run/secrets/nightjar/{name}-url"), &url.display().to_string());
    }
    let key = site.path("key");
    fs::write(&key, "r0uting\n").expect("a file");
    text = text
        .replace("https://events.pagerduty.com/v2/enqueue", &format!("http://127.0.0.1:{port}/pagerduty"));
    text = text.replace("{env: PAGERDUTY_ROUTING_KEY}", &format!("{{file: {}}}", key.display()));
    site.configure(&format!("\n{}", text.strip_prefix("outputs:\n").expect("a list")));
    site.deliver(1, 100);
    let requests: Vec<Value> = fs::read_to_string(&bodies)
        .expect("bodies")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let to = |path: &str| requests.iter().filter(|request| request["path"] == path).collect::<Vec<_>>();
    let (slack, teams, pagerduty) = (to("/slack"), to("/teams"), to("/pagerduty"));
    assert!(requests.iter().all(|request| request["type"] == "application/json"));
    let said = slack[0]["body"]["text"].as_str().expect("a text");
    assert!(said.starts_with("*Error* Nightjar internal: events lost on "), "{said}");
    let card = &teams[0]["body"]["attachments"][0]["content"];
    assert_eq!(card["body"][0]["inlines"][0]["text"], "Error: Nightjar internal: events lost");
    let event = &pagerduty[0]["body"];
    assert_eq!(
        (&event["routing_key"], &event["payload"]["severity"]),
        (&"r0uting".into(), &"critical".into())
    );
    assert_eq!(event["payload"]["custom_details"], serde_json::json!({"process": null, "why": null}));
    // Every tenth is critical.
    let arrived = (slack.len(), teams.len(), pagerduty.len());
    assert_eq!(arrived, (100, 100, 10));
    count("webhook, bodies", "http.server of Python", 210, requests.len());
}
