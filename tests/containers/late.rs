//! A runtime that says late what a container is, or never: what happens in it waits, and nothing else does.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    agent::Container,
    image::{self, path},
    node::{self, Layout, Node},
    runc::{bundle, spec},
    tell::tell,
};

const ID: &str = "3f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001";
const OTHER: &str = "nj-late-other";

/// Docker's container by its cgroup, run without Docker: reads the password file and is gone.
fn live(node: &Node) {
    image::root(&node.dir);
    let spec = spec("runc", &node.dir, &format!("/docker/{ID}"), &image::READ);
    fs::write(node.dir.join("config.json"), spec.to_string()).expect("a spec is written");
    tell("runc", ["run", "--bundle", path(&node.dir), ID]);
}

#[test]
fn what_is_told_after_the_container_is_gone_is_still_in_time() {
    node::on(Layout::Native, &["docker"], |node| {
        live(node);
        let dir = Path::new("/var/lib/docker/containers").join(ID);
        fs::create_dir_all(&dir).expect("a directory is made");
        fs::write(dir.join("hostconfig.json"), r#"{"Privileged":false}"#).expect("a file is written");
        fs::write(dir.join("config.v2.json"), r#"{"Name":"/late","Config":{"Image":"late:1"}}"#)
            .expect("a file is written");
        node.agent.expect(&Container {
            id: ID,
            runtime: "docker",
            name: Some("late"),
            image: Some("late:1"),
            identity: "complete",
        });
    });
}

#[test]
fn what_is_never_told_is_partial_when_time_is_up_and_holds_up_no_other() {
    let args = ["--scope", "containers", "--identity-wait", "5s"];
    node::with(Layout::Native, &["docker", OTHER], &args, |node| {
        live(node);
        let dir = node.dir.join("other");
        fs::create_dir(&dir).expect("a directory is made");
        bundle("runc", &dir, OTHER, &image::READ);
        tell("runc", ["run", "--bundle", path(&dir), OTHER]);
        let told =
            |alert: &Value| [&alert["container"]["id"], &alert["identity"]].map(|text| text.to_string());
        let said = |id: &str, identity: &str| [id, identity].map(|text| format!("{text:?}"));
        assert_eq!(told(&node.agent.next()), said(OTHER, "complete"));
        assert_eq!(told(&node.agent.next()), said(ID, "partial: name, image"));
    });
}
