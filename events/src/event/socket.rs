//! `socket`: a process made a socket, or failed to.

use super::{
    Kind,
    call::{self, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("socket" SocketCall: socket);

pub static EVENT: Event = Event {
    kind: Kind::SocketCall,
    name: "socket",
    types: TYPES,
    doc: "A process made a socket, or failed to.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, DOMAIN, SOCK_TYPE, PROTOCOL],
};

pub const RESULT: Field =
    row("res", Type::Result, "The descriptor, or a negated errno.", call::result::<SocketCall>);
pub const DOMAIN: Field = row("domain", Type::Enum(DOMAINS), "Family of addresses asked for.", |r| {
    call::uint::<SocketCall>(r, &[0])
});
pub const SOCK_TYPE: Field =
    row("sock_type", Type::Uint, "Type asked for, with its flags, as a number.", |r| {
        call::uint::<SocketCall>(r, &[1])
    });
pub const PROTOCOL: Field =
    row("proto", Type::Uint, "Protocol asked for, within the family.", |r| call::uint::<SocketCall>(r, &[2]))
        .ecs("network.iana_number");

/// include/linux/socket.h, 6.18.
const DOMAINS: &[(&str, u64)] = &[
    ("AF_UNSPEC", 0),
    ("AF_UNIX", 1),
    ("AF_INET", 2),
    ("AF_AX25", 3),
    ("AF_IPX", 4),
    ("AF_APPLETALK", 5),
    ("AF_NETROM", 6),
    ("AF_BRIDGE", 7),
    ("AF_ATMPVC", 8),
    ("AF_X25", 9),
    ("AF_INET6", 10),
    ("AF_ROSE", 11),
    ("AF_NETBEUI", 13),
    ("AF_SECURITY", 14),
    ("AF_KEY", 15),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
    ("AF_ASH", 18),
    ("AF_RDS", 21),
    ("AF_IRDA", 23),
    ("AF_PPPOX", 24),
    ("AF_WANPIPE", 25),
    ("AF_LLC", 26),
    ("AF_IB", 27),
    ("AF_MPLS", 28),
    ("AF_CAN", 29),
    ("AF_TIPC", 30),
    ("AF_BLUETOOTH", 31),
    ("AF_IUCV", 32),
    ("AF_RXRPC", 33),
    ("AF_ISDN", 34),
    ("AF_PHONET", 35),
    ("AF_IEEE802154", 36),
    ("AF_CAIF", 37),
    ("AF_ALG", 38),
    ("AF_NFC", 39),
    ("AF_VSOCK", 40),
    ("AF_KCM", 41),
    ("AF_QIPCRTR", 42),
    ("AF_SMC", 43),
    ("AF_XDP", 44),
    ("AF_MCTP", 45),
];
