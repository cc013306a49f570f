//! `exit`, at sched_process_exit of a process's last thread.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use nightjar_events::{event::exit::Exit, wire::COMM_LEN};

use super::arg;
use crate::{emit, filter, read::task::Task};

/// sched_process_exit(task, …)
#[btf_tracepoint(function = "sched_process_exit")]
fn exit(ctx: BtfTracePointContext) -> i32 {
    let task = Task(arg(&ctx, 0));
    if task.signal().live() != 0 || filter::is_self() {
        return 0;
    }
    emit::fixed::<Exit>(0, |body| {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).status = task.exit_status();
            bpf_probe_read_kernel(
                (&raw mut (*body).comm).cast(),
                COMM_LEN as u32,
                task.comm_address() as *const _,
            );
        }
    });
    0
}
