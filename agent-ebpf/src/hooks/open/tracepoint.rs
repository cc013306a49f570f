//! `open` at the exit of its system calls. Of a success everything but the name given comes from `struct file`.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use super::{Told, of_registers, tell};
use crate::{
    filter,
    hooks::{number, returned},
    read::{call::Call, regs::Regs},
};

/// At the exit of each of the calls: one program, so that the verifier does its work once.
#[tracepoint]
fn open_exit(ctx: TracePointContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let call = Call::native(number(&ctx));
    let Some((asked, name)) = call.and_then(|call| of_registers(call, Regs::current())) else { return 0 };
    let result = returned(&ctx) as i32;
    let file = Told::of_descriptor(result);
    tell(&asked, result, |tail| tail.user_path(name), file);
    0
}
