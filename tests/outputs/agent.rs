//! The agent itself on this kernel: deeds become alerts at every output, in each schema; it is killed in the middle, and
//! what it leaves is sent by the next one. Needs root.

use std::{
    collections::BTreeSet,
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
            .args(["run", "--output", "none", "--rules"])
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

/// The markers that the alerts of a file are about.
fn markers(path: &Path, pointer: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let alerts = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("whole lines"));
    alerts.filter_map(|alert| Some(alert.pointer(pointer)?.as_str()?.to_owned())).collect()
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
    let dir = tempfile::tempdir().expect("a folder");
    let line = dir.path().join("alert");
    for (golden, is_valid) in [("ocsf.json", is_ocsf as fn(&Path)), ("ecs.json", is_ecs)] {
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/src/alert/schema/golden").join(golden);
        let alert: Value = serde_json::from_str(&fs::read_to_string(golden).expect("a file")).expect("JSON");
        fs::write(&line, format!("{alert}\n")).expect("a file");
        is_valid(&line);
    }
}

#[test]
fn what_is_done_on_the_node_arrives_in_every_schema_though_the_agent_is_killed() {
    const DEEDS: usize = 200;
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
        until("the alerts are there", || {
            (markers(&files[0].1, "/output_fields/fd.name").len() >= last).then_some(())
        });
    }
    let agent = Agent::start(&site, &[]);
    until("everything is sent", || (site.waiting() == 0).then_some(()));
    drop(agent);
    assert_eq!(markers(&files[0].1, "/output_fields/fd.name"), done);
    assert_eq!(markers(&files[1].1, "/file/path"), done);
    assert_eq!(markers(&files[2].1, "/evidences/0/file/path"), done);
    assert_eq!(
        fs::read_to_string(&files[3].1)
            .expect("lines")
            .lines()
            .filter(|line| line.contains("|Marker read|"))
            .count(),
        2 * DEEDS
    );
    for (schema, path) in &files[..3] {
        count(
            "the agent itself",
            &format!("file, {schema}"),
            DEEDS,
            markers(
                path,
                match *schema {
                    "native" => "/output_fields/fd.name",
                    "ecs" => "/file/path",
                    _ => "/evidences/0/file/path",
                },
            )
            .len(),
        );
    }
    is_ecs(&files[1].1);
    is_ocsf(&files[2].1);
    let report = said(
        Command::new(program()).args(["spool", "status", "--format", "json", "--config"]).arg(site.config()),
    );
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let outputs = report["outputs"].as_array().expect("outputs");
    let hook = outputs.iter().find(|output| output["name"] == "hook").expect("it is there");
    assert!(hook["counts"]["filtered"].as_u64() >= Some(DEEDS as u64), "{report}");
    assert!(outputs.iter().all(|output| output["waiting"] == 0), "{report}");
}
