//! Attacks on the running kernel become incidents: a script of twelve steps in a container is one, in two containers there
//! are two, and what is done a thousand times is counted. Needs root, as the agent does.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use nightjar::demo::{Container, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Below cargo, this test's container would be a build's, which may run hidden programs.
const NO_BUILD: &str = "- macro: expected_hidden_program\n  condition: (proc.aname = no-such-program)\n";

/// A step of the attack, and the rule that objects to it.
const STEPS: [(&str, &str); 12] = [
    ("cat /etc/shadow", "Password file read in a container"),
    ("cat /proc/$$/environ", "Environment of another process read"),
    ("find / -maxdepth 1 -perm -4000", "Search for programs with special rights"),
    ("cp /bin/cat /tmp/kdevtmpfsi && /tmp/kdevtmpfsi /dev/null", "Program that is not part of the image"),
    ("mkdir -p /tmp/.x && cp /bin/cat /tmp/.x/.y && /tmp/.x/.y /dev/null", "Hidden program started"),
    ("echo '* * * * * root /tmp/kdevtmpfsi' > /etc/cron.d/refresh", "Scheduled task or service installed"),
    ("mkdir -p /root/.ssh && echo key >> /root/.ssh/authorized_keys", "Authorized SSH keys changed"),
    (
        "echo > /etc/ld.so.preload && rm /etc/ld.so.preload",
        "Accounts or login settings changed in a container",
    ),
    ("chmod u+s /tmp/kdevtmpfsi", "Set-user-id bit set"),
    ("echo /tmp/kdevtmpfsi >> /root/.bashrc", "Start file of a shell changed"),
    ("mkdir -p /var/log && touch /var/log/auth.log && rm /var/log/auth.log", "System log removed"),
    ("touch /root/.bash_history && rm /root/.bash_history", "History of a shell removed"),
];

struct Agent {
    child: Child,
    alerts: Lines<BufReader<ChildStdout>>,
}

impl Agent {
    /// Gives it when it watches.
    fn start(more: &[&str]) -> Agent {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nightjar"))
            .args(["run", "--output", "json"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains(" watching ")), "it ended before it watched");
        thread::spawn(move || said.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        let alerts = BufReader::new(child.stdout.take().unwrap()).lines();
        Agent { child, alerts }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.alerts.next().expect("it ended").unwrap()).unwrap()
    }

    /// Ends it in order; what it still had to say.
    fn end(mut self) -> Vec<Value> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let rest = self.alerts.by_ref().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        rest
    }
}

fn container() -> Container {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_nightjar"));
    Container::with(Options { program, ..Options::new().unwrap() }).unwrap()
}

fn attack(container: &mut Container) {
    let script: Vec<&str> = STEPS.iter().map(|(step, _)| *step).collect();
    let output = container.exec(["sh", "-c", &script.join("\n")]).unwrap();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
}

fn rules(alert: &Value) -> BTreeSet<String> {
    let steps = alert["incident"]["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().filter_map(|step| Some(step["rule"].as_str()?.to_owned())).collect()
}

/// All that the agent tells of a container until it has told of each step; and what it tells at the end.
fn told(agent: Agent, containers: &[&str]) -> Vec<Vec<Value>> {
    let mut agent = agent;
    let wanted: BTreeSet<String> = STEPS.iter().map(|(_, rule)| (*rule).to_owned()).collect();
    let mut told = vec![Vec::new(); containers.len()];
    let of = |alert: &Value| containers.iter().position(|id| alert["container"]["id"] == *id);
    let whole = |told: &[Value]| told.last().is_some_and(|last| rules(last).is_superset(&wanted));
    while !told.iter().all(|told: &Vec<Value>| whole(told)) {
        let alert = agent.next();
        if let Some(at) = of(&alert) {
            told[at].push(alert);
        }
    }
    for alert in agent.end() {
        if let Some(at) = of(&alert) {
            told[at].push(alert);
        }
    }
    told
}

#[test]
fn a_script_of_twelve_steps_is_one_incident_and_in_two_containers_there_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let no_build = dir.path().join("no-build.yaml");
    fs::write(&no_build, NO_BUILD).unwrap();
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules");
    let agent = Agent::start(&["--scope", "containers", "--rules", ours, no_build.to_str().unwrap()]);
    let mut containers = [container(), container()];
    thread::scope(|scope| {
        containers.iter_mut().for_each(|container| drop(scope.spawn(|| attack(container))));
    });
    let ids = containers.each_ref().map(|container| container.id());
    let told = told(agent, &ids);
    let names = told.iter().map(|told| {
        let names: BTreeSet<_> = told.iter().map(|alert| alert["incident"]["id"].to_string()).collect();
        assert_eq!(names.len(), 1, "{told:#?}");
        names
    });
    let names: BTreeSet<_> = names.flatten().collect();
    assert_eq!(names.len(), 2);
    for told in &told {
        assert!(told.len() < STEPS.len(), "{} alerts: {told:#?}", told.len());
        let updates: Vec<_> =
            told.iter().map(|alert| alert["incident"]["update"].as_u64().unwrap()).collect();
        assert_eq!(updates, (0..told.len() as u64).collect::<Vec<_>>());
        let keys: BTreeSet<_> = told.iter().map(|alert| alert["uuid"].to_string()).collect();
        assert_eq!(keys.len(), told.len());

        let incident = &told.last().unwrap()["incident"];
        assert_eq!((&incident["state"], &incident["closed"]), (&"closed".into(), &"stopped".into()));
        let sum = |of: &str, count: &str| -> u64 {
            incident[of].as_array().unwrap().iter().filter_map(|one| one[count].as_u64()).sum()
        };
        assert_eq!(incident["findings"].as_u64(), Some(sum("steps", "count")));
        assert_eq!(incident["findings"].as_u64(), Some(sum("tree", "findings")));
        assert!(incident["score"].as_u64() >= Some(90), "{incident}");
        // Everything descends from the script.
        let tree = incident["tree"].as_array().unwrap();
        let script = tree.iter().find(|node| node["cmdline"].as_str().unwrap().contains(STEPS[0].0)).unwrap();
        let cat = tree.iter().find(|node| node["cmdline"] == "cat /etc/shadow").unwrap();
        assert_eq!(cat["parent"], script["pid"]);
    }
}

