//! `userfaultfd`: a process asked to handle page faults by itself.

use super::{
    Kind,
    call::{self, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("userfaultfd" Userfaultfd: userfaultfd);

pub static EVENT: Event = Event {
    kind: Kind::Userfaultfd,
    name: "userfaultfd",
    types: TYPES,
    doc: "A process asked to handle page faults by itself.",
    category: Category::System,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FLAGS],
};

pub const RESULT: Field =
    row("res", Type::Result, "The descriptor, or a negated errno.", call::result::<Userfaultfd>);
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags.", |r| call::flags::<Userfaultfd>(r, &[0]));

/// include/uapi/linux/userfaultfd.h, include/uapi/asm-generic/fcntl.h, 6.18.
const FLAG_NAMES: &[Bit] =
    &[bit("UFFD_USER_MODE_ONLY", 1), bit("O_NONBLOCK", 0o4000), bit("O_CLOEXEC", 0o2000000)];
