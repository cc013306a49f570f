//! Rules changed while the program runs. Needs root, as the agent does.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const FALCO: &str = "\
- rule: NAME
  desc: d
  priority: NOTICE
  output: o
  condition: evt.type in (open, openat) and fd.name = PATH
";

const SIGMA: &str = "\
title: NAME
logsource: {product: linux, service: auditd}
detection:
  selection: {type: PATH, name: PATH_READ}
  condition: selection
level: high
";

const UNWATCHED: &str = "Nightjar internal: rules want events that are not watched";

struct Agent {
    child: Child,
    alerts: Lines<BufReader<ChildStdout>>,
    said: Lines<BufReader<ChildStderr>>,
}

impl Agent {
    fn watching(rules: &Path) -> Agent {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nightjar"))
            .args(["run", "--rules", rules.to_str().unwrap()])
            // The same deed again is an alert again.
            .args(["--incident-window-secs", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let alerts = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut agent = Agent { child, alerts, said };
        agent.says("watching");
        agent
    }

    fn says(&mut self, words: &str) {
        let found = self.said.by_ref().map(Result::unwrap).find(|line| line.contains(words));
        assert!(found.is_some(), "ended without {words:?}: {:?}", self.child.wait());
    }

    fn reload(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// The next alert about this test's own deeds, or about the rules.
    fn alert(&mut self) -> Value {
        let mut alerts =
            self.alerts.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        alerts.find(|alert| alert["rule"] != "Nightjar internal: events lost").unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.alerts.by_ref().for_each(drop);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn new_rules_fire_as_soon_as_their_file_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (marker, rules) = (dir.path().join("marker"), dir.path().join("rules.yaml"));
    fs::write(&marker, "x").unwrap();
    let write = |name: &str| {
        let new = dir.path().join("rules.yaml.new");
        fs::write(&new, FALCO.replace("NAME", name).replace("PATH", marker.to_str().unwrap())).unwrap();
        fs::rename(&new, &rules).unwrap();
    };
    write("before");
    let mut agent = Agent::watching(&rules);
    drop(fs::File::open(&marker).unwrap());
    assert_eq!(agent.alert()["rule"], "before");
    write("after");
    agent.says("rules taken over");
    drop(fs::File::open(&marker).unwrap());
    assert_eq!(agent.alert()["rule"], "after");
}

#[test]
fn new_rules_fire_after_a_hangup_and_broken_ones_leave_the_old_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let (marker, rules) = (dir.path().join("marker"), dir.path().join("rules.yaml"));
    fs::write(&marker, "x").unwrap();
    let path = marker.to_str().unwrap();
    let write = |text: &str, name: &str| {
        fs::write(&rules, text.replace("NAME", name).replace("PATH_READ", path).replace("PATH", path))
            .unwrap();
    };
    let read = || drop(fs::File::open(&marker).unwrap());

    write(FALCO, "before");
    let mut agent = Agent::watching(&rules);
    read();
    assert_eq!(agent.alert()["rule"], "before");

    fs::write(&rules, SIGMA.replace("NAME", "after").replace("PATH_READ", path)).unwrap();
    agent.reload();
    agent.says("rules taken over");
    // A record of auditd about a path comes from more events than an open.
    assert_eq!(agent.alert()["rule"], UNWATCHED);
    read();
    let alert = agent.alert();
    assert_eq!((&alert["rule"], &alert["priority"]), (&"after".into(), &"Error".into()));

    write(&FALCO.replace("evt.type", "evt.tpye"), "broken");
    agent.reload();
    let refused = agent.alert();
    assert_eq!(refused["rule"], "Nightjar internal: rules not taken over");
    assert_eq!(refused["source"], "internal");
    let error = &refused["errors"][0];
    assert_eq!((error["file"].as_str(), error["line"].as_u64()), (rules.to_str(), Some(5)), "{refused}");
    read();
    assert_eq!(agent.alert()["rule"], "after");

    write(&FALCO.replace("evt.type in (open, openat)", "evt.type in (connect, openat)"), "more");
    agent.reload();
    let unwatched = agent.alert();
    assert_eq!(unwatched["rule"], UNWATCHED);
    assert_eq!(unwatched["output_fields"]["events"], serde_json::json!(["connect"]), "{unwatched}");
    read();
    assert_eq!(agent.alert()["rule"], "more");
}

/// Two before the hangup and one after it are three, as long as the rule that counts them says the same.
#[test]
fn what_a_rule_has_counted_outlives_a_hangup() {
    let dir = tempfile::tempdir().unwrap();
    let (marker, rules) = (dir.path().join("marker"), dir.path().join("rules.yaml"));
    fs::write(&marker, "x").unwrap();
    let rule = |name: &str| FALCO.replace("NAME", name).replace("PATH", marker.to_str().unwrap());
    let counted = rule("third") + "  state: {count: 3, within: 1h, by: [proc.pid]}\n";
    fs::write(&rules, rule("each") + &counted).unwrap();
    let mut agent = Agent::watching(&rules);
    let read = || drop(fs::File::open(&marker).unwrap());
    for _ in 0..2 {
        read();
        assert_eq!(agent.alert()["rule"], "each");
    }
    fs::write(&rules, rule("new") + &counted).unwrap();
    agent.reload();
    agent.says("rules taken over");
    read();
    assert_eq!(agent.alert()["rule"], "new");
    let third = agent.alert();
    assert_eq!(third["rule"], "third");
    assert_eq!(third["why"][0]["check"], "3 times within 1h by proc.pid", "{third}");
}
