//! Plain crun, which runs on cgroup v2 alone.

use crate::{
    agent::Container,
    node::Layout,
    runc::{first_instruction, shell},
};

fn plain(id: &str) -> Container<'_> {
    Container { id, runtime: "crun", name: Some(id), image: None, identity: "complete" }
}

#[test]
fn a_shell_in_a_container_of_crun_is_attributed() {
    shell(Layout::Unified, &plain("nj-crun-shell"));
}

#[test]
fn the_first_instruction_in_a_container_of_crun_is_attributed() {
    first_instruction(Layout::Unified, &plain("nj-crun-first"));
}
