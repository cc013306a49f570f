//! A recording taken while rules judge raises, when it is replayed, the alerts that were raised then. Needs root, as the
//! agent does.

use std::{
    fs, future::pending, os::unix::fs::PermissionsExt, path::Path, process::Command, sync::Arc,
    time::Duration,
};

use nightjar::{
    alert::{Message, Origin, json},
    capture::{Source, Writer},
    config::{Config, Raw, rules::configured},
    identity::Sockets,
    output::{Output, OutputError},
    pipeline::Judge,
    replay::replay,
    scope::Scope,
    watch::{Plan, Watch},
};
use nightjar_engine::{
    incident::{self, Incidents},
    rule::{Matching, RuleSet},
};
use nightjar_events::EVENTS;
use tokio::time::{Instant, timeout_at};

/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of one event with ancestors, one of several events.
const RULES: &str = "\
- rule: Deed of this test
  desc: d
  priority: NOTICE
  output: deed (%evt.type %fd.name %proc.cmdline %proc.pcmdline %proc.aname[3] %user.name %evt.num)
  condition: evt.type in (execve, openat, unlinkat, connect, procexit) and proc.aname = capture-deeds
";
const SIGMA: &str = "\
title: Started
name: started
logsource: {product: linux, category: process_creation}
detection: {selection: {ParentCommandLine|contains: capture-deeds}, condition: selection}
---
title: Many
correlation: {type: event_count, rules: [started], group-by: [ParentProcessId], timespan: 1m, condition: {gte: 3}}
";

#[derive(Default)]
struct Lines(Vec<String>);

impl Output for Lines {
    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError> {
        self.0.extend(messages.iter().map(|message| json::to_line(message).expect("an alert is JSON")));
        Ok(())
    }
}

/// Each finding is an alert of its own: when an incident is told anew, the clock decides, which a replay does not have.
fn judge(dir: &Path, origin: Arc<Origin>) -> Judge {
    let incidents = Incidents::new(incident::Settings { window: 0, pause: 0, per_minute: 0 });
    Judge { rules: rules(dir), matching: Matching::All, origin, incidents }
}

fn rules(dir: &Path) -> RuleSet {
    let config = Raw { rules: vec![dir.join("a.yaml"), dir.join("b.yml")], ..Raw::default() };
    configured(&Config::check(config).unwrap()).unwrap().0
}

#[test]
fn a_recording_replays_to_the_alerts_of_the_run_in_which_it_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), RULES).unwrap();
    fs::write(dir.path().join("b.yml"), SIGMA).unwrap();
    let script = dir.path().join("capture-deeds");
    let marker = dir.path().join("marker");
    let last = dir.path().join("last");
    let deeds = format!(
        "#!/bin/sh\nfor i in 1 2 3 4; do cat /etc/hostname >/dev/null; done\n: > {0}; rm {0}; cat {1}; :\n",
        marker.display(),
        last.display()
    );
    fs::write(&script, deeds).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let file = dir.path().join("run.njc");
    let origin = Arc::new(Origin { node: "node-1".into(), boot: Default::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut live, mut recorded) = (Lines::default(), 0);
    runtime.block_on(async {
        let plan = Plan {
            ring_bytes: 16 << 20,
            bulk_budget: 0,
            kinds: EVENTS.iter().map(|event| event.kind).collect(),
            family: None,
            scope: Scope::All,
            host_root: "/".into(),
            identity_wait: Duration::ZERO,
            sockets: Sockets::none(),
        };
        let mut watch = Watch::start(&plan).unwrap();
        let mut judge = judge(dir.path(), origin.clone());
        let mut writer = Writer::new(fs::File::create(&file).unwrap(), &origin, watch.started()).unwrap();
        let mut child = Command::new(&script).spawn().unwrap();
        let end = last.to_str().unwrap();
        let mut events = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while !live.0.last().is_some_and(|line| line.contains("procexit") && line.contains(end)) {
            timeout_at(deadline, watch.next(&mut events)).await.expect("the deeds are seen").unwrap();
            for event in events.drain(..) {
                writer.event(&event).unwrap();
                live.write(&judge.take(event)).unwrap();
            }
        }
        child.wait().unwrap();
        recorded = writer.finish(Some(&watch.ledger().unwrap())).unwrap().events;
    });
    let has = |word: &str| live.0.iter().any(|line| line.contains(word));
    assert!(has("\"rule\":\"Many\"") && has("unlinkat") && has("execve"), "{:?}", live.0);

    let again = || {
        let mut source = Source::open(&file, None).unwrap();
        let origin = Arc::new(source.origin());
        let mut judge = judge(dir.path(), origin);
        let mut lines = Lines::default();
        let done = replay(&mut source, &mut judge, &mut lines, None, |_, _| {}, pending());
        assert_eq!(runtime.block_on(done).unwrap().events, recorded);
        lines.0
    };
    assert_eq!(again(), live.0);
    assert_eq!(again(), live.0);
}
