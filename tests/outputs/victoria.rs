//! VictoriaLogs, a database of logs that takes what Loki, Elasticsearch and an OpenTelemetry collector take. Started by the
//! tests of those; here that it takes the agent's syslog, `_bulk` and OTLP.

use std::process::Command;

use nightjar_tests::until::until;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    feeder::Site,
    process::{Process, count, free_port, receiver, wait_for_port},
};

/// As Debian's trixie has it.
pub const NAME: &str = "VictoriaLogs 1.112.0";

pub struct Victoria {
    port: u16,
    syslog: u16,
    _process: Process,
    _data: TempDir,
}

impl Victoria {
    pub fn start() -> Victoria {
        let (port, syslog, data) = (free_port(), free_port(), tempfile::tempdir().expect("a folder"));
        let process = Process::start(
            Command::new(receiver("bin/victoria-logs"))
                .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
                .arg(format!("-syslog.listenAddr.tcp=127.0.0.1:{syslog}"))
                .arg(format!("-storageDataPath={}", data.path().display()))
                // Every other alert of the feeder is dated a year ahead.
                .args(["-retentionPeriod=50y", "-futureRetention=50y", "-loggerLevel=WARN"]),
        );
        wait_for_port(port);
        wait_for_port(syslog);
        Victoria { port, syslog, _process: process, _data: data }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// What it holds, once it is so much.
    pub fn all(&self, count: usize) -> Vec<Value> {
        until("everything can be found", || {
            let query = ["-sS", "--data-urlencode", "query=*", "--data-urlencode", "limit=0"];
            let url = self.url("select/logsql/query");
            let output = Command::new("curl").args(query).arg(url).output().expect("curl is there");
            let text = String::from_utf8_lossy(&output.stdout);
            let found: Option<Vec<Value>> =
                text.lines().map(|line| serde_json::from_str(line).ok()).collect();
            found.filter(|found| found.len() >= count)
        })
    }
}

fn check(output: &str, settings: impl Fn(&Victoria) -> String, field: &str) {
    const ALERTS: usize = 1000;
    let victoria = Victoria::start();
    let site = Site::new(&format!("[{{name: victoria, {output}: {{{}}}}}]", settings(&victoria)));
    site.deliver(1, ALERTS as u64);
    let found = victoria.all(ALERTS);
    assert!(found.iter().all(|line| line.to_string().contains("events lost")), "{}", found[0]);
    assert!(found[0].get(field).is_some_and(|value| value != ""), "{field}: {}", found[0]);
    count(output, NAME, ALERTS, found.len());
}

#[test]
fn it_takes_bulk_requests() {
    let fields = "VL-Msg-Field: message, VL-Time-Field: '@timestamp', VL-Stream-Fields: host.name";
    let settings = |victoria: &Victoria| {
        format!("url: '{}', headers: {{{fields}}}", victoria.url("insert/elasticsearch"))
    };
    check("elasticsearch", settings, "event.id");
}

#[test]
fn it_takes_otlp() {
    let settings = |victoria: &Victoria| format!("url: '{}'", victoria.url("insert/opentelemetry"));
    check("otlp", settings, "rule.name");
}

#[test]
fn it_takes_syslog() {
    check("syslog", |victoria| format!("address: '127.0.0.1:{}'", victoria.syslog), "hostname");
}
