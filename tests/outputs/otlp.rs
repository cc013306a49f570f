//! OpenTelemetry logs over HTTP and gRPC: to the collector Rotel, which prints what it decoded, and with TLS to Google's
//! gRPC.

use nightjar_tests::until::until;
use std::{
    fs::{self, File},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    certificates::Certificates,
    feeder::Site,
    process::{Process, count, free_port, python_version, receiver, said, script, wait_for_port},
};

/// Sends to Rotel at a port, of which it has two: for gRPC and for HTTP.
fn check(over: &str, settings: impl Fn(u16, u16) -> String) {
    let (grpc, http) = (free_port(), free_port());
    let site = Site::new(&format!("[{{name: otel, otlp: {{{}}}}}]", settings(grpc, http)));
    let log = site.path("rotel.log");
    let folder = "import rotel as m, os; print(os.path.dirname(m.__file__))";
    let folder = said(Command::new(receiver("bin/python")).args(["-c", folder]));
    let address = |port| format!("127.0.0.1:{port}");
    let _rotel = Process::start(
        Command::new(format!("{folder}/rotel-agent"))
            .args(["start", "--otlp-grpc-endpoint", &address(grpc), "--otlp-http-endpoint", &address(http)])
            .args(["--exporter", "blackhole", "--debug-log", "logs", "--debug-log-verbosity", "detailed"])
            .stdout(File::create(&log).expect("a file"))
            .stderr(Stdio::null()),
    );
    wait_for_port(grpc);
    wait_for_port(http);
    site.deliver(1, 1000);
    let records = || fs::read_to_string(&log).unwrap_or_default().matches("LogRecord #").count();
    let arrived =
        until("the collector has printed all", || Some(records()).filter(|records| *records >= 1000));
    let text = fs::read_to_string(&log).expect("a log");
    for part in [
        "SeverityText: Critical",
        "SEVERITY_NUMBER_ERROR2(18)",
        "Body: Str({\"uuid\":",
        "-> service.name: Str(nightjar)",
        "-> log.record.uid: Str(",
        "-> rule.name: Str(Nightjar internal: events lost)",
        "Timestamp: 17640308830000",
    ] {
        assert!(text.contains(part), "{part}");
    }
    count(&format!("otlp over {over}"), &format!("Rotel {}", python_version("rotel")), 1000, arrived);
}

#[test]
fn over_http_records_have_severity_body_and_attributes() {
    check("HTTP", |_, http| format!("url: 'http://127.0.0.1:{http}'"));
}

#[test]
fn over_grpc_records_have_severity_body_and_attributes() {
    check("gRPC", |grpc, _| format!("url: 'http://127.0.0.1:{grpc}', protocol: grpc"));
}

#[test]
fn over_grpc_with_tls_a_rejected_record_is_found_and_put_aside() {
    let port = free_port();
    let site = Site::new("[]");
    let certificates = Certificates::make(site.dir.path());
    let (records, token) = (site.path("records"), site.path("token"));
    let [cert, key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| certificates.path(name));
    let file = records.display().to_string();
    let _server = script("otlp_grpc.py", &[&port.to_string(), "sesame", &file, &cert, &key, &ca]);
    wait_for_port(port);
    let settings = format!(
        "url: 'https://localhost:{port}', protocol: grpc, headers: {{X-Tenant: blue}}, auth: {{token: {{file: {}}}}}",
        token.display()
    );
    let with = |tls: &str| {
        site.configure(&format!("[{{name: otel, otlp: {{{settings}, tls: {tls}}}}}]"));
    };
    fs::write(&token, "wrong\n").expect("a file");
    // The public authorities know nothing of ours; then the token is wrong.
    with("{}");
    site.feed(1, 200).finish();
    assert_eq!(site.waiting(), 200);
    with(&certificates.tls());
    site.feed(201, 200).finish();
    let trouble = site.status().outputs[0].trouble.clone().expect("it said why");
    assert!(trouble.text.contains("Unauthenticated: who are you?"), "{trouble:?}");
    fs::write(&token, "sesame\n").expect("a file");
    site.deliver(201, 500);
    let output = &site.status().outputs[0];
    assert_eq!((output.counts.delivered, output.counts.refused, output.put_aside), (499, 1, 1), "{output:?}");
    let text = fs::read_to_string(&records).expect("records");
    let first: Value = serde_json::from_str(text.lines().next().expect("a record")).expect("JSON");
    assert_eq!((&first["service"], &first["severity"]), (&"nightjar".into(), &17.into()));
    let receiver = format!("grpcio {}, TLS", python_version("grpcio"));
    count("otlp over gRPC", &receiver, 499, text.lines().count());
}
