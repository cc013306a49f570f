//! `cgroup_attach`, at the tracepoint `cgroup_attach_task`: the task is in its new cgroup.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use nightjar_events::event::cgroup_attach::{CgroupAttach, SPAN_PATH};

use super::arg;
use crate::{
    emit, filter,
    read::{cgroup, task::Task},
};

/// cgroup_attach_task(cgroup, path, task, threadgroup)
#[btf_tracepoint(function = "cgroup_attach_task")]
fn cgroup_attach(ctx: BtfTracePointContext) -> i32 {
    let (group, path, task, whole) = (arg(&ctx, 0), arg(&ctx, 1), Task(arg(&ctx, 2)), arg(&ctx, 3));
    if filter::is_self() || !cgroup::is_ours(group) {
        return 0;
    }
    emit::tailed::<CgroupAttach>(0, |body, tail| {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).id = cgroup::id(group);
            (*body).pid = task.tgid();
            (*body).tid = task.tid();
            (*body).whole = u32::from(whole as u8 != 0);
            (*body).spans[SPAN_PATH] = tail.kernel_path(path);
        }
    });
    0
}
