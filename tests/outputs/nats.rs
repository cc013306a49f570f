//! NATS JetStream, to nats-server. What makes the stream and reads it is a client of the test's own: none of the agent's
//! code.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    certificates::Certificates,
    feeder::Site,
    process::{Process, count, free_port, receiver, said, wait_for_port},
};

/// Asks JetStream's interface.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        let mut client = Client(BufReader::new(stream));
        assert!(client.line().starts_with("INFO "));
        client.send("CONNECT {\"verbose\":false,\"user\":\"tester\",\"pass\":\"t\"}\r\nSUB answers 1\r\n");
        client
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server speaks");
        line
    }

    fn ask(&mut self, subject: &str, question: &Value) -> Value {
        let question = question.to_string();
        self.send(&format!("PUB {subject} answers {}\r\n{question}\r\n", question.len()));
        loop {
            let line = self.line();
            if line.starts_with("MSG ") {
                let length = line.split_whitespace().last().expect("a length").parse().expect("a number");
                let mut bytes: Vec<u8> = vec![0; length];
                self.0.read_exact(&mut bytes).expect("a payload");
                return serde_json::from_slice(&bytes).expect("JSON");
            }
            assert!(!line.starts_with("-ERR"), "{line}");
        }
    }
}

#[test]
fn a_stream_acknowledges_each_alert_and_keeps_it_once() {
    let port = free_port();
    let site = Site::new("[]");
    let (config, store, password) = (site.path("nats.conf"), site.path("store"), site.path("password"));
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n\
         authorization {{ users = [{{user: tester, password: t}}, {{user: agent, password: sesame}}] }}\n",
        store.display()
    );
    fs::write(&config, text).expect("a file");
    fs::write(&password, "sesame\n").expect("a file");
    let _server = Process::start(Command::new(receiver("bin/nats-server")).arg("-c").arg(&config));
    wait_for_port(port);
    let auth = format!("{{username: agent, password: {{file: {}}}}}", password.display());
    let output = format!("[{{name: nats, nats: {{address: '127.0.0.1:{port}', auth: {auth}}}}}]");
    site.configure(&output);
    // Nobody keeps what is published yet: nothing is taken for delivered.
    site.feed(1, 1000).finish();
    assert_eq!(site.waiting(), 1000);
    assert!(site.status().outputs[0].trouble.as_ref().expect("it said why").text.contains("no stream"));
    let mut client = Client::connect(port);
    let stream = json!({"name": "ALERTS", "subjects": ["nightjar.>"], "storage": "memory"});
    assert_eq!(client.ask("$JS.API.STREAM.CREATE.ALERTS", &stream)["error"], Value::Null);
    site.deliver(1001, 1000);
    Site::new(&output).deliver(1, 1000);
    let info = client.ask("$JS.API.STREAM.INFO.ALERTS", &json!({}));
    let arrived = info["state"]["messages"].as_u64().expect("a number");
    let first = client.ask("$JS.API.STREAM.MSG.GET.ALERTS", &json!({"seq": 1}));
    assert_eq!(first["message"]["subject"], "nightjar.alerts");
    let version = said(Command::new(receiver("bin/nats-server")).arg("--version"));
    count("nats", &version.replace(": v", " "), 1000, arrived as usize);
}

#[test]
fn over_tls_with_certificates_at_both_ends() {
    let port = free_port();
    let site = Site::new("[]");
    let certificates = Certificates::make(site.dir.path());
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|name| certificates.path(name));
    let config = site.path("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n\
         tls {{ cert_file: \"{cert}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}\n",
        site.path("store").display()
    );
    fs::write(&config, text).expect("a file");
    let tls = certificates.tls();
    site.configure(&format!("[{{name: nats, nats: {{address: 'localhost:{port}', tls: {tls}}}}}]"));
    let _server = Process::start(Command::new(receiver("bin/nats-server")).arg("-c").arg(&config));
    wait_for_port(port);
    site.feed(1, 10).finish();
    // Past the handshake and the login.
    assert!(site.status().outputs[0].trouble.as_ref().expect("it said why").text.contains("no stream"));
}
