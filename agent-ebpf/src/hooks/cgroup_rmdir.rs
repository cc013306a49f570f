//! `cgroup_rmdir`, at the tracepoint of that name.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use nightjar_events::event::cgroup_rmdir::CgroupRmdir;

use super::arg;
use crate::{emit, read::cgroup};

/// cgroup_rmdir(cgroup, path)
#[btf_tracepoint(function = "cgroup_rmdir")]
fn cgroup_rmdir(ctx: BtfTracePointContext) -> i32 {
    let group = arg(&ctx, 0);
    if !cgroup::is_ours(group) {
        return 0;
    }
    emit::fixed::<CgroupRmdir>(0, |body| {
        // SAFETY: the body is ours until it is submitted.
        unsafe { (*body).id = cgroup::id(group) };
    });
    0
}
