//! Plain runc. Its containers have the name that their user gave, and no image.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    agent::Container,
    image,
    node::{self, Layout},
    tell::tell,
};

/// Makes a bundle whose first process is `args`.
pub fn bundle(runtime: &str, dir: &Path, id: &str, args: &[&str]) {
    image::root(dir);
    let spec = spec(runtime, dir, &format!("/{id}"), args);
    fs::write(dir.join("config.json"), spec.to_string()).expect("a spec is written");
}

/// What a bundle says; its root is `dir`'s.
pub fn spec(runtime: &str, dir: &Path, cgroup: &str, args: &[&str]) -> Value {
    tell(runtime, ["spec", "--bundle", image::path(dir)]);
    let file = dir.join("config.json");
    let mut spec: Value = serde_json::from_slice(&fs::read(&file).expect("a spec")).expect("a spec is JSON");
    fs::remove_file(&file).expect("a spec is taken away");
    spec["root"]["path"] = json!(dir.join("rootfs"));
    spec["process"]["args"] = json!(args);
    spec["process"]["terminal"] = json!(false);
    spec["linux"]["cgroupsPath"] = json!(cgroup);
    // A machine that is confined itself may not raise these: crun takes more memory to filter devices.
    spec["process"].as_object_mut().expect("a process").remove("rlimits");
    spec["linux"].as_object_mut().expect("the platform").remove("resources");
    spec
}

/// A shell in a container that idles, on either layout.
pub fn shell(layout: Layout, expected: &Container<'_>) {
    let Container { id, runtime, .. } = expected;
    node::on(layout, &[id], |node| {
        bundle(runtime, &node.dir, id, &image::IDLE);
        tell(runtime, ["run", "--detach", "--bundle", image::path(&node.dir), id]);
        tell(runtime, ["exec", id].into_iter().chain(image::SHELL_READ));
        node.agent.expect(expected);
    });
}

/// A container that does nothing but the deed.
pub fn first_instruction(layout: Layout, expected: &Container<'_>) {
    let Container { id, runtime, .. } = expected;
    node::on(layout, &[id], |node| {
        bundle(runtime, &node.dir, id, &image::READ);
        tell(runtime, ["run", "--bundle", image::path(&node.dir), id]);
        node.agent.expect(expected);
    });
}

fn plain(id: &str) -> Container<'_> {
    Container { id, runtime: "runc", name: Some(id), image: None, identity: "complete" }
}

#[test]
fn a_shell_in_a_container_of_runc_is_attributed() {
    shell(Layout::Native, &plain("nj-runc-shell"));
}

#[test]
fn the_first_instruction_in_a_container_of_runc_is_attributed() {
    first_instruction(Layout::Native, &plain("nj-runc-first"));
}

#[test]
fn runc_is_attributed_on_cgroup_v2_alone() {
    shell(Layout::Unified, &plain("nj-runc-shell-v2"));
    first_instruction(Layout::Unified, &plain("nj-runc-first-v2"));
}
