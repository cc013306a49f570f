//! `connect_result`: what became of a connect that had been answered with EINPROGRESS.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    Body, Kind, Page,
    connect::{FAMILIES, Socket},
};
use crate::{
    schema::{Category, Event, Family, Field, Get, Hook, Lane, Point, Type},
    wire::Raw,
};

/// The header speaks of the process that called connect, whoever runs on the CPU when the answer comes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct ConnectResult {
    pub socket: Socket,
    /// Nanoseconds since the socket sent its first SYN.
    pub elapsed: u64,
    pub result: i32,
    pub fd: i32,
}

impl Page for ConnectResult {
    const KIND: Kind = Kind::ConnectResult;
    const LANE: Lane = Lane::Bulk;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::ConnectResult(result) = body { Some(result) } else { None }
    }
}

pub static EVENT: Event = Event {
    kind: Kind::ConnectResult,
    name: "connect_result",
    types: &["connect_result"],
    doc: "A TCP connect that had been answered with EINPROGRESS was established, refused, timed out or given up.",
    category: Category::Net,
    lane: ConnectResult::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        points: &[Point { program: "connect_state", targets: &["inet_sock_set_state"] }],
    }],
    fields: &[RESULT, FD, FAMILY, SOURCE_IP, SOURCE_PORT, DEST_IP, DEST_PORT, ELAPSED],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::ConnectResult, name, ty, ecs, doc, get }
}

pub const RESULT: Field = row("res", Type::Result, None, "0 when established, else a negated errno.", |r| {
    r.of(|e: &ConnectResult| Raw::Int(e.result.into()))
});
pub const FD: Field = row("fd", Type::Int, None, "Descriptor that was given to connect.", |r| {
    r.of(|e: &ConnectResult| Raw::Int(e.fd.into()))
});
pub const FAMILY: Field =
    row("family", Type::Enum(FAMILIES), Some("network.type"), "Address family of the socket.", |r| {
        r.of(|e: &ConnectResult| Raw::Uint(e.socket.family.into()))
    });
pub const SOURCE_IP: Field = row("saddr", Type::Ip, Some("source.ip"), "Own address.", |r| {
    r.of(|e: &ConnectResult| e.socket.source_ip())
});
pub const SOURCE_PORT: Field = row("sport", Type::Port, Some("source.port"), "Own port.", |r| {
    r.of(|e: &ConnectResult| e.socket.port(e.socket.source_port))
});
pub const DEST_IP: Field = row("daddr", Type::Ip, Some("destination.ip"), "Address asked for.", |r| {
    r.of(|e: &ConnectResult| e.socket.destination_ip())
});
pub const DEST_PORT: Field = row("dport", Type::Port, Some("destination.port"), "Port asked for.", |r| {
    r.of(|e: &ConnectResult| e.socket.port(e.socket.destination_port))
});
pub const ELAPSED: Field = row("elapsed", Type::Duration, None, "Time since the first SYN.", |r| {
    r.of(|e: &ConnectResult| Raw::Uint(e.elapsed))
});
