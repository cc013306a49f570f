//! `connect` at the exit of the system call. What the socket does not know is read from the caller's memory.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use super::{Asked, tell};
use crate::{
    filter,
    hooks::returned,
    read::{file::File, regs::Regs, socket::Sock},
};

#[tracepoint(category = "syscalls", name = "sys_exit_connect")]
fn connect_exit(ctx: TracePointContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let regs = Regs::current();
    let fd = regs.arg0() as i32;
    let asked = Asked { address: regs.arg1(), len: u64::from(regs.arg2() as u32) };
    let sock = File::of_descriptor(fd as u32).and_then(Sock::of_file);
    tell::<false>(sock, fd, returned(&ctx) as i32, asked);
    0
}
