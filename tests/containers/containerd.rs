//! containerd and its own client, ctr, which leaves the image's name in containerd's database alone: it is asked for it.

use std::fs;

use serde_json::json;

use crate::{
    agent::Container,
    image,
    node::{self, Layout, Node},
    tell::{daemon, tell},
};

pub const IMAGE: &str = "docker.io/library/busybox:1";
const TOLD: Container<'_> = Container {
    id: "web",
    runtime: "containerd",
    name: Some("web"),
    image: Some(IMAGE),
    identity: "complete",
};

/// Starts containerd and gives it the image, in the form of `docker save`.
pub fn start(node: &Node) {
    let settings = node.dir.join("containerd.toml");
    fs::write(&settings, "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n")
        .expect("written");
    daemon("containerd", ["--config", image::path(&settings)], &["ctr", "version"]);
    let layer = image::archive(&node.dir);
    let digest = tell("sha256sum", [&layer]);
    let digest = digest.split(' ').next().expect("a digest");
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": [IMAGE], "Layers": ["root.tar"] }]);
    for (name, text) in [("config.json", config), ("manifest.json", manifest)] {
        fs::write(node.dir.join(name), text.to_string()).expect("a file is written");
    }
    let image = node.dir.join("image.tar");
    let files = ["manifest.json", "config.json", "root.tar"];
    tell("tar", ["-C", image::path(&node.dir), "-cf", image::path(&image)].into_iter().chain(files));
    tell("ctr", ["image", "import", image::path(&image)]);
}

/// Runs a container to its end.
pub fn run(name: &str, args: &[&str]) {
    tell("ctr", ["run", "--rm", IMAGE, name].into_iter().chain(args.iter().copied()));
}

#[test]
fn a_shell_in_a_container_of_containerd_is_attributed() {
    node::on(Layout::Native, &["default"], |node| {
        start(node);
        tell("ctr", ["run", "--detach", IMAGE, "web"].into_iter().chain(image::IDLE));
        tell("ctr", ["task", "exec", "--exec-id", "shell", "web"].into_iter().chain(image::SHELL_READ));
        node.agent.expect(&TOLD);
    });
}

#[test]
fn without_sockets_the_image_is_not_known_and_the_alert_says_so() {
    let args = ["--scope", "containers", "--runtime-sockets=false", "--identity-wait", "100ms"];
    node::with(Layout::Native, &["default"], &args, |node| {
        start(node);
        tell("ctr", ["run", IMAGE, "web"].into_iter().chain(image::READ));
        node.agent.expect(&Container { image: None, identity: "partial: image", ..TOLD });
    });
}

#[test]
fn the_first_instruction_in_a_container_of_containerd_is_attributed() {
    node::on(Layout::Native, &["default"], |node| {
        start(node);
        tell("ctr", ["run", IMAGE, "web"].into_iter().chain(image::READ));
        node.agent.expect(&TOLD);
    });
}
