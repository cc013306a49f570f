//! The program as a shell sees it: exit codes, streams, and one alert from the kernel to a pipe.

mod capture;
mod scope;
mod silence;
mod unable;

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::Mutex,
};

use nightjar::{identity::Hierarchy, privilege::CAPABILITIES};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const RULE: &str = "\
- rule: Marker read
  desc: d
  priority: NOTICE
  output: marker (file=%fd.name pid=%proc.pid)
  condition: evt.type in (open, openat) and fd.name = PATH
";

fn nightjar(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightjar"));
    command.args(args).env_remove("NO_COLOR");
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = nightjar(args).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn rules_file(dir: &Path, text: &str) -> String {
    let file = dir.join("rules.yaml");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut child = nightjar(&["fields"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn mistakes_of_usage_are_told_apart_from_rules_that_are_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = rules_file(dir.path(), &RULE.replace("evt.type", "evt.tpye"));
    assert_eq!(output(&["rnu"]).0, 2);
    assert_eq!(output(&["run", "--ring-size", "3MiB"]).0, 2);
    let (code, out, said) = output(&["rules", "check", &wrong]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.contains("did you mean `evt.type`?"), "{said}");
    let (code, _, said) = output(&["run", "--rules", &wrong]);
    assert_eq!(code, 2);
    assert!(said.contains("the rules cannot be used: 1 error"), "{said}");
}

#[test]
fn an_unknown_setting_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nightjar.yaml");
    fs::write(&file, "scope: all\nmin_priorty: notice\n").unwrap();
    let (code, _, said) = output(&["run", "--config", file.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(
        said.contains("nightjar.yaml:2:1: unknown key `min_priorty`: did you mean `min_priority`?"),
        "{said}"
    );
}

#[test]
fn the_built_in_rules_load_without_a_warning_and_pass_their_tests() {
    let (code, _, said) = output(&["rules", "check"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.trim_end().ends_with("0 errors, 0 warnings"), "{said}");
    let (code, out, _) = output(&["rules", "test"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(" passed, 0 failed"), "{out}");
}

#[test]
fn no_colour_goes_into_a_pipe_unless_asked_for() {
    assert!(!output(&["doctor", "--help"]).1.contains('\x1b'));
    assert!(!output(&["--help"]).1.contains('\x1b'));
}

/// The program as root with no other capabilities than these.
fn confined(capabilities: &[String], args: &[&str]) -> Output {
    let bounding: String = capabilities
        .iter()
        .map(|cap| format!(",+{}", cap.trim_start_matches("CAP_").to_lowercase()))
        .collect();
    let mut setpriv = Command::new("setpriv");
    setpriv.arg(format!("--bounding-set=-all{bounding}")).args(["--inh-caps=-all", "--no-new-privs"]);
    setpriv.arg(env!("CARGO_BIN_EXE_nightjar")).args(args).output().unwrap()
}

/// Needs root.
#[test]
fn the_capabilities_that_daemonset_grants_are_enough_and_a_missing_one_is_named() {
    let listed: Vec<_> = CAPABILITIES
        .iter()
        .filter(|need| need.before.is_none())
        .map(|need| need.capability.to_string())
        .collect();
    let Output { status, stdout, .. } = confined(&listed, &["doctor", "--format", "json"]);
    let report: Value = serde_json::from_slice(&stdout).unwrap();
    let hooks = report["hooks"].as_array().unwrap();
    assert!(!hooks.is_empty() && hooks.iter().all(|hook| hook["state"] != "failed"), "{report}");
    assert!(matches!(status.code(), Some(0 | 1)), "{report}");

    for spared in &listed {
        let rest: Vec<_> = listed.iter().filter(|cap| *cap != spared).cloned().collect();
        let Output { status, stderr, .. } = confined(&rest, &["run"]);
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("needs root, or {spared};")), "{said}");
    }
}

/// The program, watching for its marker to be read. Needs root, as the agent does.
struct Watching {
    marker: PathBuf,
    child: Child,
    /// What it said until it watched.
    before: Vec<String>,
    said: Lines<BufReader<ChildStderr>>,
    _dir: TempDir,
}

fn watching() -> Watching {
    watching_with(&[])
}

fn watching_with(more: &[&str]) -> Watching {
    watching_rule(RULE, more)
}

/// By a rule in which PATH is the marker. Each finding is an alert of its own, so that deeds can be counted.
fn watching_rule(rule: &str, more: &[&str]) -> Watching {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("marker");
    fs::write(&marker, "x").unwrap();
    let rules = rules_file(dir.path(), &rule.replace("PATH", marker.to_str().unwrap()));
    let mut child = nightjar(&["run", "--rules", &rules])
        .args(["--incident-window-secs", "0", "--rule-limit", "0"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut before = Vec::new();
    while !before.last().is_some_and(|line: &String| line.contains(" watching ")) {
        let Some(line) = said.next() else { panic!("{before:?}, ended with {:?}", child.wait()) };
        before.push(line.unwrap());
    }
    Watching { marker, child, before, said, _dir: dir }
}

impl Watching {
    /// Reads the marker; the pid of who did.
    fn read_marker(&self) -> u32 {
        let reader = Command::new("cat").arg(&self.marker).stdout(Stdio::null()).spawn().unwrap();
        let pid = reader.id();
        assert!(reader.wait_with_output().unwrap().status.success());
        pid
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

#[test]
fn a_watch_whose_reader_left_ends_quietly_with_its_next_alert() {
    let mut watching = watching();
    drop(watching.child.stdout.take());
    watching.read_marker();
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
    let complaints: Vec<_> =
        watching.said.map(Result::unwrap).filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn a_deed_becomes_one_json_line_and_an_interrupt_ends_in_order() {
    let mut watching = watching();
    let pid = watching.read_marker();
    let mut line = String::new();
    BufReader::new(watching.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let alert: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(alert["rule"], "Marker read");
    assert_eq!(alert["output_fields"]["proc.pid"], pid);
    assert_eq!(alert["process"]["name"], "cat");
    assert_eq!(alert["process"]["ancestry"][0]["pid"], std::process::id());

    watching.signal(Signal::INT);
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}

/// More opens than the smallest ring holds records of.
const FLOOD: u64 = 20_000;

#[test]
fn what_the_agent_could_not_take_is_an_alert_that_counts_it() {
    let mut watching = watching_with(&["--ring-size", "256KiB"]);
    watching.signal(Signal::STOP);
    for _ in 0..FLOOD {
        fs::File::open(&watching.marker).unwrap();
    }
    watching.signal(Signal::CONT);
    let lines = BufReader::new(watching.child.stdout.take().unwrap()).lines();
    let mut alerts = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    // Other tests may be the cause of a loss before this one's.
    let (mut seen, mut shed) = (0, 0);
    while seen < FLOOD {
        let loss = alerts.find(|alert| alert["rule"] == "Nightjar internal: events lost").unwrap();
        let open = |column: &str| loss["output_fields"][format!("open.{column}")].as_u64().unwrap_or(0);
        (seen, shed) = (seen + open("seen"), shed + open("shed"));
        assert_eq!(loss["source"], "internal");
    }
    assert!(shed > 0);
    watching.signal(Signal::INT);
    alerts.for_each(drop);
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}

/// Held by a test that floods in a container, and by one that counts what all containers do.
static CONTAINERS: Mutex<()> = Mutex::new(());

/// A container's cgroup as Podman names it, removed with the test.
struct Cgroup(PathBuf);

impl Cgroup {
    fn of_container(id: &str) -> Cgroup {
        Cgroup::make(&format!("libpod-{id}"))
    }

    /// One that cannot be a container's: its name is one of systemd's.
    fn new(name: &str) -> Cgroup {
        Cgroup::make(&format!("nightjar-{}-{name}.slice", std::process::id()))
    }

    fn make(name: &str) -> Cgroup {
        let dir = Hierarchy::detect(Path::new("/")).unwrap().mount.join(name);
        fs::create_dir(&dir).unwrap();
        Cgroup(dir)
    }

    fn name(&self) -> &str {
        self.0.file_name().unwrap().to_str().unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).unwrap();
    }
}

#[test]
fn a_container_that_floods_is_named_with_what_was_left_out_of_it() {
    let _alone = CONTAINERS.lock();
    let watching = watching_with(&["--bulk-budget", "1000"]);
    let id = format!("{:064x}", std::process::id());
    let cgroup = Cgroup::of_container(&id);
    let (procs, marker) = (cgroup.0.join("cgroup.procs"), &watching.marker);
    let flood = format!(
        "echo 0 > {}; n=0; while [ $n -lt {FLOOD} ]; do : < {}; n=$((n+1)); done",
        procs.display(),
        marker.display()
    );
    let mut flood = Command::new("sh").args(["-c", &flood]).spawn().unwrap();
    let Watching { mut child, .. } = watching;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut alerts = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut judged = 0;
    let mut is_loss = |alert: &Value| {
        judged += u64::from(alert["rule"] == "Marker read" && alert["container"]["id"] == id);
        alert["rule"] == "Nightjar internal: events lost"
    };
    // Other tests may be the cause of a loss too.
    let of_container = |loss: &Value| {
        let cgroups = loss["cgroups"].as_array().unwrap();
        cgroups.iter().find(|cgroup| cgroup["container"]["id"] == id.as_str()).cloned()
    };
    let mut losses = vec![alerts.find(|alert| is_loss(alert) && of_container(alert).is_some()).unwrap()];
    assert!(flood.wait().unwrap().success());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    losses.extend(alerts.filter(is_loss));
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let mut refused = 0;
    for flooder in losses.iter().filter_map(of_container) {
        assert_eq!(flooder["path"], format!("/libpod-{id}"));
        refused += flooder["open.shed"].as_u64().unwrap() + flooder["open.lost"].as_u64().unwrap();
    }
    assert!(refused > 0 && judged + refused == FLOOD, "{judged} judged, {losses:?}");
}

#[test]
fn an_agent_whose_output_takes_nothing_ends_all_the_same_and_says_what_was_not_written() {
    let mut watching = watching();
    // More alerts than a pipe holds.
    for _ in 0..200 {
        fs::File::open(&watching.marker).unwrap();
    }
    watching.signal(Signal::TERM);
    assert_eq!(watching.child.wait().unwrap().code(), Some(4));
    let said: Vec<_> = watching.said.map(Result::unwrap).collect();
    assert!(said.iter().any(|line| line.contains("the output took nothing more: up to ")), "{said:?}");
}

const EXEC_RULE: &str = "\
- rule: Program started
  desc: d
  priority: NOTICE
  output: started (cmd=%proc.cmdline)
  condition: evt.type = execve and proc.args = PATH
";

/// What a process holds of the kernel's: links of programs by their type, and events of perf, which system call
/// tracepoints are attached by.
fn links(pid: u32) -> Vec<String> {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let kind = |fd: std::io::Result<fs::DirEntry>| {
        let fd = fd.unwrap();
        let target = fs::read_link(fd.path()).ok()?.display().to_string();
        let number = fd.file_name().into_string().unwrap();
        match target.as_str() {
            "anon_inode:bpf_link" => {
                let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap();
                info.lines()
                    .find_map(|line| line.strip_prefix("link_type:"))
                    .map(|kind| kind.trim().to_owned())
            }
            "anon_inode:[perf_event]" => Some("perf_event".to_owned()),
            _ => None,
        }
    };
    fds.filter_map(kind).collect()
}

#[test]
fn an_event_that_no_rule_asks_for_is_not_attached_and_the_agent_says_so() {
    // What opens and connects are attached by, whatever the kernel allows, and nothing else is.
    let of_calls = |pid| links(pid).iter().any(|kind| kind != "raw_tracepoint");
    let opens = watching();
    assert!(of_calls(opens.child.id()), "{:?}", links(opens.child.id()));

    let mut execs = watching_rule(EXEC_RULE, &[]);
    assert!(!of_calls(execs.child.id()), "{:?}", links(execs.child.id()));
    assert!(!links(execs.child.id()).is_empty());
    execs.read_marker();
    let mut line = String::new();
    BufReader::new(execs.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["rule"], "Program started");
    execs.signal(Signal::INT);
    let said: Vec<String> = execs.before.iter().cloned().chain(execs.said.map(Result::unwrap)).collect();
    let left_out = |line: &&String| line.contains("not attached, since nothing asks for them");
    let left_out = said.iter().find(left_out).unwrap();
    assert!(left_out.contains("open connect connect_result"), "{left_out}");
    assert!(!said.iter().any(|line| line.contains("event=\"open\"")), "{said:?}");
    assert_eq!(execs.child.wait().unwrap().code(), Some(0));
}
