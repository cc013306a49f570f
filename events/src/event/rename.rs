//! `rename`: a process gave a file another name, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_2, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("rename" Rename: rename renameat renameat2);

pub static EVENT: Event = Event {
    kind: Kind::Rename,
    name: "rename",
    types: TYPES,
    doc: "A process gave a file another name, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["oldpath", "newpath"],
    hooks: HOOKS,
    fields: &[RESULT, OLD_PATH, OLD_DIRECTORY, OLD_DIRFD, NEW_PATH, NEW_DIRECTORY, NEW_DIRFD, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Rename>);
pub const OLD_PATH: Field =
    row("oldpath", Type::Given("olddir"), GIVEN_DOC, |r| call::text::<Rename>(r, NAME));
pub const OLD_DIRECTORY: Field = row("olddir", Type::Path, DIR_DOC, |r| call::path::<Rename>(r, DIR));
pub const OLD_DIRFD: Field = row("olddirfd", Type::Int, DIRFD_DOC, |r| call::int::<Rename>(r, &[NO, 0, 0]));
pub const NEW_PATH: Field =
    row("newpath", Type::Given("newdir"), GIVEN_DOC, |r| call::text::<Rename>(r, NAME_2)).ecs("file.path");
pub const NEW_DIRECTORY: Field = row("newdir", Type::Path, DIR_DOC, |r| call::path::<Rename>(r, DIR_2));
pub const NEW_DIRFD: Field = row("newdirfd", Type::Int, DIRFD_DOC, |r| call::int::<Rename>(r, &[NO, 2, 2]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags of renameat2.", |r| call::flags::<Rename>(r, &[NO, NO, 4]));

/// include/uapi/linux/fs.h, 6.18.
const FLAG_NAMES: &[Bit] =
    &[bit("RENAME_NOREPLACE", 1), bit("RENAME_EXCHANGE", 2), bit("RENAME_WHITEOUT", 4)];
