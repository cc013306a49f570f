//! The whole of identity: records in, events out. Processes of these tests have pids that no kernel gives.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use nightjar_events::{
    Span,
    event::{
        cgroup_rmdir::CgroupRmdir,
        exec::{Exec, SPAN_ARGS, SPAN_CWD, SPAN_EXE},
        exit::Exit,
        fork::Fork,
        open::Open,
        setuid::Setuid,
    },
};

use super::*;

const ID: &str = "3f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001";
/// Above PID_MAX_LIMIT.
const SHELL: Key = Key { pid: 5_000_001, start: 10_000 };
const CHILD: Key = Key { pid: 5_000_002, start: 20_000 };
const BOOT: u64 = 1_700_000_000_000_000_000;
const CGROUP: u64 = u64::MAX - 77;

struct Node {
    identity: Identity,
    root: tempfile::TempDir,
}

fn node() -> Node {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\nada:x:1000:1000::/:/bin/sh\n").unwrap();
    fs::write(root.path().join("etc/group"), "root:x:0:\nstaff:x:1000:\n").unwrap();
    let places = Places { host: root.path().to_owned(), ..Places::default() };
    let sources = Sources { places, ..Sources::default() };
    let hierarchy = Hierarchy::detect(Path::new("/")).unwrap();
    let identity =
        Identity::with_sources(&hierarchy, Clock::started_at(BOOT), Limits::default(), sources).unwrap();
    Node { identity, root }
}

impl Node {
    fn see(&mut self, key: Key, time: u64, body: Body, tail: &[u8]) -> Event {
        let header = Header {
            time,
            cgroup_id: CGROUP,
            start: key.start,
            pid: key.pid,
            tid: key.pid,
            kind: body.kind() as u16,
            tail_len: tail.len() as u32,
            ..Header::default()
        };
        self.identity.observe(header, body, Bytes::copy_from_slice(tail))
    }

    fn exec(&mut self, key: Key, time: u64, args: &[&str], exec: Exec) -> Event {
        let (body, tail) = exec_record(args, exec);
        self.see(key, time, body, &tail)
    }

    fn fork(&mut self, key: Key, time: u64, child: Key) -> Event {
        let fork = Fork {
            child_start: child.start,
            child_pid: child.pid,
            child_vpid: 9,
            comm: comm("sh"),
            ..Fork::default()
        };
        self.see(key, time, Body::Fork(fork), &[])
    }

    fn open(&mut self, key: Key, time: u64) -> Event {
        self.see(key, time, Body::Open(Open::default()), &[])
    }

    fn cgroup(&mut self, time: u64, path: &str) {
        let span = Span { off: 0, len: path.len() as u16, state: Span::WHOLE, reserved: 0 };
        self.see(SHELL, time, Body::CgroupMkdir(CgroupMkdir { spans: [span], id: CGROUP }), path.as_bytes());
    }
}

fn comm(name: &str) -> [u8; 16] {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    comm
}

fn exec_record(args: &[&str], mut exec: Exec) -> (Body, Vec<u8>) {
    let mut tail = Vec::new();
    let mut put = |bytes: &[u8]| {
        let span = Span { off: tail.len() as u16, len: bytes.len() as u16, state: Span::WHOLE, reserved: 0 };
        tail.extend_from_slice(bytes);
        span
    };
    let list: Vec<u8> = args.iter().flat_map(|arg| arg.bytes().chain([0])).collect();
    exec.spans[SPAN_ARGS] = put(&list);
    let name = args[0].trim_start_matches('/');
    exec.spans[SPAN_EXE] = put(format!("{name}\0bin\0usr\0").as_bytes());
    exec.spans[SPAN_CWD] = put(b"tmp\0");
    exec.comm = comm(name);
    (Body::Exec(exec), tail)
}

fn comms(event: &Event) -> Vec<String> {
    event.lineage().map(|process| String::from_utf8(process.comm.clone()).unwrap()).collect()
}

#[test]
fn an_exec_fills_the_process() {
    let mut node = node();
    let exec = Exec {
        ppid: 1,
        uid: 0,
        euid: 0,
        egid: 1000,
        loginuid: 1000,
        vpid: 3,
        cap_effective: 7,
        exe_inode: 42,
        flags: nightjar_events::event::exec::EXE_UPPER_LAYER,
        ..Exec::default()
    };
    let event = node.exec(SHELL, 5_000, &["sh", "-c", "id"], exec);
    let process = &event.process;
    assert_eq!(event.time, BOOT + 5_000);
    assert_eq!((process.pid, process.start, process.start_time), (SHELL.pid, 10_000, BOOT + 10_000));
    assert_eq!(
        (&*process.exe_path, &*process.cwd, &*process.comm),
        (&b"/usr/bin/sh"[..], &b"/tmp"[..], &b"sh"[..])
    );
    assert_eq!(process.args, [b"sh".to_vec(), b"-c".to_vec(), b"id".to_vec()]);
    assert_eq!((process.user.as_deref(), process.group.as_deref()), (Some("root"), Some("staff")));
    assert_eq!((process.loginuid, process.login_user.as_deref()), (Some(1000), Some("ada")));
    assert_eq!((process.vpid, process.cap_effective, process.exe_inode), (3, 7, 42));
    assert!(process.exe_upper_layer && !process.args_cut && event.container.is_none());
}

