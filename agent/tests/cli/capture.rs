//! `record`, `replay` and `events --from`. What records needs root, as the agent does; what replays does not.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{RULE, nightjar, output, rules_file};

/// Says that it watches.
const WATCHING: &str = " watching ";

#[test]
fn what_was_recorded_raises_its_alert_as_often_as_it_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, marker) = (dir.path().join("deed.njc"), dir.path().join("marker"));
    let path = capture.to_str().unwrap();
    fs::write(&marker, "x").unwrap();
    let rules = rules_file(dir.path(), &RULE.replace("PATH", marker.to_str().unwrap()));

    let mut recorder = nightjar(&["record", "-o", path]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(recorder.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains(WATCHING)));
    let reader = Command::new("cat").arg(&marker).stdout(Stdio::null()).spawn().unwrap();
    let pid = reader.id();
    assert!(reader.wait_with_output().unwrap().status.success());
    kill_process(Pid::from_child(&recorder), Signal::INT).unwrap();
    assert!(said.any(|line| line.contains("recorded")));
    assert_eq!(recorder.wait().unwrap().code(), Some(0));
    assert_eq!(fs::metadata(&capture).unwrap().permissions().mode() & 0o777, 0o600);

    let (code, alerts, said) = output(&["replay", path, "--rules", &rules]);
    assert_eq!(code, 0, "{said}");
    let alert: Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    assert_eq!((&alert["rule"], &alert["output_fields"]["proc.pid"]), (&"Marker read".into(), &pid.into()));
    assert_eq!(alert["process"]["ancestry"][0]["pid"], std::process::id());
    assert_eq!(output(&["replay", path, "--rules", &rules]).1, alerts);

    // Without root, and in a place where there is neither the node's /proc nor its cgroups.
    fs::set_permissions(&capture, fs::Permissions::from_mode(0o644)).unwrap();
    let program = dir.path().join("nightjar");
    fs::copy(env!("CARGO_BIN_EXE_nightjar"), &program).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut elsewhere = Command::new("unshare");
    elsewhere.args(["--pid", "--fork", "--kill-child", "--mount", "--cgroup", "sh", "-c"]);
    elsewhere.arg("umount -R -l /sys/fs/cgroup; mount -t tmpfs none /proc; exec \"$@\"").arg("sh");
    elsewhere.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    let again = elsewhere.args(["replay", path, "--rules", &rules]).output().unwrap();
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        alerts,
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );

    let (code, events, _) = output(&["events", "--from", path, "--type", "exec", "--format", "json"]);
    assert_eq!(code, 0);
    let execs = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(execs.filter(|event| event["proc"]["pid"] == pid).count() == 1, "{events}");

    // Half of it is the beginning, and a word.
    let half = dir.path().join("half.njc");
    let bytes = fs::read(&capture).unwrap();
    fs::write(&half, &bytes[..bytes.len() - 20]).unwrap();
    let (code, events, said) = output(&["events", "--from", half.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(
        events.lines().count() > 0 && said.contains("the capture was not finished: it ends at byte "),
        "{said}"
    );
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("there");
    fs::write(&file, "mine").unwrap();
    let (code, _, said) = output(&["record", "-o", file.to_str().unwrap()]);
    assert_eq!((code, fs::read(&file).unwrap().as_slice()), (2, &b"mine"[..]));
    assert!(said.contains("File exists"), "{said}");
}

#[test]
fn what_is_no_capture_is_a_mistake_of_usage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("text");
    fs::write(&file, "hello, this is text").unwrap();
    for command in [&["replay"][..], &["events", "--from"]] {
        let (code, out, said) = output(&[command, &[file.to_str().unwrap()]].concat());
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(said.contains("text: it is neither a capture nor a log of Linux audit"), "{said}");
    }
}

const AUDIT_LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/capture/audit/sample.log");

#[test]
fn rules_of_both_languages_judge_a_log_of_linux_audit() {
    let dir = tempfile::tempdir().unwrap();
    let falco = rules_file(dir.path(), &RULE.replace("fd.name = PATH", "fs.path.name = /etc/shadow"));
    let sigma = dir.path().join("shadow.yml");
    let detection = "detection: {selection: {type: EXECVE, a0: cat, a1: /etc/shadow}, condition: selection}";
    fs::write(
        &sigma,
        format!("title: Shadow\nlogsource: {{product: linux, service: auditd}}\n{detection}\n"),
    )
    .unwrap();
    let judged = ["replay", AUDIT_LOG, "--matching", "all", "--incident-window-secs", "0"];
    let rules = ["--rules", &falco, sigma.to_str().unwrap()];
    let (code, alerts, said) = output(&[&judged[..], &rules].concat());
    assert_eq!(code, 0, "{said}");
    let alerts: Vec<Value> = alerts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rules: Vec<_> = alerts.iter().map(|alert| alert["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["Shadow", "Marker read"]);
    assert_eq!(alerts[1]["process"]["cmdline"], "cat /etc/shadow");
    assert_eq!(alerts[1]["process"]["uid"], 4242);
    assert!(said.contains("replayed"), "{said}");
    // What is no capture is not taken for one because somebody says so.
    let (code, _, said) = output(&["replay", AUDIT_LOG, "--format", "capture"]);
    assert_eq!(code, 2);
    assert!(said.contains("this is no capture"), "{said}");
}

#[test]
fn rules_are_timed_on_what_was_recorded() {
    let (code, out, said) = output(&["rules", "bench", AUDIT_LOG, "--top", "3"]);
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with("RULE ") && out.contains(" rules judge "), "{out}");
}
