//! `exit`: the last thread of a process ended.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Category, Event, Family, Field, Get, Hook, Lane, Point, Type},
    wire::{COMM_LEN, Raw, comm},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Exit {
    /// As wait(2) gives it.
    pub status: u32,
    pub reserved: u32,
    pub comm: [u8; COMM_LEN],
}

impl Page for Exit {
    const KIND: Kind = Kind::Exit;
    const LANE: Lane = Lane::Priority;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::Exit(exit) = body { Some(exit) } else { None }
    }
}

pub static EVENT: Event = Event {
    kind: Kind::Exit,
    name: "exit",
    types: &["procexit"],
    doc: "A process ended: its last thread is gone.",
    category: Category::Process,
    lane: Exit::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        // Fires once a thread, after do_exit has counted it out of signal->live: zero means the last one.
        points: &[Point { program: "exit", targets: &["sched_process_exit"] }],
    }],
    fields: &[CODE, SIGNAL, CORE, LIFETIME, COMM],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::Exit, name, ty, ecs, doc, get }
}

pub const CODE: Field =
    row("ret", Type::Int, Some("process.exit_code"), "Exit code, 0 when a signal ended it.", |r| {
        r.of(|e: &Exit| Raw::Int((e.status >> 8 & 0xff).into()))
    });
pub const SIGNAL: Field =
    row("sig", Type::Uint, None, "Number of the signal that ended it, 0 for none.", |r| {
        r.of(|e: &Exit| Raw::Uint((e.status & 0x7f).into()))
    });
pub const CORE: Field = row("core", Type::Bool, None, "Whether it dumped core.", |r| {
    r.of(|e: &Exit| Raw::Bool(e.status & 0x80 != 0))
});
pub const LIFETIME: Field = row("lifetime", Type::Duration, None, "Time from its start to its end.", |r| {
    r.of(|_: &Exit| Raw::Uint(r.header.time.saturating_sub(r.header.start)))
});
pub const COMM: Field =
    row("comm", Type::Text, Some("process.name"), "Thread name of the last thread.", |r| {
        r.of(|e: &Exit| comm(&e.comm))
    });
