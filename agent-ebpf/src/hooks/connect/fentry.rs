//! `connect` at the kernel functions it goes through, with the kernel's own copy of the address.
//!
//! `tried` has it. `returned` tells of a call that failed before its address was copied, and of one of which the
//! kernel skipped `tried`. An io_uring goes through `tried` only.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fexit, map},
    maps::LruHashMap,
    programs::FExitContext,
};
use nightjar_events::failure::Place;

use super::{Asked, tell};
use crate::{
    failed, filter,
    hooks::arg,
    read::{
        call::{Call, Current},
        file::File,
        socket::Sock,
        task::Task,
    },
};

/// Not 0 while a thread is in a connect that is told. A thread's entry stays for its next one; one that is evicted may
/// be told twice.
#[map]
static CONNECT_TOLD: LruHashMap<u64, u64> = LruHashMap::with_max_entries(16 * 1024, 0);

/// __sys_connect_file(file, address, len, flags) → result
#[fexit(function = "__sys_connect_file")]
fn connect_tried(ctx: FExitContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let Some(current) = Current::get() else { return 0 };
    let asked = Asked { address: arg(&ctx, 1), len: u64::from(arg(&ctx, 2) as u32) };
    let sock = Sock::of_file(File(arg(&ctx, 0)));
    // An io_uring may have a file without a descriptor; a 32-bit call has it in another register, or in memory.
    let fd = current.regs().map_or(-1, |regs| regs.arg0() as i32);
    tell::<true>(sock, fd, arg(&ctx, 4) as i32, asked);
    if current.call != Call::IoUring {
        let thread = bpf_get_current_pid_tgid();
        match CONNECT_TOLD.get_ptr_mut(thread) {
            // SAFETY: a map's value stays valid until this program ends.
            Some(told) => unsafe { *told = 1 },
            None => {
                // A full table evicts the oldest.
                failed::unless(CONNECT_TOLD.insert(thread, 1, 0).is_ok(), Place::ConnectToldKept);
            }
        }
    }
    0
}

/// __sys_connect(fd, address, len) → result
#[fexit(function = "__sys_connect")]
fn connect_returned(ctx: FExitContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    // SAFETY: as above.
    let told =
        CONNECT_TOLD.get_ptr_mut(bpf_get_current_pid_tgid()).map_or(0, |told| unsafe { told.replace(0) });
    if told != 0 {
        return 0;
    }
    let fd = arg(&ctx, 0) as i32;
    let asked = Asked { address: arg(&ctx, 1), len: u64::from(arg(&ctx, 2) as u32) };
    let sock = File::of_descriptor(Task::current(), fd as u32).and_then(Sock::of_file);
    tell::<false>(sock, fd, arg(&ctx, 3) as i32, asked);
    0
}
