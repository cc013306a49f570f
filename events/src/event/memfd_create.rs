//! `memfd_create`: a process made a file without a name.

use super::{
    Kind,
    call::{self, NAME, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("memfd_create" MemfdCreate: memfd_create);

pub static EVENT: Event = Event {
    kind: Kind::MemfdCreate,
    name: "memfd_create",
    types: TYPES,
    doc: "A process made a file that lives in memory and has no name in any directory.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, MEMFD_NAME, FLAGS],
};

pub const RESULT: Field =
    row("res", Type::Result, "The descriptor, or a negated errno.", call::result::<MemfdCreate>);
pub const MEMFD_NAME: Field = row("name", Type::Text, "What it is called, as the caller gave it.", |r| {
    call::text::<MemfdCreate>(r, NAME)
})
.ecs("file.name");
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags.", |r| call::flags::<MemfdCreate>(r, &[1]));

/// include/uapi/linux/memfd.h, 6.18.
const FLAG_NAMES: &[Bit] = &[
    bit("MFD_CLOEXEC", 1),
    bit("MFD_ALLOW_SEALING", 2),
    bit("MFD_HUGETLB", 4),
    bit("MFD_NOEXEC_SEAL", 8),
    bit("MFD_EXEC", 16),
];
