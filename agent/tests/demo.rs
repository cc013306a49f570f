//! A demo container on the running kernel: that it is one, that its deeds are really done, and that nothing of it
//! stays. Whether a deed raises its alert is the end-to-end test's matter, not this one's. Needs root.

use std::{
    collections::BTreeSet,
    env, fs, io,
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use nightjar::demo::{Container, DEEDS, DemoAlert, Fate, Image, Options, Output, Settings, run};
use rustix::fs::{FlockOperation, flock};
use tokio::sync::mpsc;

/// Patience, not a pause: how long a condition may take to come true on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: a container needs root");
    }
    root
}

fn options() -> Options {
    Options { program: PathBuf::from(env!("CARGO_BIN_EXE_nightjar")), ..Options::new().unwrap() }
}

fn container() -> Container {
    Container::with(options()).unwrap()
}

fn sh(container: &mut Container, script: &str) -> Output {
    container.exec(["sh", "-c", script]).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        pause();
    }
}

/// Between two looks at a condition that nothing announces.
#[expect(clippy::disallowed_methods, reason = "the condition decides, not the clock")]
fn pause() {
    thread::sleep(Duration::from_millis(1));
}

fn is_running(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// Everything outside of processes that a container could leave.
fn leftovers(id: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec![Path::new("/run/nightjar-demo").join(id)];
    for mount in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        let mut words = mount.split(' ').skip(4);
        let at = Path::new(words.next().unwrap());
        if mount.contains(" - cgroup") {
            found.push(at.join("nightjar-demo").join(id));
        }
        assert!(!mount.contains(id), "a mount of the container is seen on the host: {mount}");
    }
    found.retain(|path| path.exists());
    found
}

#[test]
fn the_container_has_its_own_namespaces_and_a_first_process() {
    if !root() {
        return;
    }
    let mut container = container();
    for space in ["mnt", "pid", "uts", "ipc", "net", "cgroup"] {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{space}")).unwrap();
        assert_ne!(of(&container.pid().to_string()), of("self"), "{space}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", container.pid())).unwrap();
    assert!(status.lines().any(|line| line == format!("NSpid:\t{}\t1", container.pid())), "{status}");
    assert_eq!(sh(&mut container, "echo $PPID").stdout, "1\n");
    let hostname = sh(&mut container, "cat /proc/sys/kernel/hostname").stdout;
    assert_eq!(hostname, "nightjar-demo\n");
    assert_ne!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), hostname);
}

#[test]
fn the_container_is_in_its_own_cgroup_in_every_hierarchy() {
    if !root() {
        return;
    }
    let mut container = container();
    let own = format!("/nightjar-demo/{}", container.id());
    let seen = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
    assert!(!container.cgroups().is_empty());
    for cgroup in container.cgroups() {
        let is_its = |line: &&str| {
            let controllers: BTreeSet<&str> = line.split(':').nth(1).unwrap().split_terminator(',').collect();
            controllers == cgroup.controllers.iter().map(String::as_str).collect()
        };
        let line = seen.lines().find(is_its).unwrap_or_else(|| panic!("{cgroup:?} in {seen}"));
        assert!(line.ends_with(&own), "{line}");
        assert_eq!(container.cgroup_id(cgroup.controllers.first().map(String::as_str)), Some(cgroup.id));
        let procs = fs::read_to_string(cgroup.dir.join("cgroup.procs")).unwrap();
        assert!(procs.lines().any(|pid| pid == container.pid().to_string()), "{line}");
    }
    let inside = sh(&mut container, "cat /proc/self/cgroup").stdout;
    assert!(inside.lines().all(|line| line.ends_with(":/")), "its own cgroup is its root: {inside}");
    assert!(!inside.is_empty());
}

#[test]
fn the_host_cannot_be_seen_or_written_from_inside() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "of the host").unwrap();
    let mut container = container();
    assert_ne!(container.exec(["cat", secret.to_str().unwrap()]).unwrap().code, 0);
    assert_ne!(sh(&mut container, "cat /proc/1/root/proc/1/environ; test -e /proc/1/root/var/lib").code, 0);

    let mounts = sh(&mut container, "cat /proc/self/mountinfo").stdout;
    for mount in mounts.lines() {
        let (left, right) = mount.split_once(" - ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let (at, options) = (words[4], words[5]);
        let kind = right.split(' ').next().unwrap();
        let in_memory = ["overlay", "tmpfs", "proc", "devpts"].contains(&kind) || at.starts_with("/dev/");
        assert!(in_memory || options.split(',').any(|o| o == "ro"), "writable: {mount}");
    }
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert_eq!(container.has_overlay(), root.contains(" - overlay "), "{root}");
    let host_mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!host_mounts.contains("/run/base"), "{host_mounts}");

    for kernel in ["/proc/sys/kernel/panic", "/proc/sysrq-trigger", "/usr/here", "/sys/here"] {
        assert_ne!(sh(&mut container, &format!("echo 0 > {kernel}")).code, 0, "{kernel}");
    }
    let status = sh(&mut container, "cat /proc/self/status").stdout;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
    let effective = u64::from_str_radix(effective, 16).unwrap();
    let config = fs::read_to_string(format!("/run/nightjar-demo/{}/config.json", container.id())).unwrap();
    for (name, bit) in [("CAP_SYS_ADMIN", 21), ("CAP_SYS_MODULE", 16), ("CAP_CHOWN", 0)] {
        assert_eq!(effective & (1_u64 << bit) != 0, config.contains(name), "{name} in {config}");
    }
    assert_eq!(effective & (1_u64 << 21), 0, "no CAP_SYS_ADMIN");
}

