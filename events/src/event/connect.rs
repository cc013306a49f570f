//! `connect`: a process asked a socket to connect.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Category, Event, Family, Field, Get, Hook, Lane, Point, Type},
    wire::{Raw, Span},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Connect {
    pub spans: [Span; 1],
    pub socket: Socket,
    pub result: i32,
    pub fd: i32,
}

/// Both ends of a socket. Shared with `connect_result`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Socket {
    /// 4 bytes for AF_INET, 16 for AF_INET6.
    pub source: [u8; 16],
    /// For AF_NETLINK: port id and groups, four bytes each.
    pub destination: [u8; 16],
    pub family: u16,
    /// SOCK_STREAM and the others.
    pub sock_type: u16,
    pub protocol: u16,
    pub source_port: u16,
    pub destination_port: u16,
    pub reserved: [u16; 3],
}

pub const SPAN_PATH: usize = 0;

pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const AF_NETLINK: u16 = 16;

impl Page for Connect {
    const KIND: Kind = Kind::Connect;
    const LANE: Lane = Lane::Bulk;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::Connect(connect) = body { Some(connect) } else { None }
    }
    fn spans(&self) -> &[Span] {
        &self.spans
    }
}

impl Socket {
    pub fn is_ip(&self) -> bool {
        self.family == AF_INET || self.family == AF_INET6
    }

    fn ip<'a>(&self, bytes: &[u8; 16]) -> Raw<'a> {
        match self.family {
            AF_INET => Raw::Ip(IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))),
            AF_INET6 => Raw::Ip(IpAddr::V6(Ipv6Addr::from(*bytes))),
            _ => Raw::Absent,
        }
    }

    pub fn source_ip<'a>(&self) -> Raw<'a> {
        self.ip(&self.source)
    }

    pub fn destination_ip<'a>(&self) -> Raw<'a> {
        self.ip(&self.destination)
    }

    pub fn port<'a>(&self, port: u16) -> Raw<'a> {
        if self.is_ip() { Raw::Uint(port.into()) } else { Raw::Absent }
    }
}

pub static EVENT: Event = Event {
    kind: Kind::Connect,
    name: "connect",
    types: &["connect"],
    doc: "A process asked a socket to connect: what it got at once. A non-blocking one gets EINPROGRESS here and its outcome in `connect_result`.",
    category: Category::Net,
    lane: Connect::LANE,
    paths: &[],
    hooks: &[
        Hook {
            family: Family::Fentry,
            since: (5, 10),
            // With the kernel's own copy of the address; then where the call returns, which tells what failed earlier.
            points: &[
                Point { program: "connect_tried", targets: &["__sys_connect_file"] },
                Point { program: "connect_returned", targets: &["__sys_connect"] },
                Point { program: "connect_state", targets: &["inet_sock_set_state"] },
            ],
        },
        Hook {
            family: Family::SyscallTracepoint,
            since: (5, 10),
            // The socket's state change to SYN_SENT holds the addresses the kernel used, also when the call fails later.
            points: &[
                Point { program: "connect_exit", targets: &["syscalls/sys_exit_connect"] },
                Point { program: "connect_state", targets: &["inet_sock_set_state"] },
            ],
        },
    ],
    fields: &[RESULT, FD, FAMILY, SOCK_TYPE, PROTOCOL, SOURCE_IP, SOURCE_PORT, DEST_IP, DEST_PORT, PATH],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::Connect, name, ty, ecs, doc, get }
}

pub const RESULT: Field = row("res", Type::Result, None, "0, or a negated errno.", |r| {
    r.of(|e: &Connect| Raw::Int(e.result.into()))
});
pub const FD: Field = row(
    "fd",
    Type::Int,
    None,
    "Descriptor of the socket, -1 where it is not known: of an io_uring and of 32-bit calls.",
    |r| r.of(|e: &Connect| Raw::Int(e.fd.into())),
);
pub const FAMILY: Field =
    row("family", Type::Enum(FAMILIES), Some("network.type"), "Address family of the socket.", |r| {
        r.of(|e: &Connect| Raw::Uint(e.socket.family.into()))
    });
pub const SOCK_TYPE: Field = row("sock_type", Type::Enum(SOCK_TYPES), None, "Type of the socket.", |r| {
    r.of(|e: &Connect| Raw::Uint(e.socket.sock_type.into()))
});
pub const PROTOCOL: Field =
    row("protocol", Type::Uint, Some("network.iana_number"), "Protocol number within the family.", |r| {
        r.of(|e: &Connect| Raw::Uint(e.socket.protocol.into()))
    });
pub const SOURCE_IP: Field =
    row("saddr", Type::Ip, Some("source.ip"), "Own address.", |r| r.of(|e: &Connect| e.socket.source_ip()));
pub const SOURCE_PORT: Field = row("sport", Type::Port, Some("source.port"), "Own port.", |r| {
    r.of(|e: &Connect| e.socket.port(e.socket.source_port))
});
pub const DEST_IP: Field = row("daddr", Type::Ip, Some("destination.ip"), "Address asked for.", |r| {
    r.of(|e: &Connect| e.socket.destination_ip())
});
pub const DEST_PORT: Field = row("dport", Type::Port, Some("destination.port"), "Port asked for.", |r| {
    r.of(|e: &Connect| e.socket.port(e.socket.destination_port))
});
pub const PATH: Field = row(
    "path",
    Type::Text,
    Some("destination.address"),
    "Path of a unix socket; an abstract name begins with a NUL.",
    |r| {
        r.of(|e: &Connect| match r.text(&e.spans[SPAN_PATH]) {
            Raw::Text(name, cut) => Raw::Text(socket_name(name), cut),
            other => other,
        })
    },
);

/// `sun_path` is NUL-padded, unless it begins with a NUL: then every byte is part of the abstract name (unix(7)).
pub fn socket_name(path: &[u8]) -> &[u8] {
    match path.iter().position(|&b| b == 0) {
        Some(end) if end > 0 => &path[..end],
        _ => path,
    }
}

/// include/linux/socket.h, 6.18: those that a container can usually reach.
pub const FAMILIES: &[(&str, u64)] = &[
    ("unspec", 0),
    ("unix", AF_UNIX as u64),
    ("ipv4", AF_INET as u64),
    ("ipv6", AF_INET6 as u64),
    ("netlink", AF_NETLINK as u64),
    ("packet", 17),
    ("bluetooth", 31),
    ("alg", 38),
    ("vsock", 40),
    ("xdp", 44),
];

pub const SOCK_TYPES: &[(&str, u64)] =
    &[("stream", 1), ("dgram", 2), ("raw", 3), ("rdm", 4), ("seqpacket", 5), ("dccp", 6), ("packet", 10)];
