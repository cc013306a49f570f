//! `cgroup_mkdir`: a cgroup was made in the hierarchy that names containers. It carries identity: whatever runs
//! in the cgroup later is known by this record, however short it lives.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Category, Event, Family, Field, Get, Hook, Lane, Point, Type},
    wire::{Raw, Span},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct CgroupMkdir {
    pub spans: [Span; 1],
    pub id: u64,
}

pub const SPAN_PATH: usize = 0;

impl Page for CgroupMkdir {
    const KIND: Kind = Kind::CgroupMkdir;
    const LANE: Lane = Lane::Priority;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::CgroupMkdir(cgroup) = body { Some(cgroup) } else { None }
    }
    fn spans(&self) -> &[Span] {
        &self.spans
    }
}

pub static EVENT: Event = Event {
    kind: Kind::CgroupMkdir,
    name: "cgroup_mkdir",
    types: &["cgroup_mkdir"],
    doc: "A cgroup was made in the hierarchy that names containers.",
    category: Category::System,
    lane: CgroupMkdir::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        points: &[Point { program: "cgroup_mkdir", targets: &["cgroup_mkdir"] }],
    }],
    fields: &[ID, PATH],
};

const fn row(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::CgroupMkdir, name, ty, ecs: None, doc, get }
}

pub const ID: Field = row("id", Type::Uint, "Cgroup id: the inode number of its directory.", |r| {
    r.of(|e: &CgroupMkdir| Raw::Uint(e.id))
});
pub const PATH: Field = row("path", Type::Text, "Path from the hierarchy's root.", |r| {
    r.of(|e: &CgroupMkdir| r.text(&e.spans[SPAN_PATH]))
});