#[test]
fn a_program_brings_back_its_code_and_what_it_said() {
    if !root() {
        return;
    }
    let mut container = container();
    let output = sh(&mut container, "echo out; echo err >&2; exit 7");
    assert_eq!(output, Output { code: 7, stdout: "out\n".into(), stderr: "err\n".into() });
    assert_eq!(sh(&mut container, "kill -9 $$").code, 128 + 9);
    let missing = container.exec(["no-such-program"]).unwrap_err().to_string();
    assert!(missing.contains("no-such-program"), "{missing}");
    assert_eq!(sh(&mut container, "echo still here").stdout, "still here\n");
}

#[test]
fn a_program_inherits_no_way_out_of_the_container() {
    if !root() {
        return;
    }
    let mut container = container();
    let links = sh(&mut container, "for fd in /proc/self/fd/*; do readlink $fd; done; pwd; env").stdout;
    assert!(!links.contains("socket:") && !links.contains("cgroup"), "{links}");
    assert!(links.contains("/dev/null") && links.contains("\n/\n"), "{links}");
    let unwanted = |line: &&str| {
        line.contains('=')
            && !["PATH=", "HOME=", "PWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own))
    };
    assert_eq!(links.lines().filter(unwanted).count(), 0, "{links}");
}

#[test]
fn shared_paths_are_there_and_read_only() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "shared").unwrap();
    let mut container = Container::with(Options { shared: vec![dir.path().into()], ..options() }).unwrap();
    assert_eq!(container.exec(["cat", file.to_str().unwrap()]).unwrap().stdout, "shared");
    assert_ne!(sh(&mut container, &format!("echo changed > {}", file.display())).code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "shared");
}

#[test]
fn every_deed_is_really_done_and_can_be_done_again() {
    if !root() {
        return;
    }
    let host_pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let mut container = container();
    for _ in 0..2 {
        for deed in &DEEDS {
            let output = container.perform(deed).unwrap_or_else(|e| panic!("{}: {e}", deed.name));
            assert!(output.stdout.contains(deed.shows), "{}: {output:?}", deed.name);
            assert_eq!(output.code, 0, "{}: {output:?}", deed.name);
        }
    }
    assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap(), host_pattern);
    assert!(!Path::new("/tmp/kdevtmpfsi").exists() && !Path::new("/etc/cron.d/refresh").exists());
}

/// Where the machine has one, or where `NIGHTJAR_TEST_BUSYBOX` says.
#[test]
fn every_deed_is_done_from_a_busybox_too() {
    if !root() {
        return;
    }
    let given = env::var_os("NIGHTJAR_TEST_BUSYBOX").map(PathBuf::from);
    let Some(busybox) = given.or_else(Image::busybox) else {
        eprintln!("skipped: no static busybox on this machine");
        return;
    };
    let mut container = Container::with(Options { image: Image::Busybox(busybox), ..options() }).unwrap();
    for deed in &DEEDS {
        let output = container.perform(deed).unwrap_or_else(|e| panic!("{}: {e}", deed.name));
        assert!(output.stdout.contains(deed.shows), "{}: {output:?}", deed.name);
    }
    assert_ne!(sh(&mut container, "cat /usr/bin/env").code, 0, "nothing of the host is there");
}

#[test]
fn nothing_stays_of_a_container_that_ended() {
    if !root() {
        return;
    }
    let mut container = container();
    assert_eq!(sh(&mut container, "sleep 1000 & echo $!").code, 0);
    let (id, pid) = (container.id().to_owned(), container.pid());
    let orphans = fs::read_to_string(container.cgroups()[0].dir.join("cgroup.procs")).unwrap();
    assert!(orphans.lines().count() >= 2, "an orphan is running: {orphans}");
    assert!(!leftovers(&id).is_empty());
    container.remove().unwrap();
    assert_eq!(leftovers(&id), Vec::<PathBuf>::new());
    for pid in orphans.lines().map(|pid| pid.parse().unwrap()).chain([pid]) {
        assert!(!is_running(pid));
    }
}

#[test]
fn nothing_stays_after_a_panic() {
    if !root() {
        return;
    }
    let container = container();
    let (id, pid) = (container.id().to_owned(), container.pid());
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _held = container;
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(leftovers(&id), Vec::<PathBuf>::new());
    assert!(!is_running(pid));
}

