//! `symlink`: a process made a symbolic link, or failed to.

use super::{
    Kind,
    call::{self, DIR_2, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("symlink" Symlink: symlink symlinkat);

pub static EVENT: Event = Event {
    kind: Kind::Symlink,
    name: "symlink",
    types: TYPES,
    doc: "A process made a symbolic link, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["target", "linkpath"],
    hooks: HOOKS,
    fields: &[RESULT, TARGET, LINK_PATH, LINK_DIRECTORY, LINK_DIRFD],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Symlink>);
pub const TARGET: Field =
    row("target", Type::Text, "What the link says, as the caller gave it: nothing has to be there.", |r| {
        call::text::<Symlink>(r, NAME)
    })
    .ecs("file.target_path");
pub const LINK_PATH: Field =
    row("linkpath", Type::Given("linkdir"), GIVEN_DOC, |r| call::text::<Symlink>(r, NAME_2)).ecs("file.path");
pub const LINK_DIRECTORY: Field = row("linkdir", Type::Path, DIR_DOC, |r| call::path::<Symlink>(r, DIR_2));
pub const LINK_DIRFD: Field = row("linkdirfd", Type::Int, DIRFD_DOC, |r| call::int::<Symlink>(r, &[NO, 1]));
