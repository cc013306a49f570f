//! The agent as it is run on a node, and the alerts that it prints.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use nightjar_tests::until::PATIENCE;

/// What a container's user must be able to count on.
const ALERT_WITHIN: Duration = Duration::from_secs(1);
/// Alerts that wait for a test to look at them.
const ALERTS_MAX: usize = 4_096;
const RULE: &str = "Password file read in a container";

/// Ends when it is dropped.
pub struct Agent {
    child: Child,
    alerts: Receiver<Alert>,
}

struct Alert {
    arrived: SystemTime,
    line: String,
}

/// What an alert must say of its container. `None`: nothing.
#[derive(Debug, PartialEq)]
pub struct Container<'a> {
    pub id: &'a str,
    pub runtime: &'a str,
    pub name: Option<&'a str>,
    pub image: Option<&'a str>,
    pub identity: &'a str,
}

impl Agent {
    /// Gives it when it watches.
    pub fn start(more: &[&str]) -> Agent {
        let mut child = Command::new(program())
            .args(["run", "--output", "json", "--incident-window-secs", "0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent is built");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, alerts) = sync_channel(ALERTS_MAX);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let alert = Alert { arrived: SystemTime::now(), line };
                if sender.send(alert).is_err() {
                    return;
                }
            }
        });
        let mut said = stderr.lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("watching")), "the agent ended before it watched");
        // What else it says belongs to a failing test's output.
        thread::spawn(move || said.for_each(|line| eprintln!("nightjar: {line}")));
        Agent { child, alerts }
    }

    /// The next alert, as it was told.
    pub fn next(&self) -> Value {
        match self.alerts.recv_timeout(PATIENCE) {
            Ok(alert) => serde_json::from_str(&alert.line).expect("an alert is JSON"),
            Err(RecvTimeoutError::Timeout) => panic!("no further alert"),
            Err(RecvTimeoutError::Disconnected) => panic!("the agent has ended"),
        }
    }

    /// Waits until the reading of the password file in this container is told, and looks at what is told of it.
    pub fn expect(&self, expected: &Container<'_>) {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            match self.alerts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(alert) => {
                    let told: Value = serde_json::from_str(&alert.line).expect("an alert is JSON");
                    if told["rule"] == RULE && told["container"]["id"] == expected.id {
                        return check(&alert, &told, expected);
                    }
                    others.push(alert.line);
                }
                Err(RecvTimeoutError::Timeout) => panic!("no alert of {expected:?} among {others:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the agent has ended; it said {others:#?}"),
            }
        }
    }
}

fn check(alert: &Alert, told: &Value, expected: &Container<'_>) {
    let text = |value: &'_ Value| value.as_str().map(str::to_owned);
    let of = &told["container"];
    let (id, runtime) = (text(&of["id"]).unwrap_or_default(), text(&of["runtime"]).unwrap_or_default());
    let (name, image) = (text(&of["name"]), text(&of["image"]));
    let identity = text(&told["identity"]).unwrap_or_default();
    let found = Container {
        id: &id,
        runtime: &runtime,
        name: name.as_deref(),
        image: image.as_deref(),
        identity: &identity,
    };
    assert_eq!(&found, expected, "{}", alert.line);
    assert_eq!(told["process"]["name"], "cat", "{}", alert.line);
    let time = Duration::from_nanos(told["event"]["time"].as_u64().expect("a time"));
    let took = alert.arrived.duration_since(UNIX_EPOCH + time).expect("an alert comes after its event");
    assert!(took < ALERT_WITHIN, "the alert came after {took:?}: {}", alert.line);
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; `Clear` waits for it either way.
        let _ = self.child.kill();
    }
}

/// Beside the directory of the test programs.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a test program");
    own.ancestors().nth(2).expect("a build directory").join("nightjar")
}
