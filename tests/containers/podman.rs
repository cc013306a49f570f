//! Podman, with its storage where it usually is. The OCI runtime that it starts is runc.

use std::iter::once;

use crate::{
    agent::Container,
    image,
    node::{self, Layout, Node},
    tell::tell,
};

pub const IMAGE: &str = "localhost/busybox:1";
const SETTINGS: [&str; 8] = [
    "--runtime",
    "runc",
    "--cgroup-manager",
    "cgroupfs",
    "--events-backend",
    "none",
    "--storage-driver",
    "overlay",
];
/// Asks for no more than a machine may have that is confined itself: Podman's own limits are high.
const MODEST: [&str; 5] =
    ["--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--pids-limit=-1", "--name"];

fn podman<'a>(args: impl IntoIterator<Item = &'a str>) -> String {
    tell("podman", SETTINGS.into_iter().chain(args))
}

/// Gives it the image.
pub fn start(node: &Node) {
    podman(["import", "--quiet", image::path(&image::archive(&node.dir)), IMAGE]);
}

/// Runs a container to its end.
pub fn run(name: &str, args: &[&str]) {
    podman(["run", "--rm"].into_iter().chain(MODEST).chain([name, IMAGE]).chain(args.iter().copied()));
}

/// Gives its id.
fn create(node: &Node, args: &[&'static str]) -> String {
    start(node);
    podman(once("create").chain(MODEST).chain(["web", IMAGE]).chain(args.iter().copied()))
}

fn told(id: &str) -> Container<'_> {
    Container { id, runtime: "podman", name: Some("web"), image: Some(IMAGE), identity: "complete" }
}

fn shell(layout: Layout) {
    node::on(layout, &["libpod_parent"], |node| {
        let id = create(node, &image::IDLE);
        podman(["start", "web"]);
        podman(["exec", "web"].into_iter().chain(image::SHELL_READ));
        node.agent.expect(&told(&id));
    });
}

#[test]
fn a_shell_in_a_container_of_podman_is_attributed() {
    shell(Layout::Native);
}

#[test]
fn podman_is_attributed_on_cgroup_v2_alone() {
    shell(Layout::Unified);
}

#[test]
fn the_first_instruction_in_a_container_of_podman_is_attributed() {
    node::on(Layout::Native, &["libpod_parent"], |node| {
        let id = create(node, &image::READ);
        podman(["start", "web"]);
        node.agent.expect(&told(&id));
    });
}
