//! `cgroup_mkdir`, at the tracepoint of that name: the cgroup exists and nothing runs in it yet.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use nightjar_events::event::cgroup_mkdir::{CgroupMkdir, SPAN_PATH};

use super::arg;
use crate::{emit, read::cgroup};

/// cgroup_mkdir(cgroup, path)
#[btf_tracepoint(function = "cgroup_mkdir")]
fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    let (group, path) = (arg(&ctx, 0), arg(&ctx, 1));
    if !cgroup::is_ours(group) {
        return 0;
    }
    emit::tailed::<CgroupMkdir>(0, |body, tail| {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).id = cgroup::id(group);
            (*body).spans[SPAN_PATH] = tail.kernel_path(path);
        }
    });
    0
}
