//! `struct sock`: families, addresses, ports.

use nightjar_events::{
    control::ABSENT,
    event::connect::{AF_INET, AF_INET6, Socket},
};

use super::{file::File, put_word, read};
use crate::offset;

/// skc_state while a connect waits for its answer (include/net/tcp_states.h).
pub const TCP_SYN_SENT: u8 = 2;
pub const TCP_ESTABLISHED: u8 = 1;

#[derive(Clone, Copy)]
pub struct Sock(pub u64);

impl Sock {
    /// The socket behind a file, if it is one.
    #[inline(always)]
    pub fn of_file(file: File) -> Option<Sock> {
        if !file.inode().is_socket() {
            return None;
        }
        let sk: u64 = read(file.private_data() + offset!(socket_sk));
        if sk == 0 { None } else { Some(Sock(sk)) }
    }

    #[inline(always)]
    pub fn family(self) -> u16 {
        read(self.0 + offset!(sock_family))
    }

    #[inline(always)]
    pub fn error(self) -> i32 {
        read(self.0 + offset!(sock_err))
    }

    /// Own port of an IP socket.
    #[inline(always)]
    pub fn source_port(self) -> u16 {
        u16::from_be(read(self.0 + offset!(inet_sport)))
    }

    /// Family, type, protocol, and for IP sockets the own end.
    #[inline(always)]
    pub fn fill_source(self, out: *mut Socket) {
        let family = self.family();
        // SAFETY: `out` is a record's body or a map's value, writable and aligned, checked by the verifier.
        unsafe {
            (*out).family = family;
            (*out).sock_type = read(self.0 + offset!(sock_type));
            (*out).protocol = read(self.0 + offset!(sock_protocol));
            if family == AF_INET {
                let source = (&raw mut (*out).source).cast::<u32>();
                source.write_unaligned(read(self.0 + offset!(sock_saddr)));
            } else if family == AF_INET6 && offset!(sock_v6_saddr) != ABSENT {
                copy16(&raw mut (*out).source, self.0 + offset!(sock_v6_saddr));
            } else {
                return;
            }
            (*out).source_port = self.source_port();
        }
    }

    /// The other end, as the socket knows it.
    #[inline(always)]
    pub fn fill_destination(self, out: *mut Socket) {
        let family = self.family();
        // SAFETY: as above.
        unsafe {
            if family == AF_INET {
                let destination = (&raw mut (*out).destination).cast::<u32>();
                destination.write_unaligned(read(self.0 + offset!(sock_daddr)));
            } else if family == AF_INET6 && offset!(sock_v6_daddr) != ABSENT {
                copy16(&raw mut (*out).destination, self.0 + offset!(sock_v6_daddr));
            } else {
                return;
            }
            (*out).destination_port = u16::from_be(read(self.0 + offset!(sock_dport)));
        }
    }

    /// Address and length of the bound name of the peer of a unix socket: `sun_path` and its bytes.
    #[inline(always)]
    pub fn unix_peer_name(self) -> Option<(u64, u64)> {
        if offset!(unix_peer) == ABSENT || offset!(unix_address_name) == ABSENT {
            return None;
        }
        let peer: u64 = read(self.0 + offset!(unix_peer));
        let address: u64 = if peer == 0 { 0 } else { read(peer + offset!(unix_addr)) };
        if address == 0 {
            return None;
        }
        let len: u32 = read(address + offset!(unix_address_len));
        // sockaddr_un: a u16 of family, then the name.
        Some((address + offset!(unix_address_name) + 2, u64::from(len).saturating_sub(2)))
    }
}

/// Sixteen bytes as two words; an array would be copied byte by byte.
#[inline(always)]
fn copy16(to: *mut [u8; 16], from: u64) {
    // SAFETY: sixteen bytes, as the type says.
    unsafe {
        put_word::<0>(to.cast(), read(from));
        put_word::<8>(to.cast(), read(from + 8));
    }
}