#[test]
fn a_container_that_cannot_be_built_says_why() {
    if !root() {
        return;
    }
    let missing = PathBuf::from("/no/such/path");
    let refused = Container::with(Options { shared: vec![missing], ..options() });
    let Err(e) = refused else { panic!("a container with a path that does not exist") };
    assert!(e.to_string().contains("/no/such/path"), "{e}");
}

/// Not a test by itself: the next one starts it as a process of its own, to be killed.
#[test]
fn an_owner_to_be_killed() {
    if env::var_os("NIGHTJAR_TEST_OWNER").is_none() {
        return;
    }
    let mut container = container();
    println!("owner {} {}", container.id(), container.pid());
    // The container is busy and does not listen when its owner dies.
    sh(&mut container, "sleep 1000");
}

#[test]
fn a_killed_owners_container_ends_at_once_and_the_next_one_clears_its_traces() {
    if !root() {
        return;
    }
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "an_owner_to_be_killed", "--nocapture"])
        .env("NIGHTJAR_TEST_OWNER", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let said = lines.map(Result::unwrap).find(|line| line.contains("owner ")).unwrap();
    let mut words = said.split_once("owner ").unwrap().1.split(' ');
    let (id, pid) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    assert!(is_running(pid));
    // Whoever makes or ends a container takes turns with this lock: no other test clears the traces first.
    let turn = fs::File::open("/run").unwrap();
    flock(&turn, FlockOperation::LockExclusive).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the container's first process is gone", || !is_running(pid));
    assert!(!leftovers(id).is_empty(), "nobody was there to take the cgroups away");
    drop(turn);
    let next = container();
    assert_eq!(leftovers(id), Vec::<PathBuf>::new());
    assert!(!leftovers(next.id()).is_empty());
}

#[test]
fn containers_side_by_side_leave_each_other_alone() {
    if !root() {
        return;
    }
    let mut first = container();
    let second = container();
    assert_ne!(first.id(), second.id());
    second.remove().unwrap();
    assert_eq!(sh(&mut first, "echo alive").stdout, "alive\n");
    assert!(!leftovers(first.id()).is_empty());
}

fn running_ids() -> BTreeSet<String> {
    match fs::read_dir("/run/nightjar-demo") {
        Ok(entries) => entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
        Err(e) => panic!("{e}"),
    }
}

/// An agent that cries every rule but `except` for every container there is: enough to see what the demo counts.
fn crier(except: &'static str) -> mpsc::Receiver<DemoAlert> {
    let (send, alerts) = mpsc::channel(4);
    thread::spawn(move || {
        loop {
            for id in running_ids() {
                for deed in DEEDS.iter().filter(|deed| deed.rule != except) {
                    let alert = DemoAlert {
                        rule: deed.rule.into(),
                        container_id: id[..12].into(),
                        time: SystemTime::now(),
                        human: format!("cried: {}", deed.rule),
                    };
                    if send.blocking_send(alert).is_err() {
                        return;
                    }
                }
            }
            pause();
        }
    });
    alerts
}

async fn demo(
    except: &'static str,
    deadline: Duration,
    stop: impl Future<Output = ()>,
) -> (u8, Vec<Fate>, String) {
    let settings = Settings { options: options(), deadline, width: None };
    let mut out = Vec::new();
    let report = run(crier(except), settings, stop, &mut out).await.unwrap();
    let fates = report.rows.iter().map(|row| row.fate.clone()).collect();
    (report.exit_code(), fates, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn the_demo_ends_with_0_when_every_deed_is_alerted() {
    if !root() {
        return;
    }
    let (code, fates, out) = demo("", PATIENCE, std::future::pending()).await;
    assert_eq!(code, 0, "{out}");
    assert_eq!(fates.len(), DEEDS.len());
    assert!(out.contains("8 of 8 deeds raised their alert"), "{out}");
    assert!(DEEDS.iter().all(|deed| out.contains(&format!("cried: {}", deed.rule))), "{out}");
}

#[tokio::test]
async fn the_demo_ends_with_1_when_one_alert_does_not_come() {
    if !root() {
        return;
    }
    let withheld = &DEEDS[3];
    let (code, fates, out) = demo(withheld.rule, Duration::from_secs(1), std::future::pending()).await;
    assert_eq!(code, 1, "{out}");
    assert_eq!(fates[3], Fate::Missed);
    assert!(fates.iter().enumerate().all(|(i, fate)| i == 3 || matches!(fate, Fate::Alerted(_))), "{out}");
}

#[tokio::test]
async fn a_stopped_demo_takes_its_container_away_and_says_so() {
    if !root() {
        return;
    }
    let withheld = DEEDS[0].rule;
    let (code, fates, out) = demo(withheld, Duration::from_secs(3600), async {}).await;
    assert_eq!((code, fates.len()), (130, 0), "{out}");
    let id = out.split(' ').nth(1).unwrap();
    assert!(running_ids().iter().all(|running| !running.starts_with(id)), "{out}");
}
