//! What the table of containers learns, keeps and refuses, on real cgroups and on runtime state laid out in a folder.

use std::{fs, path::Path};

use super::*;
use crate::identity::{Limits, cgroup::Cgroups, hierarchy::Hierarchy};

const A: &str = "3f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001";
const B: &str = "b7e0c5a4938271605f4e3d2c1b0a99887766554433221100ffeeddccbbaa9988";
const SECOND: u64 = crate::identity::limits::SECOND;

struct Host {
    root: tempfile::TempDir,
    cgroups: Cgroups<Place>,
    containers: Containers,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = Places { host: root.path().to_owned(), ..Places::default() };
        let mount = Hierarchy::detect(Path::new("/")).unwrap().mount;
        let cgroups = Cgroups::open(&mount, Limits::default()).unwrap();
        Host { root, cgroups, containers: Containers::new(places, Clock::started_at(0), true) }
    }

    fn of(&mut self, id: u64, now: u64, eager: bool) -> Option<Arc<Container>> {
        let question = Question { now, eager, process: None };
        self.containers.of(self.cgroups.get(id, now), &question)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn docker_knows(&self, id: &str) {
        self.write(
            &format!("var/lib/docker/containers/{id}/config.v2.json"),
            r#"{"Name":"/web","Config":{"Image":"i"}}"#,
        );
        self.write(&format!("var/lib/docker/containers/{id}/hostconfig.json"), r#"{"Privileged":false}"#);
    }
}

#[test]
fn the_cgroups_inside_a_container_share_it() {
    let mut host = Host::new();
    host.docker_knows(A);
    host.cgroups.made(10, format!("/docker/{A}"), 1);
    host.cgroups.made(11, format!("/docker/{A}/init.scope"), 2);
    let (outer, inner) = (host.of(10, 3, false).unwrap(), host.of(11, 3, false).unwrap());
    assert!(Arc::ptr_eq(&outer, &inner));
    assert_eq!(host.containers.stats(), ContainerStats { known: 1, reads: 1, ..Default::default() });
}

#[test]
fn files_that_are_taken_away_do_not_take_what_was_known() {
    let mut host = Host::new();
    host.cgroups.made(10, format!("/kubepods/{A}"), 1);
    let bundle = format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{A}");
    host.write(&format!("{bundle}/config.json"), "{}");
    let before = host.of(10, 2, false).unwrap();
    assert_eq!((&*before.runtime, &before.missing[..]), ("containerd", &["image".to_owned()][..]));
    fs::remove_dir_all(host.root.path().join(bundle)).unwrap();
    assert_eq!(host.of(10, SECOND, false).unwrap(), before);
    assert_eq!(host.containers.stats().reads, 2);
}

#[test]
fn a_container_started_again_is_read_again() {
    let mut host = Host::new();
    host.docker_knows(A);
    host.cgroups.made(10, format!("/docker/{A}"), 5);
    let first = host.of(10, 6, false).unwrap();
    host.cgroups.removed(10, 7);
    host.cgroups.made(11, format!("/docker/{A}"), 8);
    let second = host.of(11, 9, false).unwrap();
    assert_eq!((first.start_time, second.start_time), (5, 8));
    assert!(Arc::ptr_eq(&first, &host.of(10, 10, false).unwrap()), "late records of the first keep it");
}

#[test]
fn a_cgroup_inside_one_container_cannot_pass_for_another() {
    let mut host = Host::new();
    host.cgroups.made(10, format!("/docker/{A}"), 1);
    host.cgroups.made(11, format!("/docker/{B}"), 1);
    let (a, b) = (host.of(10, 2, false).unwrap(), host.of(11, 2, false).unwrap());
    host.cgroups.made(12, format!("/docker/{B}/docker/{A}"), 3);
    assert_eq!(host.of(12, 4, false).unwrap().id, b.id);
    assert_eq!((&*a.id, host.containers.stats().impostors), (A, 1));
}

#[test]
fn details_that_never_come_are_looked_for_a_bounded_number_of_times() {
    let mut host = Host::new();
    host.cgroups.made(10, format!("/docker/{A}"), 1);
    for millisecond in 0..20_000 {
        let container = host.of(10, millisecond * 1_000_000, false).unwrap();
        assert_eq!(container.missing, ["name", "image", "privileged"]);
    }
    let stats = host.containers.stats();
    assert_eq!((stats.reads, stats.incomplete), (u64::from(TRIES_MAX), 1));
    host.docker_knows(A);
    assert!(!host.of(10, 30 * SECOND, true).unwrap().missing.is_empty(), "over is over");
}

#[test]
fn an_exec_looks_out_of_turn_but_not_at_every_turn() {
    let mut host = Host::new();
    host.cgroups.made(10, format!("/docker/{A}"), 1);
    host.of(10, 1, true);
    host.of(10, 2, true);
    assert_eq!(host.containers.stats().reads, 1);
    host.docker_knows(A);
    assert_eq!(host.of(10, 1 + EAGER_WAIT, false).unwrap().name, "", "an open is not worth it");
    assert_eq!(host.of(10, 1 + EAGER_WAIT, true).unwrap().name, "web");
}

#[test]
fn plain_runc_is_recognised_once_its_state_is_written() {
    let mut host = Host::new();
    host.cgroups.made(10, "/web".into(), 1);
    assert!(host.of(10, 1, true).is_none());
    host.write(
        "run/runc/web/state.json",
        r#"{"cgroup_paths":{"":"/sys/fs/cgroup/web"},"config":{"labels":["bundle=/b"]}}"#,
    );
    let container = host.of(10, 1 + EAGER_WAIT, true).unwrap();
    assert_eq!((&*container.id, &*container.runtime), ("web", "runc"));
}

#[test]
fn a_cgroup_that_is_nobodys_is_the_hosts_after_a_while() {
    let mut host = Host::new();
    host.cgroups.made(10, "/mine/own".into(), 1);
    for millisecond in 0..20_000 {
        assert!(host.of(10, millisecond * 1_000_000, false).is_none());
    }
    assert_eq!(host.containers.stats().reads, 2 * u64::from(TRIES_MAX), "both names, at each try");
    assert!(host.cgroups.get(10, 1).tag.settled().is_some());
}

#[test]
fn a_unit_of_the_host_costs_one_look() {
    let mut host = Host::new();
    host.cgroups.made(10, "/system.slice/sshd.service".into(), 1);
    for now in 1..100 {
        assert!(host.of(10, now * SECOND, true).is_none());
    }
    assert_eq!(host.containers.stats().reads, 0);
}

#[test]
fn containers_leave_with_their_cgroups() {
    let mut host = Host::new();
    for id in 0..1_000_u64 {
        let now = id * 100 * SECOND;
        host.cgroups.expire(now);
        host.cgroups.made(id + 10, format!("/docker/{id:064x}"), now);
        assert!(host.of(id + 10, now, false).is_some());
        host.cgroups.removed(id + 10, now);
    }
    assert!(host.containers.known.len() <= 128, "{}", host.containers.known.len());
}

fn bundle_without_image(host: &Host) {
    host.write(
        &format!("run/containerd/io.containerd.runtime.v2.task/shop/{A}/config.json"),
        r#"{"linux":{"namespaces":[{"type":"pid"}]}}"#,
    );
}

fn answer(ask: &Ask, outcome: Outcome) -> Answer {
    Answer { id: ask.id.clone(), made: ask.made, outcome }
}

#[test]
fn what_the_disk_does_not_tell_the_runtime_is_asked_and_its_answer_counts_at_once() {
    let mut host = Host::new();
    bundle_without_image(&host);
    host.cgroups.made(10, format!("/kubepods/{A}"), 5);
    assert_eq!(host.of(10, 6, false).unwrap().missing, ["image"]);
    let asked: Vec<_> = host.containers.questions().collect();
    assert_eq!((asked.len(), asked[0].runtime, &*asked[0].namespace), (1, Runtime::Containerd, "shop"));
    assert!(host.cgroups.peek(10).unwrap().tag.is_open(INITIAL_PID_NS), "an answer is due");
    let told = Container { image: "shop:1".into(), host_pid: Some(true), ..Container::default() };
    host.containers.answer(answer(&asked[0], Outcome::Told(Runtime::Containerd, Box::new(told))));
    let container = host.of(10, 6, false).unwrap();
    assert_eq!((&*container.image, container.host_pid), ("shop:1", Some(false)), "the disk counts first");
    assert!(container.missing.is_empty() && host.cgroups.peek(10).unwrap().tag.settled().is_some());
}

#[test]
fn an_answer_about_the_start_before_is_none() {
    let mut host = Host::new();
    bundle_without_image(&host);
    host.cgroups.made(10, format!("/kubepods/{A}"), 5);
    host.of(10, 6, false);
    let asked: Vec<_> = host.containers.questions().collect();
    host.cgroups.made(11, format!("/kubepods/{A}"), 8);
    host.of(11, 9, false);
    let told = Container { image: "old:1".into(), ..Container::default() };
    host.containers.answer(answer(&asked[0], Outcome::Told(Runtime::Containerd, Box::new(told))));
    assert_eq!(host.of(11, 10, false).unwrap().missing, ["image"]);
}

#[test]
fn a_runtime_that_never_says_is_asked_a_bounded_number_of_times() {
    let mut host = Host::new();
    bundle_without_image(&host);
    host.cgroups.made(10, format!("/kubepods/{A}"), 1);
    let mut asked = 0;
    for millisecond in 0..20_000 {
        host.of(10, millisecond * 1_000_000, false);
        for ask in host.containers.questions().collect::<Vec<_>>() {
            asked += 1;
            host.containers.answer(answer(&ask, Outcome::InVain));
        }
    }
    assert_eq!(asked, ASKED_MAX);
    assert_eq!(host.of(10, 30 * SECOND, false).unwrap().missing, ["image", "labels"]);
}
