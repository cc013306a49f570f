//! Containers that are gone before anyone could look at them: each program that they start is told, with the name and
//! the image of its container. Runtimes make them and take them away at the same time.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{
    containerd, docker, image,
    node::{self, Layout, Node},
    podman, runc,
    tell::tell,
};

const CONTAINERS: usize = 1_000;
const AT_ONCE: usize = 10;
/// What each does, in 50 ms; three programs with the shell itself.
const LIFE: [&str; 3] = ["/bin/sh", "-c", "/bin/cat /etc/passwd; /bin/sleep 0.05; exit"];
const PROGRAMS: [&str; 3] = ["cat", "sh", "sleep"];
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/containers/short.yaml");

struct Engine {
    runtime: &'static str,
    /// `-`: it knows of none.
    image: &'static str,
    run: fn(name: &str, args: &[&str], plain: &Plain),
}

const PODMAN: Engine =
    Engine { runtime: "podman", image: podman::IMAGE, run: |name, args, _| podman::run(name, args) };
const DOCKER: Engine =
    Engine { runtime: "docker", image: docker::IMAGE, run: |name, args, _| docker::run(name, args) };
const CTR: Engine = Engine {
    runtime: "containerd",
    image: containerd::IMAGE,
    run: |name, args, _| containerd::run(name, args),
};
const RUNC: Engine = Engine { runtime: "runc", image: "-", run: |name, _, plain| plain.run(name) };
/// By turns; those that take less time have more of them.
const ENGINES: [Engine; 6] = [RUNC, DOCKER, CTR, RUNC, PODMAN, CTR];

/// Containers of runc alone, whose bundles differ in the cgroup.
struct Plain {
    spec: Value,
    dir: std::path::PathBuf,
}

impl Plain {
    fn new(dir: &Path) -> Plain {
        let dir = dir.join("plain");
        image::root(&dir);
        Plain { spec: runc::spec("runc", &dir, "", &LIFE), dir }
    }

    fn run(&self, name: &str) {
        let bundle = self.dir.join(name);
        fs::create_dir(&bundle).expect("a directory is made");
        let mut spec = self.spec.clone();
        spec["linux"]["cgroupsPath"] = json!(format!("/short/{name}"));
        fs::write(bundle.join("config.json"), spec.to_string()).expect("a spec is written");
        tell("runc", ["run", "--bundle", image::path(&bundle), name]);
    }
}

/// Of container `n`: its engine and its name.
fn container(n: usize) -> (&'static Engine, String) {
    (&ENGINES[n % ENGINES.len()], format!("short-{n}"))
}

fn live_all(plain: &Plain) {
    let next = AtomicUsize::new(0);
    let live = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= CONTAINERS {
                return;
            }
            let (engine, name) = container(n);
            (engine.run)(&name, &LIFE, plain);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(live);
        }
    });
}

/// What an alert says: the program, the container's name, runtime and image, and whether that is all.
type Told = [String; 5];

fn told(alert: &Value) -> Told {
    let container = &alert["container"];
    let told = [
        &alert["process"]["name"],
        &container["name"],
        &container["runtime"],
        &container["image"],
        &alert["identity"],
    ];
    told.map(|value| value.as_str().unwrap_or("-").to_owned())
}

/// How often what has to be told of the containers was told, and what else was.
fn count(node: &Node) -> (BTreeMap<Told, usize>, Vec<Told>) {
    let mut expected = BTreeMap::new();
    for (engine, name) in (0..CONTAINERS).map(container) {
        for program in PROGRAMS {
            expected.insert([program, &name, engine.runtime, engine.image, "complete"].map(str::to_owned), 0);
        }
    }
    let mut others = Vec::new();
    for _ in 0..expected.len() {
        let alert = told(&node.agent.next());
        match expected.get_mut(&alert) {
            Some(times) => *times += 1,
            None => others.push(alert),
        }
    }
    (expected, others)
}

#[test]
fn every_program_of_a_thousand_short_containers_is_told_with_name_and_image() {
    let cgroups = ["docker", "libpod_parent", "default", "short"];
    node::with(Layout::Native, &cgroups, &["--rules", RULES], |node| {
        docker::start(node, &[]);
        podman::start(node);
        containerd::start(node);
        live_all(&Plain::new(&node.dir));
        let (expected, mut others) = count(node);
        let whole = expected.values().filter(|times| **times == 1).count();
        println!(
            "{CONTAINERS} containers of runc, containerd, docker and podman, {AT_ONCE} at a time: {} programs started, {} told, \
             {whole} with the container's name, image and runtime",
            expected.len(),
            expected.values().sum::<usize>() + others.len(),
        );
        let missing: Vec<_> = expected.iter().filter(|(_, times)| **times != 1).take(20).collect();
        others.truncate(20);
        assert!(missing.is_empty(), "not told once: {missing:#?}; told otherwise: {others:#?}");
    });
}
