//! One file an event: when it is seen, and how its record is filled.

mod cgroup_mkdir;
mod cgroup_rmdir;
mod connect;
mod connect_result;
mod exec;
mod exit;
mod fork;
mod open;

use aya_ebpf::EbpfContext;

/// Argument `n` of a BTF tracepoint, as a number.
#[inline(always)]
fn arg<C: EbpfContext>(ctx: &C, n: usize) -> u64 {
    // SAFETY: the context is an array of eight-byte arguments; the verifier knows how many.
    unsafe { core::ptr::read_volatile(ctx.as_ptr().cast::<u64>().add(n)) }
}

/// Which system call: `int __syscall_nr` of syscalls/sys_exit_*, behind the common fields.
#[inline(always)]
fn number<C: EbpfContext>(ctx: &C) -> u64 {
    u64::from(arg(ctx, 1) as u32)
}

/// What a system call returned: `long ret` of syscalls/sys_exit_*, behind the call's number.
#[inline(always)]
fn returned<C: EbpfContext>(ctx: &C) -> i64 {
    arg(ctx, 2) as i64
}
