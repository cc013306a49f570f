//! `connect`, at the exit of the system call, with the addresses the socket itself had (see `connect_result`).

use core::ffi::c_void;

use aya_ebpf::{helpers::generated::bpf_probe_read_user, macros::tracepoint, programs::TracePointContext};
use nightjar_events::event::connect::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, Connect, SPAN_PATH, Socket};

use super::{connect_result, returned};
use crate::{
    emit::{self, Tail},
    filter,
    read::{file::File, regs::Regs, socket::Sock, task::Task},
};

const EINTR: i64 = -4;
const EALREADY: i64 = -114;
const EINPROGRESS: i64 = -115;
/// What a call that will be restarted seems to return (include/linux/errno.h).
const ERESTARTSYS: i64 = -512;

/// `sun_path` has 108 bytes (include/uapi/linux/un.h); a mask that covers them.
const SUN_PATH_MASK: u32 = 127;

/// What the caller passed, in its memory.
#[derive(Clone, Copy)]
struct Asked {
    address: u64,
    len: u64,
}

#[tracepoint(category = "syscalls", name = "sys_exit_connect")]
fn connect_exit(ctx: TracePointContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let result = returned(&ctx);
    let regs = Regs::current();
    let fd = regs.arg0() as i32;
    let asked = Asked { address: regs.arg1(), len: regs.arg2() as u32 as u64 };
    let sock = File::of_descriptor(Task::current(), fd as u32).and_then(Sock::of_file);
    emit::tailed::<Connect>(0, |body, tail| {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).result = result as i32;
            (*body).fd = fd;
        }
        if let Some(sock) = sock {
            ends(body, tail, sock, result, asked);
        }
    });
    let Some(sock) = sock else { return 0 };
    match result {
        EINPROGRESS | EINTR | ERESTARTSYS => connect_result::expect_outcome(sock, fd),
        // The answer to an earlier call on the same socket is still to come.
        EALREADY => {}
        _ => connect_result::forget(sock),
    }
    0
}

/// Both ends. From the kernel's objects where it took the address in, else from what the caller passed.
#[inline(always)]
fn ends(body: *mut Connect, tail: &Tail, sock: Sock, result: i64, asked: Asked) {
    // SAFETY: the body is ours until it is submitted.
    let socket = unsafe { &raw mut (*body).socket };
    sock.fill_source(socket);
    let path = match sock.family() {
        AF_INET | AF_INET6 if connect_result::fill_begun(sock, socket) => return,
        AF_INET | AF_INET6 if result == 0 || result == EINPROGRESS => return sock.fill_destination(socket),
        AF_INET | AF_INET6 => return asked_ip(socket, asked),
        AF_NETLINK => return asked_netlink(socket, asked),
        AF_UNIX if result == 0 => match sock.unix_peer_name() {
            Some((name, len)) => tail.kernel_bytes::<SUN_PATH_MASK>(name, len),
            None => tail.user_bytes(asked.address + 2, asked.len.saturating_sub(2)),
        },
        AF_UNIX => tail.user_bytes(asked.address + 2, asked.len.saturating_sub(2)),
        _ => return,
    };
    // SAFETY: as above.
    unsafe { (*body).spans[SPAN_PATH] = path };
}

/// `sockaddr_in` and `sockaddr_in6` (include/uapi/linux/in.h, in6.h).
#[inline(always)]
fn asked_ip(socket: *mut Socket, asked: Asked) {
    let mut port = 0u16;
    // SAFETY: the helper checks addresses; destinations are as long as what is read.
    unsafe {
        bpf_probe_read_user((&raw mut port).cast(), 2, (asked.address + 2) as *const c_void);
        (*socket).destination_port = u16::from_be(port);
        if (*socket).family == AF_INET {
            bpf_probe_read_user(
                (&raw mut (*socket).destination).cast(),
                4,
                (asked.address + 4) as *const c_void,
            );
        } else {
            bpf_probe_read_user(
                (&raw mut (*socket).destination).cast(),
                16,
                (asked.address + 8) as *const c_void,
            );
        }
    }
}

/// `sockaddr_nl`: port id and groups.
#[inline(always)]
fn asked_netlink(socket: *mut Socket, asked: Asked) {
    // SAFETY: as above.
    unsafe {
        bpf_probe_read_user((&raw mut (*socket).destination).cast(), 8, (asked.address + 4) as *const c_void);
    }
}
