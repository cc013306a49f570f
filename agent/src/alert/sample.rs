//! The alert that the tests of this folder look at: someone reads /etc/shadow in a container.

use std::{collections::BTreeMap, sync::Arc};

use nightjar_engine::{
    Container, Event, Payload, Process, Value,
    rule::{Finding, Language, OutputValue, Priority, Reason, Rule},
};
use nightjar_events::Kind;
use uuid::Uuid;

use super::{Alert, Origin};

pub fn process(pid: u32, comm: &str, args: &[&str], parent: Option<Process>) -> Process {
    Process {
        pid,
        ppid: parent.as_ref().map_or(0, |p| p.pid),
        start: u64::from(pid) * 1_000,
        comm: comm.into(),
        exe_path: format!("/usr/bin/{comm}").into(),
        args: args.iter().map(|a| a.as_bytes().to_vec()).collect(),
        cwd: "/root".into(),
        user: Some("root".into()),
        parent: parent.map(Arc::new),
        ..Process::default()
    }
}

pub fn alert() -> Alert {
    let init = process(1, "systemd", &["/sbin/init"], None);
    let shim = process(900, "containerd-shim", &["containerd-shim", "-id", "0123"], Some(init));
    let shell = process(1200, "sh", &["sh", "-c", "cat /etc/shadow"], Some(shim));
    let event = Event {
        time: 1_764_030_883_123_456_789,
        number: 17,
        tid: 1234,
        cpu: 1,
        cgroup_id: 77,
        payload: Payload::Case {
            kind: Kind::Open,
            variant: 1,
            values: BTreeMap::from([("path".to_owned(), Value::owned("/etc/shadow"))]),
        },
        process: Arc::new(process(1234, "cat", &["cat", "/etc/shadow"], Some(shell))),
        container: Some(Arc::new(Container {
            id: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".into(),
            runtime: "containerd".into(),
            name: "web".into(),
            image: "docker.io/library/nginx:1.27".into(),
            pod_name: "web-0".into(),
            pod_namespace: "shop".into(),
            ..Container::default()
        })),
        unplaced: false,
    };
    Alert::new(Arc::new(Origin { node: "node-1".into(), boot: Uuid::from_u128(1) }), event, finding())
}

fn finding() -> Finding {
    let rule = Rule {
        name: "Read sensitive file".into(),
        desc: "A program that has no business there reads a file with secrets".into(),
        priority: Priority::Warning,
        tags: vec!["container".into(), "mitre_credential_access".into()],
        source: "syscall".into(),
        enabled: true,
        condition: "evt.type in (open, openat) and fd.name = /etc/shadow".into(),
        output: "Secret file read (file=%fd.name user=%user.name pid=%proc.pid)".into(),
        file: "rules/credential_access/files.yaml".into(),
        line: 3,
        language: Language::Falco,
        id: None,
        false_positives: Vec::new(),
    };
    let text = |name: &str, value: &str| (name.to_owned(), OutputValue::Text(value.to_owned()));
    let reason =
        |check: &str, value: &str| Reason { check: check.into(), value: value.into(), telling: true };
    Finding {
        rule: Arc::new(rule),
        output: "Secret file read (file=/etc/shadow user=root pid=1234)".into(),
        fields: vec![
            text("fd.name", "/etc/shadow"),
            text("user.name", "root"),
            ("proc.pid".to_owned(), OutputValue::Uint(1234)),
            ("k8s.ns.name".to_owned(), OutputValue::Absent),
        ],
        reasons: vec![
            reason("evt.type in (open, openat)", "openat"),
            reason("fd.name = /etc/shadow", "/etc/shadow"),
        ],
    }
}
