//! `cgroup_attach`: a process or a thread of it was moved to another cgroup.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Category, Event, Family, Field, Get, Hook, Lane, Point, Type},
    wire::{Raw, Span},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct CgroupAttach {
    pub spans: [Span; 1],
    pub id: u64,
    pub pid: u32,
    pub tid: u32,
    /// The whole process, not the one thread.
    pub whole: u32,
    pub reserved: u32,
}

pub const SPAN_PATH: usize = 0;

impl Page for CgroupAttach {
    const KIND: Kind = Kind::CgroupAttach;
    const LANE: Lane = Lane::Bulk;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::CgroupAttach(attach) = body { Some(attach) } else { None }
    }
    fn spans(&self) -> &[Span] {
        &self.spans
    }
}

pub static EVENT: Event = Event {
    kind: Kind::CgroupAttach,
    name: "cgroup_attach",
    types: &["cgroup_attach_task"],
    doc: "A process, or a thread of it, was moved to another cgroup of the hierarchy that names containers, by itself or by another.",
    category: Category::System,
    lane: CgroupAttach::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        points: &[Point { program: "cgroup_attach", targets: &["cgroup_attach_task"] }],
    }],
    fields: &[ID, PATH, PID, TID, WHOLE],
};

const fn row(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::CgroupAttach, name, ty, ecs: None, doc, get }
}

pub const ID: Field =
    row("id", Type::Uint, "Id of the cgroup it was moved to.", |r| r.of(|e: &CgroupAttach| Raw::Uint(e.id)));
pub const PATH: Field = row("path", Type::Text, "Path of that cgroup from the hierarchy's root.", |r| {
    r.of(|e: &CgroupAttach| r.text(&e.spans[SPAN_PATH]))
});
pub const PID: Field =
    row("pid", Type::Int, "Process that was moved.", |r| r.of(|e: &CgroupAttach| Raw::Int(e.pid.into())));
pub const TID: Field =
    row("target_tid", Type::Int, "Thread that was moved, or the first of the process.", |r| {
        r.of(|e: &CgroupAttach| Raw::Int(e.tid.into()))
    });
pub const WHOLE: Field = row("threadgroup", Type::Bool, "Whether all its threads were moved with it.", |r| {
    r.of(|e: &CgroupAttach| Raw::Bool(e.whole != 0))
});
