//! `connect`: how its record is filled, with the addresses the socket itself had where it knows them (see
//! `connect_result`). When it is seen, and where the rest comes from, is up to `fentry` and `tracepoint`.

mod fentry;
mod tracepoint;

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use nightjar_events::{
    event::connect::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, Connect, SPAN_PATH, Socket},
    failure::Place,
    wire::Span,
};

use super::connect_result;
use crate::{
    emit::{self, Tail},
    failed,
    read::socket::Sock,
};

const EINTR: i32 = -4;
const EALREADY: i32 = -114;
const EINPROGRESS: i32 = -115;
/// What a call that will be restarted seems to return (include/linux/errno.h).
const ERESTARTSYS: i32 = -512;

/// `sun_path` has 108 bytes (include/uapi/linux/un.h); a mask that covers them.
const SUN_PATH_MASK: u32 = 127;

/// The address the caller passed: its own memory, or with `KERNEL` the copy the kernel made of it.
#[derive(Clone, Copy)]
struct Asked {
    address: u64,
    len: u64,
}

impl Asked {
    /// Reads from `at` on. What cannot be read stays as it is.
    #[inline(always)]
    fn read<const KERNEL: bool>(self, at: u64, to: *mut c_void, len: u32) {
        let from = (self.address + at) as *const c_void;
        // SAFETY: the helpers check the address; the callers' destinations are as long as what is read.
        let failed = unsafe {
            if KERNEL { bpf_probe_read_kernel(to, len, from) } else { bpf_probe_read_user(to, len, from) }
        };
        failed::unless(failed == 0, Place::ConnectAddress);
    }

    #[inline(always)]
    fn path<const KERNEL: bool>(self, tail: &Tail) -> Span {
        let (from, len) = (self.address + 2, self.len.saturating_sub(2));
        let span =
            if KERNEL { tail.kernel_bytes::<SUN_PATH_MASK>(from, len) } else { tail.user_bytes(from, len) };
        failed::unless_read(span, Place::ConnectPath)
    }
}

#[inline(always)]
fn tell<const KERNEL: bool>(sock: Option<Sock>, fd: i32, result: i32, asked: Asked) {
    emit::tailed::<Connect>(
        0,
        #[inline(always)]
        |body, tail| {
            // SAFETY: the body is ours until it is submitted.
            unsafe {
                (*body).result = result;
                (*body).fd = fd;
            }
            if let Some(sock) = sock {
                ends::<KERNEL>(body, tail, sock, result, asked);
            }
        },
    );
    let Some(sock) = sock else { return };
    match result {
        EINPROGRESS | EINTR | ERESTARTSYS => connect_result::expect_outcome(sock, fd),
        // The answer to an earlier call on the same socket is still to come.
        EALREADY => {}
        _ => connect_result::forget(sock),
    }
}

/// Both ends. From the kernel's objects where it took the address in, else from what the caller passed.
#[inline(always)]
fn ends<const KERNEL: bool>(body: *mut Connect, tail: &Tail, sock: Sock, result: i32, asked: Asked) {
    // SAFETY: the body is ours until it is submitted.
    let socket = unsafe { &raw mut (*body).socket };
    sock.fill_source(socket);
    let path = match sock.family() {
        AF_INET | AF_INET6 if connect_result::fill_begun(sock, socket) => return,
        AF_INET | AF_INET6 if result == 0 || result == EINPROGRESS => return sock.fill_destination(socket),
        AF_INET | AF_INET6 => return asked_ip::<KERNEL>(socket, asked),
        // `sockaddr_nl`: port id and groups.
        AF_NETLINK => {
            // SAFETY: as above.
            return asked.read::<KERNEL>(4, unsafe { &raw mut (*socket).destination }.cast(), 8);
        }
        AF_UNIX if result == 0 => match sock.unix_peer_name() {
            Some((name, len)) => tail.kernel_bytes::<SUN_PATH_MASK>(name, len),
            None => asked.path::<KERNEL>(tail),
        },
        AF_UNIX => asked.path::<KERNEL>(tail),
        _ => return,
    };
    // SAFETY: as above.
    unsafe { (*body).spans[SPAN_PATH] = path };
}

/// `sockaddr_in` and `sockaddr_in6` (include/uapi/linux/in.h, in6.h).
#[inline(always)]
fn asked_ip<const KERNEL: bool>(socket: *mut Socket, asked: Asked) {
    let mut port = 0u16;
    asked.read::<KERNEL>(2, (&raw mut port).cast(), 2);
    // SAFETY: the record's body, as above.
    unsafe {
        (*socket).destination_port = u16::from_be(port);
        let destination = (&raw mut (*socket).destination).cast();
        if (*socket).family == AF_INET {
            asked.read::<KERNEL>(4, destination, 4);
        } else {
            asked.read::<KERNEL>(8, destination, 16);
        }
    }
}
