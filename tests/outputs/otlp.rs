//! OpenTelemetry logs over HTTP, to the collector Rotel, which prints what it decoded.

use nightjar_tests::until::until;
use std::{
    fs::{self, File},
    process::{Command, Stdio},
};

use crate::{
    feeder::Site,
    process::{Process, count, free_port, python_version, receiver, said, wait_for_port},
};

#[test]
fn records_have_severity_body_and_attributes() {
    let (grpc, http) = (free_port(), free_port());
    let site = Site::new(&format!("[{{name: otel, otlp: {{url: 'http://127.0.0.1:{http}'}}}}]"));
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
    count("otlp", &format!("Rotel {}", python_version("rotel")), 1000, arrived);
}
