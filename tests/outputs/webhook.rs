//! The webhook over TLS with a client certificate and a signature, to a receiver that checks both with Python's standard
//! library.

use std::fs;

use nightjar::spool::report;

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
