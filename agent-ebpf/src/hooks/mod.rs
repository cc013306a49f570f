//! One file an event: when it is seen, and how its record is filled.

mod accept;
mod bind;
mod bpf;
mod call;
mod capset;
mod cgroup_attach;
mod cgroup_mkdir;
mod cgroup_rmdir;
mod chmod;
mod chown;
mod connect;
mod connect_result;
mod dup;
mod endpoint;
mod exec;
mod exit;
mod fork;
mod fsmount;
mod kill;
mod link;
mod listen;
mod memfd_create;
mod mkdir;
mod mknod;
mod mmap;
mod module;
mod mount;
mod mprotect;
mod open;
mod perf_event_open;
mod prctl;
mod process_vm;
mod ptrace;
mod receive;
mod rename;
mod send;
mod setns;
mod setuid;
mod setxattr;
mod socket;
mod symlink;
mod truncate;
mod unlink;
mod unshare;
mod userfaultfd;

use aya_ebpf::EbpfContext;

use crate::read::read;

/// Argument `n` of a BTF tracepoint or of a kernel function, as a number; behind a function's arguments its result.
#[inline(always)]
fn arg<C: EbpfContext>(ctx: &C, n: usize) -> u64 {
    // SAFETY: the context is an array of eight-byte arguments; the verifier knows how many.
    unsafe { core::ptr::read_volatile(ctx.as_ptr().cast::<u64>().add(n)) }
}

/// The same, of which the verifier does not know that it is a pointer: those it allows no arithmetic on.
#[inline(always)]
fn plain_arg<C: EbpfContext>(ctx: &C, n: usize) -> u64 {
    read(ctx.as_ptr() as u64 + 8 * n as u64)
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
