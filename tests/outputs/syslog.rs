//! Syslog to rsyslog, over each of its transports.

use std::{fs, path::Path, process::Command};

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    certificates::Certificates,
    feeder::Site,
    process::{Process, count, free_port, said, wait_for_port},
};

/// Where Debian has it.
const RSYSLOGD: &str = "/usr/sbin/rsyslogd";
const ALERTS: usize = 500;

fn start(site: &Site, input: &str) -> Process {
    let (config, messages) = (site.path("rsyslog.conf"), site.path("messages"));
    let text = format!(
        "global(maxMessageSize=\"64k\" workDirectory=\"{}\")\n{input}\n\
         template(name=\"all\" type=\"string\" string=\"%pri%|%protocol-version%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\\n\")\n\
         *.* action(type=\"omfile\" file=\"{}\" template=\"all\")\n",
        site.dir.path().display(),
        messages.display()
    );
    fs::write(&config, text).expect("a file");
    let pid = site.path("pid");
    Process::start(Command::new(RSYSLOGD).args(["-n", "-f"]).arg(&config).arg("-i").arg(&pid))
}

fn messages(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.path("messages")).unwrap_or_default();
    text.lines().filter(|line| line.contains("|nightjar|alert|")).map(str::to_owned).collect()
}

/// Sends, and looks at what came.
fn check(site: &Site, over: &str, own_time: bool) {
    site.deliver(1, ALERTS as u64);
    until("all are there", || (messages(site).len() >= ALERTS).then_some(()));
    let messages = messages(site);
    let critical = messages.iter().filter(|line| line.starts_with("82|1|")).count();
    // Facility authpriv, and severity Critical or Error.
    assert_eq!(critical, ALERTS / 10, "{}", messages[0]);
    let parts: Vec<&str> = messages[9].splitn(8, '|').collect();
    let alert: Value = serde_json::from_str(parts[7].trim_start()).expect("the message is the alert");
    assert_eq!((parts[3], parts[6]), (alert["hostname"].as_str().expect("a name"), "-"));
    if own_time {
        assert_eq!(&parts[2][..26], &alert["time"].as_str().expect("a time")[..26], "microseconds");
    }
    let version = said(Command::new(RSYSLOGD).arg("-v"));
    let version = version.split_whitespace().nth(1).unwrap_or_default().to_owned();
    count(&format!("syslog over {over}"), &format!("rsyslog {version}"), ALERTS, messages.len());
}

fn output(settings: &str) -> String {
    format!("[{{name: syslog, syslog: {{{settings}}}}}]")
}

#[test]
fn over_tcp_with_counted_octets() {
    let port = free_port();
    let site = Site::new(&output(&format!("address: '127.0.0.1:{port}'")));
    let _rsyslogd = start(&site, &format!("module(load=\"imptcp\")\ninput(type=\"imptcp\" port=\"{port}\")"));
    wait_for_port(port);
    check(&site, "TCP", true);
}

#[test]
fn over_udp() {
    let port = free_port();
    let site = Site::new(&output(&format!("address: '127.0.0.1:{port}', over: udp")));
    let input = format!("module(load=\"imudp\")\ninput(type=\"imudp\" port=\"{port}\" rcvbufSize=\"8m\")");
    let _rsyslogd = start(&site, &input);
    until("it listens", || {
        let sockets = fs::read_to_string("/proc/net/udp").expect("procfs");
        sockets.contains(&format!(":{port:04X} ")).then_some(())
    });
    check(&site, "UDP", true);
}

#[test]
fn over_a_unix_socket() {
    let site = Site::new("[]");
    let socket = site.path("log");
    let path = socket.display();
    site.configure(&output(&format!("address: {path}, over: unix")));
    let input = format!(
        "module(load=\"imuxsock\" sysSock.use=\"off\")\ninput(type=\"imuxsock\" socket=\"{path}\" useSpecialParser=\"off\" useSysTimeStamp=\"off\" rateLimit.interval=\"0\")"
    );
    let _rsyslogd = start(&site, &input);
    until("the socket is there", || Path::new(&socket).exists().then_some(()));
    // rsyslog dates what comes by this way itself.
    check(&site, "unix", false);
}

#[test]
fn over_tls_with_certificates_at_both_ends() {
    let port = free_port();
    let site = Site::new("[]");
    let certificates = Certificates::make(site.dir.path());
    let tls = certificates.tls();
    site.configure(&output(&format!("address: 'localhost:{port}', over: tls, tls: {tls}")));
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|name| certificates.path(name));
    let input = format!(
        "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{ca}\" defaultNetstreamDriverCertFile=\"{cert}\" defaultNetstreamDriverKeyFile=\"{key}\")\n\
         module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"x509/certvalid\")\n\
         input(type=\"imtcp\" port=\"{port}\")"
    );
    let _rsyslogd = start(&site, &input);
    wait_for_port(port);
    check(&site, "TLS", true);
}
