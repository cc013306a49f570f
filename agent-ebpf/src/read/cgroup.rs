//! Which cgroup a task is in, in the hierarchy that names containers.

use nightjar_events::control::ABSENT;

use super::{Access, Probed, read, task::Task};
use crate::{offset, setting};

/// Id of the task's cgroup: the inode number of its directory. On v1 and hybrid nodes bpf_get_current_cgroup_id
/// would answer for the unified hierarchy, where most tasks share the root.
#[inline(always)]
pub fn id_of(task: Task) -> u64 {
    id_by::<Probed>(task.0)
}

#[inline(always)]
pub fn id_by<A: Access>(task: u64) -> u64 {
    let set: u64 = A::get(task + offset!(task_cgroups));
    let cgroup: u64 = if setting!(cgroup_ssid) == ABSENT {
        A::get(set + offset!(css_set_dfl_cgrp))
    } else {
        let css: u64 = A::get(set + offset!(css_set_subsys) + 8 * setting!(cgroup_ssid));
        A::get(css + offset!(css_cgroup))
    };
    let node: u64 = A::get(cgroup + offset!(cgroup_kn));
    A::get(node + offset!(kn_id))
}

/// Id of a `struct cgroup`.
#[inline(always)]
pub fn id(cgroup: u64) -> u64 {
    let node: u64 = read(cgroup + offset!(cgroup_kn));
    read(node + offset!(kn_id))
}

/// Whether a `struct cgroup` belongs to the hierarchy that names containers.
#[inline(always)]
pub fn is_ours(cgroup: u64) -> bool {
    let root: u64 = read(cgroup + offset!(cgroup_root));
    let hierarchy: u32 = read(root + offset!(cgroup_root_hierarchy_id));
    hierarchy as u64 == setting!(cgroup_hierarchy)
}
