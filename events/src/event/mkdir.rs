//! `mkdir`: a process made a directory, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("mkdir" Mkdir: mkdir mkdirat);

pub static EVENT: Event = Event {
    kind: Kind::Mkdir,
    name: "mkdir",
    types: TYPES,
    doc: "A process made a directory, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, DIRFD, MODE],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Mkdir>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Mkdir>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Mkdir>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Mkdir>(r, &[NO, 0]));
pub const MODE: Field = row("mode", Type::Mode, "Mode asked for.", |r| call::mode::<Mkdir>(r, &[1, 2]));
