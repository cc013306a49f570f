//! The agent itself on this kernel: deeds become alerts at every output, in each schema; it is killed in the middle, and
//! what it leaves is sent by the next one. Needs root.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    feeder::Site,
    http::Receiver,
    process::{count, node, receiver, said},
};

const RULES: &str = "\
- rule: Marker read
  desc: d
  priority: NOTICE
  output: marker (file=%fd.name command=%proc.cmdline container=%container.id)
  condition: evt.type in (open, openat) and fd.name startswith MARKER
  tags: [filesystem, T1003.008]
";

/// Beside the directory of the test programs.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a test program");
    own.ancestors().nth(2).expect("a build directory").join("nightjar")
}

/// Ends when it is dropped.
pub struct Agent(Child);

impl Agent {
    /// Gives it when it watches.
    pub fn start(site: &Site, more: &[&str]) -> Agent {
        let mut child = Command::new(program())
            .args(["run", "--output", "none", "--rule-limit", "0", "--rules"])
            .arg(site.path("rules.yaml"))
            .arg("--config")
            .arg(site.config())
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent is built");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = stderr.lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("watching")), "the agent ended before it watched");
        thread::spawn(move || said.for_each(|line| eprintln!("nightjar: {line}")));
        Agent(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Killed, so that what it has not sent stays in the spool.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn alerts(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("whole lines")).collect()
}

/// The markers that the incidents of a file are about: each step has one, below the list of steps.
fn markers(path: &Path, (steps, marker): (&str, &str)) -> BTreeSet<String> {
    let steps = |alert: &Value| alert.pointer(steps).and_then(Value::as_array).cloned().unwrap_or_default();
    let marker = |step: Value| Some(step.pointer(marker)?.as_str()?.to_owned());
    alerts(path).iter().flat_map(steps).filter_map(marker).collect()
}

/// How many findings there are in the incidents of a file: the last alert of each says it.
fn findings(counts: impl Iterator<Item = (String, u64)>) -> u64 {
    counts.collect::<BTreeMap<_, _>>().values().sum()
}

/// The incident of each alert, and how many findings it has by then.
fn native(path: &Path) -> impl Iterator<Item = (String, u64)> {
    let count = |alert: &Value| alert["incident"]["findings"].as_u64().expect("a count");
    alerts(path).into_iter().map(move |alert| (alert["incident"]["id"].to_string(), count(&alert)))
}

/// What stands behind a key of a CEF line.
fn cef<'l>(line: &'l str, key: &str) -> &'l str {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
}

/// One rule, that objects to the reading of a marker.
pub fn write_rules(site: &Site) {
    let marker = site.path("marker").display().to_string();
    fs::write(site.path("rules.yaml"), RULES.replace("MARKER", &marker)).expect("a file");
}

/// Reads a marker; its path.
pub fn deed(site: &Site, number: usize) -> String {
    let path = site.path(&format!("marker{number}"));
    fs::write(&path, "x").expect("a file");
    let status = Command::new("cat").arg(&path).stdout(Stdio::null()).status();
    assert!(status.expect("cat is there").success());
    path.display().to_string()
}

/// Whether each line is a Detection Finding by OCSF's own schema.
fn is_ocsf(file: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/receivers/ocsf.py");
    let judged = Command::new(receiver("bin/python")).arg(script).arg(file).output().expect("Python");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

/// Whether each line is made of ECS's own fields, each of its type.
fn is_ecs(file: &Path) {
    let judged = node("ecs.js").arg(file).output().expect("Node.js");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

#[test]
fn an_alert_with_all_that_it_may_have_is_valid_ocsf_and_ecs() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/src/alert/schema/golden");
    let dir = tempfile::tempdir().expect("a folder");
    let lines = dir.path().join("alerts");
    for (files, is_valid) in [
        (["ocsf.json", "incident.ocsf.json"], is_ocsf as fn(&Path)),
        (["ecs.json", "incident.ecs.json"], is_ecs),
    ] {
        let alerts = files.map(|file| -> Value {
            serde_json::from_str(&fs::read_to_string(golden.join(file)).expect("a file")).expect("JSON")
        });
        fs::write(&lines, alerts.map(|alert| format!("{alert}\n")).concat()).expect("a file");
        is_valid(&lines);
    }
}

#[test]
fn what_is_done_on_the_node_arrives_in_every_schema_though_the_agent_is_killed() {
    const DEEDS: usize = 200;
    const NATIVE: (&str, &str) = ("/incident/steps", "/path");
    const ECS: (&str, &str) = ("/nightjar/incident/steps", "/path");
    const OCSF: (&str, &str) = ("/evidences", "/file/path");
    let hook = Receiver::start();
    hook.close(true);
    let site = Site::new("[]");
    let files = ["native", "ecs", "ocsf", "cef"].map(|format| (format, site.path(format)));
    let outputs = files.iter().map(|(format, path)| {
        format!(
            "{{name: {format}, format: {format}, only: {{rules: ['Marker *']}}, file: {{path: {}}}}}",
            path.display()
        )
    });
    let hooked =
        format!("{{name: hook, only: {{min_priority: emergency}}, webhook: {{url: '{}'}}}}", hook.url);
    let outputs: Vec<String> = outputs.chain([hooked]).collect();
    site.configure(&format!("[{}]", outputs.join(", ")));
    write_rules(&site);
    let deed = |number: usize| deed(&site, number);
    let mut done = BTreeSet::new();
    for half in [0..DEEDS / 2, DEEDS / 2..DEEDS] {
        let _agent = Agent::start(&site, &[]);
        for number in half {
            done.insert(deed(number));
        }
        // The last of them is in the spool, so those before are.
        let last = done.len();
        until("the alerts are there", || (findings(native(&files[0].1)) >= 2 * last as u64).then_some(()));
    }
    let agent = Agent::start(&site, &[]);
    until("everything is sent", || (site.waiting() == 0).then_some(()));
    drop(agent);
    for ((schema, path), at) in files.iter().zip([NATIVE, ECS, OCSF]) {
        assert_eq!(markers(path, at), done, "{schema}");
        count("the agent itself", &format!("file, {schema}"), DEEDS, markers(path, at).len());
    }
    is_ecs(&files[1].1);
    // What was under way when the agent was killed may have come twice, as the same alert.
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    for alert in alerts(&files[0].1) {
        let before = told.insert(alert["uuid"].to_string(), alert.clone());
        assert!(before.is_none_or(|before| before == alert), "two alerts with one key: {alert}");
    }
    let lines = fs::read_to_string(&files[3].1).expect("lines");
    let of_cef = lines.lines().filter(|line| line.contains("|Marker read|"));
    let of_cef =
        of_cef.map(|line| (cef(line, "externalId").to_owned(), cef(line, "cnt").parse().expect("a count")));
    // The test writes each file and cat reads it.
    let all = 2 * DEEDS as u64;
    assert_eq!((findings(native(&files[0].1)), findings(of_cef)), (all, all));
    assert!(told.len() < DEEDS / 4, "{} alerts of {DEEDS} deeds", told.len());
    is_ocsf(&files[2].1);
    let report = said(
        Command::new(program()).args(["spool", "status", "--format", "json", "--config"]).arg(site.config()),
    );
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let outputs = report["outputs"].as_array().expect("outputs");
    let hook = outputs.iter().find(|output| output["name"] == "hook").expect("it is there");
    assert!(hook["counts"]["filtered"].as_u64() >= Some(told.len() as u64), "{report}");
    assert!(outputs.iter().all(|output| output["waiting"] == 0), "{report}");
}
