//! Calls on sockets: both ends of the socket beside the call's arguments. The pages are those of
//! `events::event::endpoint`.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use nightjar_events::{
    control::ABSENT,
    event::{
        call::NAME,
        connect::{AF_INET, AF_INET6, AF_UNIX, Socket},
        endpoint::{OnSocket, SocketPage},
    },
};

use super::call::{Ended, Texts};
use crate::{
    offset,
    read::{file::File, read, socket::Sock, user},
};

/// `sun_path` has 108 bytes (include/uapi/linux/un.h); a mask that covers them.
const SUN_PATH_MASK: u32 = 127;

/// The socket of a descriptor of the caller's; `None` when it is none.
#[inline(always)]
pub fn socket_of(fd: u64) -> Option<Sock> {
    File::of_descriptor(fd as u32).and_then(Sock::of_file)
}

#[inline(always)]
pub fn is_ip(sock: Sock) -> bool {
    matches!(sock.family(), AF_INET | AF_INET6)
}

impl Ended {
    /// Emits a record with what `fill` says of a socket.
    #[inline(always)]
    pub fn on_socket<P: SocketPage>(self, fill: impl FnOnce(Ends)) {
        self.texts::<P>(
            #[inline(always)]
            |texts| {
                let body = texts.body().cast::<OnSocket>();
                fill(Ends { body, texts });
            },
        );
    }
}

/// The ends of the socket of a record that is being built.
pub struct Ends<'t> {
    body: *mut OnSocket,
    pub texts: Texts<'t>,
}

impl Ends<'_> {
    #[inline(always)]
    fn socket(&self) -> *mut Socket {
        // SAFETY: the body is ours until it is submitted.
        unsafe { &raw mut (*self.body).socket }
    }

    /// What the socket is, and its own end.
    #[inline(always)]
    pub fn own(&self, sock: Sock) {
        sock.fill_source(self.socket());
        if sock.family() == AF_UNIX
            && let Some((name, len)) = sock.unix_name()
        {
            self.texts.kernel_bytes::<NAME, SUN_PATH_MASK>(name, len);
        }
    }

    /// The other end, where the socket has one of its own.
    #[inline(always)]
    pub fn peer(&self, sock: Sock) {
        if has_peer(sock) {
            sock.fill_destination(self.socket());
            // SAFETY: as above.
            unsafe { (*self.body).connected = 1 };
        }
    }

    /// The other end as the caller's memory has it: `sockaddr_in` or `sockaddr_in6`.
    #[inline(always)]
    pub fn peer_at(&self, address: u64) {
        let socket = self.socket();
        // SAFETY: as above.
        unsafe {
            (*socket).destination_port = port_at(address);
            ip_at(address, (*socket).family, &raw mut (*socket).destination);
        }
    }

    /// The own end, in the same way, also of a unix socket.
    #[inline(always)]
    pub fn own_at(&self, address: u64, len: u64) {
        let socket = self.socket();
        // SAFETY: as above.
        unsafe {
            if (*socket).family == AF_UNIX {
                return self.texts.user_bytes::<NAME>(address + 2, len.saturating_sub(2));
            }
            (*socket).source_port = port_at(address);
            ip_at(address, (*socket).family, &raw mut (*socket).source);
        }
    }
}

/// Whether an IP socket has a peer; another one is not asked.
#[inline(always)]
fn has_peer(sock: Sock) -> bool {
    if sock.family() == AF_INET || offset!(sock_v6_daddr) == ABSENT {
        return read::<u32>(sock.0 + offset!(sock_daddr)) != 0;
    }
    let address = sock.0 + offset!(sock_v6_daddr);
    sock.family() == AF_INET6 && read::<u64>(address) | read::<u64>(address + 8) != 0
}

/// `sin_port` and `sin6_port` (include/uapi/linux/in.h, in6.h).
#[inline(always)]
fn port_at(address: u64) -> u16 {
    u16::from_be(user(address + 2))
}

/// `sin_addr` or `sin6_addr`.
#[inline(always)]
fn ip_at(address: u64, family: u16, to: *mut [u8; 16]) {
    let (from, len) = match family {
        AF_INET => (address + 4, 4),
        AF_INET6 => (address + 8, 16),
        _ => return,
    };
    // SAFETY: the helper checks the address; no address is longer than `to`.
    unsafe { bpf_probe_read_user(to.cast(), len, from as *const _) };
}
