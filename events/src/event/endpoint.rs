//! What the pages of calls on sockets share: the socket's ends beside the call's arguments.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    call::{Call, CallBody, CallPage},
    connect::Socket,
};
use crate::wire::{Raw, Record};

/// The body of such a page. Of the call's spans, `NAME` is the path of a unix socket and `DIR` what the descriptor is
/// open on where it is no socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct OnSocket {
    pub call: Call,
    pub socket: Socket,
    /// 1 when the socket has a peer of its own.
    pub connected: u64,
}

impl CallBody for OnSocket {
    fn call(&self) -> &Call {
        &self.call
    }
}

/// A page with this body.
pub trait SocketPage: CallPage {
    fn on_socket(&self) -> &OnSocket;
}

/// Asks the socket, where there is one.
pub fn ask<'a, P: SocketPage + 'static>(r: &Record<'a>, ask: impl FnOnce(&Socket) -> Raw<'a>) -> Raw<'a> {
    r.of(|page: &P| match page.on_socket().socket {
        Socket { family: 0, .. } => Raw::Absent,
        ref socket => ask(socket),
    })
}

/// Whether the socket has a peer of its own.
pub fn connected<'a, P: SocketPage + 'static>(r: &Record<'a>) -> Raw<'a> {
    r.of(|page: &P| match page.on_socket() {
        OnSocket { socket: Socket { family: 0, .. }, .. } => Raw::Absent,
        page => Raw::Bool(page.connected != 0),
    })
}

/// The same rows for every page: those of `connect`.
macro_rules! rows {
    ($kind:ident) => {
        impl $crate::event::endpoint::SocketPage for $kind {
            fn on_socket(&self) -> &$crate::event::endpoint::OnSocket {
                &self.0
            }
        }

        pub const FAMILY: Field = row(
            "family",
            Type::Enum($crate::event::connect::FAMILIES),
            "Address family of the socket.",
            |r| $crate::event::endpoint::ask::<$kind>(r, |socket| Raw::Uint(socket.family.into())),
        )
        .ecs("network.type");
        pub const SOCK_TYPE: Field = row(
            "sock_type",
            Type::Enum($crate::event::connect::SOCK_TYPES),
            "Type of the socket.",
            |r| $crate::event::endpoint::ask::<$kind>(r, |socket| Raw::Uint(socket.sock_type.into())),
        );
        pub const PROTOCOL: Field =
            row("protocol", Type::Uint, "Protocol number within the family.", |r| {
                $crate::event::endpoint::ask::<$kind>(r, |socket| Raw::Uint(socket.protocol.into()))
            })
            .ecs("network.iana_number");
        pub const OWN_IP: Field = row("saddr", Type::Ip, "Own address.", |r| {
            $crate::event::endpoint::ask::<$kind>(r, |socket| socket.source_ip())
        });
        pub const OWN_PORT: Field = row("sport", Type::Port, "Own port.", |r| {
            $crate::event::endpoint::ask::<$kind>(r, |socket| socket.port(socket.source_port))
        });
        pub const PATH: Field = row(
            "path",
            Type::Text,
            "Path that a unix socket is bound to; an abstract name begins with a NUL.",
            |r| match $crate::event::call::text::<$kind>(r, $crate::event::call::NAME) {
                Raw::Text(name, cut) => Raw::Text($crate::event::connect::socket_name(name), cut),
                other => other,
            },
        );
    };
    ($kind:ident with peer) => {
        $crate::event::endpoint::rows!($kind);

        pub const PEER_IP: Field = row("daddr", Type::Ip, "Address of the other end.", |r| {
            $crate::event::endpoint::ask::<$kind>(r, |socket| socket.destination_ip())
        });
        pub const PEER_PORT: Field = row("dport", Type::Port, "Port of the other end.", |r| {
            $crate::event::endpoint::ask::<$kind>(r, |socket| socket.port(socket.destination_port))
        });
        pub const CONNECTED: Field = row(
            "connected",
            Type::Bool,
            "Whether the socket has that other end for its own; of one that has none it is this call's alone.",
            $crate::event::endpoint::connected::<$kind>,
        );
    };
}
pub(crate) use rows;
