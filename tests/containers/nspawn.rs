//! systemd-nspawn, in a unit's cgroup as systemd would make it: the machine need not run systemd.

use std::fs;

use crate::{
    agent::Container,
    clear::hierarchies,
    image::{self, path},
    node::{self, Layout},
    tell::tell,
};

const TOLD: Container<'_> =
    Container { id: "web", runtime: "systemd-nspawn", name: Some("web"), image: None, identity: "complete" };
const UNIT: &str = "machine.slice/systemd-nspawn@web.service";
/// Enters the cgroups that are its first argument's words, then becomes the rest.
const ENTER: &str = "for procs in $1; do echo $$ > $procs; done; shift; exec \"$@\"";

fn attributed(layout: Layout, args: &[&str]) {
    node::on(layout, &["machine.slice"], |node| {
        let root = image::root(&node.dir);
        // A cpuset of cgroup v1 takes no process before it has processors.
        let roots = hierarchies().into_iter().filter(|root| !root.ends_with("cpuset"));
        let units: Vec<_> = roots.map(|root| format!("{}/{UNIT}", path(&root))).collect();
        for unit in &units {
            fs::create_dir_all(unit).expect("a cgroup is made");
        }
        let doors = units.iter().map(|unit| format!("{unit}/cgroup.procs")).collect::<Vec<_>>().join(" ");
        let nspawn = ["systemd-nspawn", "--register=no", "--keep-unit", "--machine=web", "-D", path(&root)];
        let command = ["-c", ENTER, "sh", &doors].into_iter().chain(nspawn).chain(args.iter().copied());
        tell("sh", command);
        node.agent.expect(&TOLD);
    });
}

#[test]
fn a_shell_in_a_container_of_nspawn_is_attributed() {
    attributed(Layout::Native, &image::SHELL_READ);
}

#[test]
fn the_first_instruction_in_a_container_of_nspawn_is_attributed() {
    attributed(Layout::Native, &image::READ);
}

#[test]
fn nspawn_is_attributed_on_cgroup_v2_alone() {
    attributed(Layout::Unified, &image::READ);
}
