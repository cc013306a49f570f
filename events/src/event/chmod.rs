//! `chmod`: a process changed the mode of a file, or failed to.

use super::{
    Kind,
    call::{self, AT_FLAGS, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("chmod" Chmod: chmod fchmod fchmodat fchmodat2);

pub static EVENT: Event = Event {
    kind: Kind::Chmod,
    name: "chmod",
    types: TYPES,
    doc: "A process changed the mode of a file, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["filename"],
    hooks: HOOKS,
    fields: &[RESULT, FILE_NAME, DIRECTORY, DIRFD, FD, MODE, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Chmod>);
pub const FILE_NAME: Field =
    row("filename", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Chmod>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Chmod>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Chmod>(r, &[NO, NO, 0, 0]));
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of fchmod.", |r| call::int::<Chmod>(r, &[NO, 0, NO, NO]));
pub const MODE: Field = row("mode", Type::Flags(MODE_BITS), "The mode it is to have, by name.", |r| {
    match call::mode::<Chmod>(r, &[1, 1, 2, 2]) {
        crate::Raw::Uint(mode) => crate::Raw::Flags(mode),
        other => other,
    }
});
pub const FLAGS: Field =
    row("flags", Type::Flags(AT_FLAGS), "Flags of fchmodat2.", |r| call::flags::<Chmod>(r, &[NO, NO, NO, 3]));

/// include/uapi/linux/stat.h, 6.18.
const MODE_BITS: &[Bit] = &[
    bit("S_IXOTH", 0o1),
    bit("S_IWOTH", 0o2),
    bit("S_IROTH", 0o4),
    bit("S_IXGRP", 0o10),
    bit("S_IWGRP", 0o20),
    bit("S_IRGRP", 0o40),
    bit("S_IXUSR", 0o100),
    bit("S_IWUSR", 0o200),
    bit("S_IRUSR", 0o400),
    bit("S_ISVTX", 0o1000),
    bit("S_ISGID", 0o2000),
    bit("S_ISUID", 0o4000),
];
