//! LXC. It keeps no OCI state: a container has its name, and no image.

use std::fs;

use crate::{
    agent::Container,
    image,
    node::{self, Layout, Node},
    tell::tell,
};

const TOLD: Container<'_> =
    Container { id: "web", runtime: "lxc", name: Some("web"), image: None, identity: "complete" };
const CGROUPS: [&str; 3] = ["lxc.payload.web", "lxc.monitor.web", "lxc.pivot"];

fn configure(node: &Node) {
    let root = image::root(&node.dir);
    let dir = "/var/lib/lxc/web";
    fs::create_dir_all(dir).expect("a directory is made");
    let text = format!(
        "lxc.uts.name = web\nlxc.rootfs.path = dir:{}\nlxc.net.0.type = empty\nlxc.mount.auto = proc\n",
        root.display()
    );
    fs::write(format!("{dir}/config"), text).expect("a file is written");
}

fn shell(layout: Layout) {
    node::on(layout, &CGROUPS, |node| {
        configure(node);
        tell("lxc-start", ["--name", "web", "--daemon", "--"].into_iter().chain(image::IDLE));
        tell("lxc-attach", ["--name", "web", "--"].into_iter().chain(image::SHELL_READ));
        node.agent.expect(&TOLD);
    });
}

#[test]
fn a_shell_in_a_container_of_lxc_is_attributed() {
    shell(Layout::Native);
}

#[test]
fn lxc_is_attributed_on_cgroup_v2_alone() {
    shell(Layout::Unified);
}

#[test]
fn the_first_instruction_in_a_container_of_lxc_is_attributed() {
    node::on(Layout::Native, &CGROUPS, |node| {
        configure(node);
        tell("lxc-start", ["--name", "web", "--foreground", "--"].into_iter().chain(image::READ));
        node.agent.expect(&TOLD);
    });
}