#[test]
fn a_child_inherits_the_image_and_an_exec_replaces_it() {
    let mut node = node();
    node.exec(SHELL, 1, &["sh"], Exec::default());
    assert_eq!(comms(&node.fork(SHELL, 2, CHILD)), ["sh"], "the event of a fork is the maker's");
    let child = node.open(CHILD, 3);
    assert_eq!(
        (comms(&child), child.process.vpid, child.process.ppid),
        (vec!["sh".into(), "sh".into()], 9, SHELL.pid)
    );
    let exec = Exec { ppid: 1, parent_start: 1, ..Exec::default() };
    let child = node.exec(CHILD, 4, &["ls"], exec);
    assert_eq!(comms(&child), ["ls", "sh"], "the maker counts, not who took the orphan in");
    assert_eq!(child.process.ppid, SHELL.pid);
    node.exec(SHELL, 5, &["python"], Exec::default());
    assert_eq!(comms(&node.open(CHILD, 6)), ["ls", "python"]);
}

#[test]
fn an_exec_of_an_unseen_process_finds_its_parent_by_pid_and_start() {
    let mut node = node();
    node.exec(SHELL, 1, &["sh"], Exec::default());
    let exec = Exec { ppid: SHELL.pid, parent_start: SHELL.start, ..Exec::default() };
    assert_eq!(comms(&node.exec(CHILD, 2, &["ls"], exec)), ["ls", "sh"]);
    let other = Exec { ppid: SHELL.pid, parent_start: SHELL.start + 1, ..Exec::default() };
    let stranger = Key { pid: 5_000_003, start: 3 };
    assert_eq!(comms(&node.exec(stranger, 3, &["ls"], other)), ["ls"], "another process of that pid");
}

#[test]
fn a_process_that_came_and_went_unseen_is_counted_as_unknown() {
    let mut node = node();
    let event = node.see(CHILD, 1, Body::Exit(Exit { comm: comm("gone"), ..Exit::default() }), &[]);
    assert_eq!((event.process.pid, comms(&event)), (CHILD.pid, vec!["gone".into()]));
    assert_eq!(node.identity.stats().processes_unknown, 1);
    assert_eq!(node.identity.stats().processes.live, 0);
}

#[test]
fn the_event_of_an_exec_has_all_arguments_and_later_ones_say_theirs_are_cut() {
    let mut node = node();
    let long = "a".repeat(6_000);
    let event = node.exec(SHELL, 1, &["sh", &long, "end"], Exec::default());
    assert_eq!((event.process.args.len(), event.process.args_cut), (3, false));
    let later = node.open(SHELL, 2);
    assert!(later.process.args_cut);
    assert_eq!(later.process.args.iter().map(|arg| arg.len() + 1).sum::<usize>(), limits::ARGS_KEPT + 1);
}

#[test]
fn another_real_user_in_a_record_changes_the_process() {
    let mut node = node();
    node.exec(SHELL, 1, &["sshd"], Exec::default());
    let body = Body::Open(Open::default());
    let header = Header {
        time: 2,
        uid: 1000,
        start: SHELL.start,
        pid: SHELL.pid,
        tid: SHELL.pid,
        kind: 3,
        ..Header::default()
    };
    let event = node.identity.observe(header, body, Bytes::new());
    assert_eq!(
        (event.process.uid, event.process.euid, event.process.user.as_deref()),
        (1000, 1000, Some("ada"))
    );
}

/// Of this very process, since the kernel is asked.
#[test]
fn a_setuid_makes_the_effective_user_known_that_no_other_record_tells() {
    let mut node = node();
    let (uid, euid) = (rustix::process::getuid().as_raw(), rustix::process::geteuid().as_raw());
    let pid = std::process::id();
    let ticks = procfs::process::Process::myself().unwrap().stat().unwrap().starttime;
    let start = ticks * (1_000_000_000 / procfs::ticks_per_second());
    let mut see = |body: Body, tail: &[u8]| {
        let header = Header { uid, start, pid, tid: pid, kind: body.kind() as u16, ..Header::default() };
        node.identity.observe(header, body, Bytes::copy_from_slice(tail)).process
    };
    let (exec, tail) = exec_record(&["su"], Exec { uid, euid: euid + 1, ..Exec::default() });
    assert_eq!(see(exec, &tail).euid, euid + 1);
    assert_eq!(see(Body::Open(Open::default()), &[]).euid, euid + 1);
    assert_eq!(see(Body::Setuid(Setuid::default()), &[]).euid, euid);
    assert_eq!(see(Body::Open(Open::default()), &[]).euid, euid);
}

#[test]
fn users_and_groups_are_named_by_the_effective_ids() {
    let mut node = node();
    let event = node.exec(SHELL, 20_000, &["newgrp"], Exec { euid: 1000, egid: 1000, ..Exec::default() });
    assert_eq!(event.process.uid, 0);
    assert_eq!(event.process.user.as_deref(), Some("ada"));
    assert_eq!(event.process.group.as_deref(), Some("staff"));
}

