//! Docker: its daemon with the containerd that it starts itself.

use crate::{
    agent::Container,
    image,
    node::{self, Layout, Node},
    tell::{daemon, tell},
};

pub const IMAGE: &str = "busybox:1";
const SOCKET: &str = "unix:///run/docker.sock";
/// No network: bridges and rules would outlive the test.
const DAEMON: [&str; 7] = [
    "--iptables=false",
    "--ip6tables=false",
    "--bridge=none",
    "--storage-driver",
    "overlay2",
    "--host",
    SOCKET,
];

fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> String {
    tell("docker", ["--host", SOCKET].into_iter().chain(args))
}

/// Starts the daemon and gives it the image.
pub fn start(node: &Node, daemon_args: &[&str]) {
    let settings = DAEMON.into_iter().chain(daemon_args.iter().copied());
    daemon("dockerd", settings, &["docker", "--host", SOCKET, "version"]);
    docker(["import", image::path(&image::archive(&node.dir)), IMAGE]);
}

/// Runs a container to its end.
pub fn run(name: &str, args: &[&str]) {
    docker(["run", "--rm", "--network=none", "--name", name, IMAGE].into_iter().chain(args.iter().copied()));
}

/// Starts the daemon and makes a container; gives its id.
fn create(node: &Node, daemon_args: &[&str], args: &[&'static str]) -> String {
    start(node, daemon_args);
    docker(["create", "--network=none", "--name", "web", IMAGE].into_iter().chain(args.iter().copied()))
}

fn told(id: &str) -> Container<'_> {
    Container { id, runtime: "docker", name: Some("web"), image: Some(IMAGE), identity: "complete" }
}

fn shell(layout: Layout, daemon_args: &[&str]) {
    node::on(layout, &["docker"], |node| {
        let id = create(node, daemon_args, &image::IDLE);
        docker(["start", "web"]);
        docker(["exec", "web"].into_iter().chain(image::SHELL_READ));
        node.agent.expect(&told(&id));
    });
}

#[test]
fn a_shell_in_a_container_of_docker_is_attributed() {
    shell(Layout::Native, &[]);
}

#[test]
fn docker_is_found_wherever_it_keeps_its_files() {
    let elsewhere = ["--data-root", "/run/elsewhere/data", "--exec-root", "/run/elsewhere/exec"];
    shell(Layout::Native, &elsewhere);
}

#[test]
fn docker_is_attributed_on_cgroup_v2_alone() {
    shell(Layout::Unified, &[]);
}

#[test]
fn the_first_instruction_in_a_container_of_docker_is_attributed() {
    node::on(Layout::Native, &["docker"], |node| {
        let id = create(node, &[], &image::READ);
        docker(["start", "web"]);
        node.agent.expect(&told(&id));
    });
}
