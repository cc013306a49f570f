//! `exit`, at sched_process_exit of a process's last thread.
//!
//! A process's count of live threads falls before each of them gets here, so that several can find it at zero. The
//! first one tells the end.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel,
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};
use nightjar_events::{event::exit::Exit, failure::Place, wire::COMM_LEN};

use super::arg;
use crate::{emit, failed, filter, read::task::Task};

/// Processes whose end is told. Small: their threads come together.
#[map]
static ENDED: LruHashMap<Process, u8> = LruHashMap::with_max_entries(4096, 0);

#[repr(C)]
struct Process {
    start: u64,
    pid: u64,
}

const BPF_NOEXIST: u64 = 1;
const EEXIST: i32 = -17;

/// sched_process_exit(task, …)
#[btf_tracepoint(function = "sched_process_exit")]
fn exit(ctx: BtfTracePointContext) -> i32 {
    let task = Task(arg(&ctx, 0));
    if task.signal().live() != 0 || filter::is_self() || is_told(task) {
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

/// Whether another thread has told the end of this one's process.
#[inline(always)]
fn is_told(task: Task) -> bool {
    let process = Process { start: task.leader().start(), pid: task.tgid().into() };
    match ENDED.insert(process, 0, BPF_NOEXIST) {
        Ok(()) => false,
        Err(EEXIST) => true,
        Err(_) => failed::unless(false, Place::EndKept),
    }
}