#[test]
fn a_thread_with_a_user_of_its_own_does_not_change_the_process() {
    let mut node = node();
    node.exec(SHELL, 1, &["server"], Exec::default());
    let header = Header {
        uid: 1000,
        start: SHELL.start,
        pid: SHELL.pid,
        tid: SHELL.pid + 1,
        kind: 3,
        ..Header::default()
    };
    let event = node.identity.observe(header, Body::Open(Open::default()), Bytes::new());
    assert_eq!((event.process.uid, event.process.user.as_deref()), (1000, Some("ada")));
    assert_eq!(node.open(SHELL, 3).process.uid, 0);
}

#[test]
fn a_container_is_known_from_its_cgroup_and_complete_once_its_files_are_there() {
    let mut node = node();
    node.cgroup(1_000, &format!("/docker/{ID}"));
    let first = node.exec(SHELL, 1_001, &["runc"], Exec::default()).container.unwrap();
    assert_eq!((&*first.id, &*first.runtime, first.start_time), (ID, "docker", BOOT + 1_000));
    assert_eq!(first.missing, ["name", "image", "privileged"]);
    let dir = node.root.path().join(format!("var/lib/docker/containers/{ID}"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("config.v2.json"), r#"{"Name":"/web","Config":{"Image":"nginx:1"}}"#).unwrap();
    fs::write(dir.join("hostconfig.json"), r#"{"Privileged":true}"#).unwrap();
    let entry = node.exec(SHELL, 5_000_000, &["nginx"], Exec::default()).container.unwrap();
    assert_eq!((&*entry.name, &*entry.image, entry.privileged), ("web", "nginx:1", Some(true)));
    assert!(entry.missing.is_empty());
    let later = node.open(SHELL, 6_000_000).container.unwrap();
    assert!(Arc::ptr_eq(&entry, &later), "nothing is read again");
}

#[test]
fn a_record_after_the_cgroup_is_gone_still_knows_its_container() {
    let mut node = node();
    node.cgroup(1, &format!("/docker/{ID}"));
    node.see(SHELL, 2, Body::CgroupRmdir(CgroupRmdir { id: CGROUP }), &[]);
    assert_eq!(node.open(SHELL, 3).container.unwrap().id, ID);
}

#[test]
fn seeding_finds_this_process_its_parent_and_its_threads_records() {
    let mut node = node();
    node.identity.seed().unwrap();
    let pid = std::process::id();
    let ticks = node.identity.proc.read(pid, Clock::started_at(0)).unwrap().start;
    let header =
        Header { time: ticks, pid, tid: pid + 1, start: ticks + 1_234_567, kind: 3, ..Header::default() };
    let event = node.identity.observe(header, Body::Open(Open::default()), Bytes::new());
    assert_eq!(event.process.start, ticks + 1_234_567, "the exact start is taken over");
    assert_eq!(event.process.comm, fs::read("/proc/self/comm").unwrap().trim_ascii_end());
    assert_eq!(event.process.args[0], std::env::args().next().unwrap().into_bytes());
    assert_eq!(event.process.user.as_deref(), Some("root"), "these tests run as root");
    let parent = event.process.parent.as_ref().unwrap();
    assert_eq!(parent.pid, std::os::unix::process::parent_id());
    assert_eq!(node.identity.stats().processes_read, 0);
    let live = node.identity.stats().processes.live;
    node.identity.seed().unwrap();
    assert!(live.abs_diff(node.identity.stats().processes.live) < live, "a second seeding doubles nothing");
    assert_eq!(node.open(Key { pid, start: ticks + 1_234_567 }, 9).process.start, ticks + 1_234_567);
}

#[test]
fn a_process_whose_fork_was_missed_is_read_at_once_with_its_ancestors() {
    let mut node = node();
    let pid = std::process::id();
    let start = node.identity.proc.read(pid, Clock::started_at(0)).unwrap().start + 5;
    let event = node.open(Key { pid, start }, 1);
    assert_eq!(event.process.ppid, std::os::unix::process::parent_id());
    assert!(event.lineage().count() >= 2);
    assert_eq!(node.identity.stats().processes_read, 1);
    let other = node.open(Key { pid, start: start + limits::SECOND }, 2);
    assert!(other.process.args.is_empty(), "what runs under that pid now is another process");
}

#[test]
fn a_real_cgroup_is_found_without_a_record_of_its_making() {
    let mut node = node();
    let mount = Hierarchy::detect(Path::new("/")).unwrap().mount;
    let dir = mount.join(format!("docker-{ID}.scope"));
    fs::create_dir(&dir).unwrap();
    let header = Header {
        time: 1,
        cgroup_id: fs::metadata(&dir).unwrap().ino(),
        pid: SHELL.pid,
        start: SHELL.start,
        kind: 3,
        ..Header::default()
    };
    let event = node.identity.observe(header, Body::Open(Open::default()), Bytes::new());
    fs::remove_dir(&dir).unwrap();
    assert_eq!(event.container.unwrap().id, ID);
    assert_eq!(node.identity.stats().cgroups.looked_up, 1);
}
