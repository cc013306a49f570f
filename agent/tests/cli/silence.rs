//! The agent does not watch itself: nothing that it does raises an alert or takes room in the ring, whichever of its
//! threads does it.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::Command,
};

use rustix::process::Signal;
use serde_json::Value;

use super::{Cgroup, nightjar, watching_rule};

/// Objects to whatever a program of the agent's name does, and to reading the marker.
const RULE: &str = "\
- rule: Agent acted
  desc: d
  priority: NOTICE
  output: acted (evt=%evt.type fd=%fd.name)
  condition: proc.name = nightjar
- rule: Marker read
  desc: d
  priority: NOTICE
  output: marker
  condition: evt.type in (open, openat) and fd.name = PATH
";

#[test]
fn what_the_agent_does_itself_is_not_seen_and_what_another_of_its_name_does_is() {
    let mut watching = watching_rule(RULE, &[]);
    let own = watching.child.id();
    // New containers and processes make it read files; alerts make its other thread write.
    for n in 0..20u64 {
        let container = Cgroup::of_container(&format!("{:064x}", (u64::from(std::process::id()) << 16) + n));
        let procs = container.0.join("cgroup.procs");
        let script = format!("echo 0 > {}; cat {}", procs.display(), watching.marker.display());
        assert!(Command::new("sh").args(["-c", &script]).output().unwrap().status.success());
    }
    let mut other = nightjar(&["fields"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    other.wait().unwrap();
    let lines = BufReader::new(watching.child.stdout.take().unwrap()).lines();
    let mut alerts = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut pids = BTreeSet::new();
    let ended = |alert: &Value| {
        let pid = alert["process"]["pid"].as_u64().unwrap_or_default();
        pid == u64::from(other.id()) && alert["event"]["type"] == "procexit"
    };
    for alert in alerts.by_ref() {
        pids.extend(alert["process"]["pid"].as_u64());
        if ended(&alert) {
            break;
        }
    }
    // Its end is the agent's own doing too.
    watching.signal(Signal::INT);
    pids.extend(alerts.filter_map(|alert| alert["process"]["pid"].as_u64()));
    assert!(!pids.contains(&u64::from(own)), "{pids:?}");
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}
