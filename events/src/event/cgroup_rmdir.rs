//! `cgroup_rmdir`: a cgroup was removed; its id names nothing from here on.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Category, Event, Family, Field, Hook, Lane, Point, Type},
    wire::Raw,
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct CgroupRmdir {
    pub id: u64,
}

impl Page for CgroupRmdir {
    const KIND: Kind = Kind::CgroupRmdir;
    const LANE: Lane = Lane::Priority;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::CgroupRmdir(cgroup) = body { Some(cgroup) } else { None }
    }
}

pub static EVENT: Event = Event {
    kind: Kind::CgroupRmdir,
    name: "cgroup_rmdir",
    types: &["cgroup_rmdir"],
    doc: "A cgroup was removed from the hierarchy that names containers.",
    category: Category::System,
    lane: CgroupRmdir::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        points: &[Point { program: "cgroup_rmdir", targets: &["cgroup_rmdir"] }],
    }],
    fields: &[ID],
};

pub const ID: Field = Field {
    kind: Kind::CgroupRmdir,
    name: "id",
    ty: Type::Uint,
    ecs: None,
    doc: "Cgroup id: the inode number of its directory.",
    get: |r| r.of(|e: &CgroupRmdir| Raw::Uint(e.id)),
};
