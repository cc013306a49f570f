//! `dup`: a process gave a descriptor another number.

use super::{
    Kind,
    call::{self, DIR, NO, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Bit, Category, Event, Field, Lane, Type, bit},
    wire::Raw,
};

page!("dup" Dup(OnSocket): (dup dup) (dup2 dup2) (dup3 dup3));
rows!(Dup with peer);

pub static EVENT: Event = Event {
    kind: Kind::Dup,
    name: "dup",
    types: TYPES,
    doc: "A process gave a descriptor another number.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[
        RESULT, OLD_FD, NEW_FD, FLAGS, FILE, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PEER_IP,
        PEER_PORT, CONNECTED, PATH,
    ],
};

pub const RESULT: Field =
    row("res", Type::Result, "The new descriptor, or a negated errno.", call::result::<Dup>);
pub const OLD_FD: Field = row("oldfd", Type::Int, "The descriptor there was.", |r| call::int::<Dup>(r, &[0]));
pub const NEW_FD: Field =
    row("newfd", Type::Int, "The number asked for.", |r| call::int::<Dup>(r, &[NO, 1, 1]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags of dup3.", |r| call::flags::<Dup>(r, &[NO, NO, 2]));
pub const FILE: Field =
    row("file", Type::Path, "What it is open on where it is no socket, from the kernel.", |r| {
        call::path::<Dup>(r, DIR)
    });

/// include/uapi/asm-generic/fcntl.h, 6.18.
const FLAG_NAMES: &[Bit] = &[bit("O_CLOEXEC", 0o2000000)];
