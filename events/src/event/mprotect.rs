//! `mprotect`: a process asked to run what lies in its memory.

use super::{
    Kind,
    call::{self, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("mprotect" Mprotect: mprotect pkey_mprotect);

pub static EVENT: Event = Event {
    kind: Kind::Mprotect,
    name: "mprotect",
    types: TYPES,
    doc: "A process asked to run what lies in its memory, or failed to: calls that ask for PROT_EXEC; others are not told. \
          The runtimes of Java and JavaScript do it often.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, ADDRESS, LENGTH, PROTECTION, KEY],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Mprotect>);
pub const ADDRESS: Field = row("addr", Type::Uint, "Where it begins.", |r| call::long::<Mprotect>(r, &[0]));
pub const LENGTH: Field = row("length", Type::Uint, "Bytes of it.", |r| call::long::<Mprotect>(r, &[1]));
pub const PROTECTION: Field =
    row("prot", Type::Flags(PROTECTIONS), "What may be done with it.", |r| call::flags::<Mprotect>(r, &[2]));
pub const KEY: Field =
    row("pkey", Type::Int, "Protection key of pkey_mprotect.", |r| call::int::<Mprotect>(r, &[NO, 3]));

/// include/uapi/asm-generic/mman-common.h, 6.18.
pub(super) const PROTECTIONS: &[Bit] = &[
    bit("PROT_READ", 1),
    bit("PROT_WRITE", PROT_WRITE),
    bit("PROT_EXEC", PROT_EXEC),
    bit("PROT_SEM", 8),
    bit("PROT_GROWSDOWN", 0x0100_0000),
    bit("PROT_GROWSUP", 0x0200_0000),
];
pub const PROT_WRITE: u64 = 2;
pub const PROT_EXEC: u64 = 4;
