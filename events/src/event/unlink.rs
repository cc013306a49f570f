//! `unlink`: a process removed a file's name or a directory, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("unlink" Unlink: unlink unlinkat rmdir);

pub static EVENT: Event = Event {
    kind: Kind::Unlink,
    name: "unlink",
    types: TYPES,
    doc: "A process removed a file's name or a directory, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, DIRFD, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Unlink>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Unlink>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Unlink>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Unlink>(r, &[NO, 0, NO]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags of unlinkat.", |r| call::flags::<Unlink>(r, &[NO, 2, NO]));

/// include/uapi/linux/fcntl.h, 6.18.
const FLAG_NAMES: &[Bit] = &[bit("AT_REMOVEDIR", 0x200)];
