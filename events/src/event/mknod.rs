//! `mknod`: a process made a device, a pipe or a file that is neither, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
    open::FILE_TYPES,
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("mknod" Mknod: mknod mknodat);

pub static EVENT: Event = Event {
    kind: Kind::Mknod,
    name: "mknod",
    types: TYPES,
    doc: "A process made a device node, a named pipe or the like, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, DIRFD, MODE, FILE_TYPE, DEV],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Mknod>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Mknod>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Mknod>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Mknod>(r, &[NO, 0]));
pub const MODE: Field =
    row("mode", Type::Mode, "Permission bits asked for.", |r| call::mode::<Mknod>(r, &[1, 2]));
pub const FILE_TYPE: Field = row("file_type", Type::Enum(FILE_TYPES), "What it is to be.", |r| {
    match call::uint::<Mknod>(r, &[1, 2]) {
        // A regular file may be asked for by 0 too (mknod(2)).
        crate::Raw::Uint(mode) if mode & 0o170000 == 0 => crate::Raw::Uint(0o100000),
        crate::Raw::Uint(mode) => crate::Raw::Uint(mode & 0o170000),
        other => other,
    }
})
.ecs("file.type");
pub const DEV: Field = row(
    "dev",
    Type::Uint,
    "Number of the device, as the caller encodes it (makedev(3)); of anything else it means nothing.",
    |r| call::uint::<Mknod>(r, &[2, 3]),
);
