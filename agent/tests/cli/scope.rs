//! Who is watched: what happens in scope is told from the first moment on, and of the rest nothing leaves the kernel.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Command,
};

use rustix::process::Signal;
use serde_json::Value;

use super::{CONTAINERS, Cgroup, Watching, watching_with};

/// Readings of the marker in a cgroup.
const READS: u64 = 2_000;
/// Readings by those who are not watched. Far more than what passes until cgroups are muted, and than what the machine
/// opens meanwhile in cgroups of which it is not known for two seconds whose they are.
const OTHERS: u64 = 60_000;

/// A shell that enters a cgroup and from then on does nothing but read the marker.
fn read_in(cgroup: &Path, marker: &Path, times: u64) {
    let script = format!(
        "echo 0 > {}/cgroup.procs; n=0; while [ $n -lt {times} ]; do : < {}; n=$((n+1)); done",
        cgroup.display(),
        marker.display()
    );
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

/// What a watch told and counted.
struct Told {
    alerts: Vec<Value>,
    /// Opens that the kernel side saw.
    seen: u64,
}

/// Takes so many alerts, then ends the watch.
fn end(mut watching: Watching, expected: u64) -> Told {
    let lines = BufReader::new(watching.child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut alerts: Vec<_> = lines.by_ref().take(expected as usize).collect();
    watching.signal(Signal::INT);
    alerts.extend(lines);
    let said: Vec<String> = watching.said.map(Result::unwrap).collect();
    assert_eq!(watching.child.wait().unwrap().code(), Some(0), "{said:?}");
    let counted = said.iter().find(|line| line.contains("event=\"open\""));
    let seen = counted.and_then(|line| line.split_once("seen=")?.1.split(' ').next()?.parse().ok());
    Told { alerts, seen: seen.unwrap_or_else(|| panic!("{said:?}")) }
}

/// All that was done in the cgroup, and nothing else.
fn expect(told: &Told, is_in_scope: impl Fn(&Value) -> bool) {
    assert!(
        told.alerts.iter().all(&is_in_scope),
        "{:?}",
        told.alerts.iter().find(|alert| !is_in_scope(alert))
    );
    assert_eq!(told.alerts.len() as u64, READS);
    assert!((READS..READS + OTHERS / 2).contains(&told.seen), "{} opens seen", told.seen);
}

#[test]
fn of_listed_cgroups_every_deed_is_told_and_of_others_none() {
    let (listed, other) = (Cgroup::new("scope-listed"), Cgroup::new("scope-other"));
    let scope = format!("cgroup=/{}", listed.name());
    let watching = watching_with(&["--scope", &scope]);
    read_in(&other.0, &watching.marker, OTHERS);
    read_in(&listed.0, &watching.marker, READS);
    let told = end(watching, READS);
    let id = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&listed.0).unwrap());
    expect(&told, |alert| alert["event"]["cgroup_id"] == id);
}

#[test]
fn a_cgroup_below_a_listed_one_is_in_scope_from_its_first_deed() {
    let listed = Cgroup::new("scope-above");
    let scope = format!("cgroup=/{}", listed.name());
    let watching = watching_with(&["--scope", &scope]);
    let below = Cgroup(listed.0.join("later.slice"));
    std::fs::create_dir(&below.0).unwrap();
    read_in(&below.0, &watching.marker, READS);
    let told = end(watching, READS);
    drop(below);
    assert_eq!(told.alerts.len() as u64, READS);
}

#[test]
fn in_containers_alone_every_deed_is_told_from_the_first_on() {
    let _alone = CONTAINERS.lock();
    let watching = watching_with(&["--scope", "containers"]);
    let host = Cgroup::new("scope-host");
    read_in(&host.0, &watching.marker, OTHERS);
    let id = format!("{:064x}", u64::from(std::process::id()) << 8);
    let container = Cgroup::of_container(&id);
    read_in(&container.0, &watching.marker, READS);
    expect(&end(watching, READS), |alert| alert["container"]["id"] == id.as_str());
}

#[test]
fn a_container_that_is_listed_and_comes_later_is_told_from_its_first_deed_and_another_is_not() {
    let id = |n: u64| format!("{:064x}", (u64::from(std::process::id()) << 8) + n);
    let watching = watching_with(&["--scope", &format!("container={}", id(1))]);
    let (other, listed) = (Cgroup::of_container(&id(2)), Cgroup::of_container(&id(1)));
    read_in(&listed.0, &watching.marker, READS);
    // It makes a cgroup that it calls like another container.
    let disguised = Cgroup(listed.0.join(format!("libpod-{}", id(3))));
    std::fs::create_dir(&disguised.0).unwrap();
    read_in(&disguised.0, &watching.marker, READS);
    read_in(&other.0, &watching.marker, 1);
    let told = end(watching, 2 * READS);
    drop((other, disguised));
    let of = |n| told.alerts.iter().filter(|alert| alert["container"]["id"] == id(n).as_str()).count() as u64;
    assert_eq!((of(1), of(2), of(3)), (READS, 0, READS));
    assert_eq!(told.alerts.len() as u64, 2 * READS);
}

#[test]
fn a_container_is_listed_by_a_pattern_of_names_too() {
    let name = format!("nightjar-scope-{}", std::process::id());
    let watching = watching_with(&["--scope", "pod=shop/*", "container=nightjar-scope-*"]);
    // As LXC names it: a name is all that its containers have.
    let container = Cgroup::make(&format!("lxc.payload.{name}"));
    read_in(&container.0, &watching.marker, READS);
    let told = end(watching, READS);
    assert!(
        told.alerts.iter().all(|alert| alert["container"]["id"] == name.as_str()),
        "{:?}",
        told.alerts[0]
    );
    assert_eq!(told.alerts.len() as u64, READS);
}
