//! `fork`, at task_newtask: the child is in its cgroup and has not run yet.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use nightjar_events::{event::fork::Fork, wire::COMM_LEN};

use super::arg;
use crate::{
    emit, filter,
    read::{cgroup, task::Task},
};

const CLONE_THREAD: u64 = 0x1_0000;

/// task_newtask(task, clone_flags)
#[btf_tracepoint(function = "task_newtask")]
fn fork(ctx: BtfTracePointContext) -> i32 {
    let flags = arg(&ctx, 1);
    if flags & CLONE_THREAD != 0 || filter::is_self() {
        return 0;
    }
    let child = Task(arg(&ctx, 0));
    emit::fixed::<Fork>(0, |body| {
        let pid = child.pid();
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).child_start = child.start();
            (*body).child_cgroup = cgroup::id_of(child);
            (*body).clone_flags = flags;
            (*body).child_pid = child.tgid();
            (*body).child_vpid = pid.nr_at(pid.level());
            (*body).child_pid_ns = pid.namespace();
            bpf_probe_read_kernel(
                (&raw mut (*body).comm).cast(),
                COMM_LEN as u32,
                child.comm_address() as *const _,
            );
        }
    });
    0
}
