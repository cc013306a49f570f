//! `connect` at the kernel functions it goes through, with the kernel's own copy of the address.
//!
//! `tried` has it. `returned` tells of a call that failed before its address was copied, and of one of which the
//! kernel skipped `tried`. An io_uring goes through `tried` only.

use aya_ebpf::{macros::fexit, programs::FExitContext};
use nightjar_events::Kind;

use super::{Asked, tell};
use crate::{
    filter,
    hooks::arg,
    read::{
        call::{Call, Current},
        file::File,
        socket::Sock,
    },
    told,
};

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
        told::mark(Kind::Connect);
    }
    0
}

/// __sys_connect(fd, address, len) → result
#[fexit(function = "__sys_connect")]
fn connect_returned(ctx: FExitContext) -> i32 {
    if told::take(Kind::Connect) || filter::is_self() {
        return 0;
    }
    let fd = arg(&ctx, 0) as i32;
    let asked = Asked { address: arg(&ctx, 1), len: u64::from(arg(&ctx, 2) as u32) };
    let sock = File::of_descriptor(fd as u32).and_then(Sock::of_file);
    tell::<false>(sock, fd, arg(&ctx, 3) as i32, asked);
    0
}