#[test]
fn what_is_done_a_thousand_times_is_two_alerts_that_count_it() {
    const TIMES: u64 = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let (marker, rules) = (dir.path().join("marker"), dir.path().join("rules.yaml"));
    fs::write(&marker, "x").unwrap();
    let rule = "- rule: Marker read\n  desc: d\n  priority: NOTICE\n  output: marker\n  condition: evt.type in (open, openat) and fd.name = PATH\n";
    fs::write(&rules, rule.replace("PATH", marker.to_str().unwrap())).unwrap();
    let mut agent = Agent::start(&["--rules", rules.to_str().unwrap()]);
    read(&marker, 1);
    let first = agent.next();
    assert_eq!((&first["incident"]["findings"], &first["message"]), (&1.into(), &"marker".into()));
    read(&marker, TIMES - 1);
    let end = agent.end();
    let mine: Vec<_> =
        end.iter().filter(|alert| alert["incident"]["id"] == first["incident"]["id"]).collect();
    let [last] = mine.as_slice() else { panic!("{end:#?}") };
    let step = &last["incident"]["steps"][0];
    assert_eq!((&last["incident"]["findings"], &step["count"]), (&TIMES.into(), &TIMES.into()));
    assert!(step["first"].as_str() < step["last"].as_str());
}

fn read(marker: &Path, times: u64) {
    (0..times).for_each(|_| drop(fs::File::open(marker).unwrap()));
}

#[test]
fn what_a_rule_finds_beyond_its_limit_and_what_an_exception_covers_is_counted() {
    const FILES: u64 = 20;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let rule = "- rule: Marker read\n  desc: d\n  priority: NOTICE\n  output: marker\n  condition: evt.type in (open, openat) and fd.name startswith PATH\n";
    fs::write(at("rules.yaml"), rule.replace("PATH", at("marker").to_str().unwrap())).unwrap();
    let exception = "- exception: Known\n  rules: [Marker read]\n  condition: fd.name endswith known\n  author: dana\n  reason: a test\n  expires: WHEN\n";
    let over = exception.replace("Known", "Old").replace("WHEN", "2026-01-01");
    fs::write(at("exceptions.yaml"), exception.replace("WHEN", "never") + &over).unwrap();
    for name in (0..FILES).map(|n| format!("marker{n}")).chain(["marker-known".to_owned()]) {
        fs::write(at(&name), "x").unwrap();
    }
    let (rules, exceptions) = (at("rules.yaml"), at("exceptions.yaml"));
    let paths = ["--rules", rules.to_str().unwrap(), "--exceptions", exceptions.to_str().unwrap()];
    let mut agent = Agent::start(&[&paths[..], &["--rule-limit", "5"]].concat());
    let expired = agent.next();
    assert_eq!(expired["rule"], "Nightjar internal: exceptions expired");
    assert!(expired["message"].as_str().unwrap().contains("Old (by dana, until 2026-01-01"), "{expired}");

    read(&at("marker-known"), 1);
    (0..FILES).for_each(|n| read(&at(&format!("marker{n}")), 1));
    let all = std::iter::once(agent.next()).chain(agent.end()).collect::<Vec<_>>();
    let found = all.iter().rfind(|alert| alert["rule"] == "Marker read").unwrap();
    let held = all.iter().find(|alert| alert["rule"] == "Nightjar internal: findings held back").unwrap();
    assert_eq!(found["incident"]["findings"], 5);
    assert_eq!(
        (&held["output_fields"]["findings"], &held["held"][0]["count"]),
        (&(FILES - 5).into(), &(FILES - 5).into())
    );
    assert!(!all.iter().any(|alert| alert["message"].as_str().unwrap().contains("known")));
}
