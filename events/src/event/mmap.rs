//! `mmap`: a process asked for memory that can be run and did not come from a program's file as it is.

use super::{
    Kind,
    call::{self, DIR, page},
    mprotect::PROTECTIONS,
};
use crate::{
    schema::{Bit, Category, Event, Field, Lane, Type, bit},
    wire::Raw,
};

page!("mmap" Mmap: mmap);

pub static EVENT: Event = Event {
    kind: Kind::Mmap,
    name: "mmap",
    types: TYPES,
    doc: "A process asked for memory that can be run and is anonymous or can be written, or failed to; others are not told, \
          such as the libraries of every program that starts.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, ADDRESS, LENGTH, PROTECTION, FLAGS, FD, OFFSET, PATH],
};

pub const RESULT: Field =
    row("res", Type::Result, "Where the memory is, or a negated errno.", call::result::<Mmap>);
pub const ADDRESS: Field =
    row("addr", Type::Uint, "Where it was to be; 0 for anywhere.", |r| call::long::<Mmap>(r, &[0]));
pub const LENGTH: Field = row("length", Type::Uint, "Bytes of it.", |r| call::long::<Mmap>(r, &[1]));
pub const PROTECTION: Field =
    row("prot", Type::Flags(PROTECTIONS), "What may be done with it.", |r| call::flags::<Mmap>(r, &[2]));
pub const FLAGS: Field = row("flags", Type::Flags(FLAG_NAMES), "Flags.", |r| call::flags::<Mmap>(r, &[3]));
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of the file that is mapped; absent of anonymous memory.", |r| {
        of_file(r, call::int::<Mmap>(r, &[4]))
    });
pub const OFFSET: Field =
    row("offset", Type::Uint, "Where in the file it begins.", |r| of_file(r, call::long::<Mmap>(r, &[5])));
pub const PATH: Field = row("path", Type::Path, "What the descriptor is open on, from the kernel.", |r| {
    call::path::<Mmap>(r, DIR)
})
.ecs("file.path");

pub const MAP_ANONYMOUS: u64 = 0x20;

/// What means something of a mapped file alone.
fn of_file<'a>(record: &crate::Record<'a>, value: Raw<'a>) -> Raw<'a> {
    match call::long::<Mmap>(record, &[3]) {
        Raw::Uint(flags) if flags & MAP_ANONYMOUS == 0 => value,
        _ => Raw::Absent,
    }
}

/// include/uapi/linux/mman.h, include/uapi/asm-generic/mman-common.h, 6.18.
const FLAG_NAMES: &[Bit] = &[
    Bit { name: "MAP_SHARED", mask: 0xf, value: 1 },
    Bit { name: "MAP_PRIVATE", mask: 0xf, value: 2 },
    Bit { name: "MAP_SHARED_VALIDATE", mask: 0xf, value: 3 },
    bit("MAP_FIXED", 0x10),
    bit("MAP_ANONYMOUS", MAP_ANONYMOUS),
    bit("MAP_GROWSDOWN", 0x100),
    bit("MAP_DENYWRITE", 0x800),
    bit("MAP_EXECUTABLE", 0x1000),
    bit("MAP_LOCKED", 0x2000),
    bit("MAP_NORESERVE", 0x4000),
    bit("MAP_POPULATE", 0x8000),
    bit("MAP_NONBLOCK", 0x1_0000),
    bit("MAP_STACK", 0x2_0000),
    bit("MAP_HUGETLB", 0x4_0000),
    bit("MAP_SYNC", 0x8_0000),
    bit("MAP_FIXED_NOREPLACE", 0x10_0000),
];
