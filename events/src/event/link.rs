//! `link`: a process gave a file one more name, or failed to.

use super::{
    Kind,
    call::{self, AT_FLAGS, DIR, DIR_2, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("link" Link: link linkat);

pub static EVENT: Event = Event {
    kind: Kind::Link,
    name: "link",
    types: TYPES,
    doc: "A process gave a file one more name (a hard link), or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["oldpath", "newpath"],
    hooks: HOOKS,
    fields: &[RESULT, OLD_PATH, OLD_DIRECTORY, OLD_DIRFD, NEW_PATH, NEW_DIRECTORY, NEW_DIRFD, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Link>);
pub const OLD_PATH: Field = row("oldpath", Type::Given("olddir"), GIVEN_DOC, |r| call::text::<Link>(r, NAME));
pub const OLD_DIRECTORY: Field = row("olddir", Type::Path, DIR_DOC, |r| call::path::<Link>(r, DIR));
pub const OLD_DIRFD: Field = row("olddirfd", Type::Int, DIRFD_DOC, |r| call::int::<Link>(r, &[NO, 0]));
pub const NEW_PATH: Field =
    row("newpath", Type::Given("newdir"), GIVEN_DOC, |r| call::text::<Link>(r, NAME_2)).ecs("file.path");
pub const NEW_DIRECTORY: Field = row("newdir", Type::Path, DIR_DOC, |r| call::path::<Link>(r, DIR_2));
pub const NEW_DIRFD: Field = row("newdirfd", Type::Int, DIRFD_DOC, |r| call::int::<Link>(r, &[NO, 2]));
pub const FLAGS: Field =
    row("flags", Type::Flags(AT_FLAGS), "Flags of linkat.", |r| call::flags::<Link>(r, &[NO, 4]));
