//! `truncate`: a process cut a file short or made it longer, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("truncate" Truncate: truncate ftruncate);

pub static EVENT: Event = Event {
    kind: Kind::Truncate,
    name: "truncate",
    types: TYPES,
    doc: "A process cut a file short or made it longer, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, FD, LENGTH],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Truncate>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Truncate>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Truncate>(r, DIR));
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of ftruncate.", |r| call::int::<Truncate>(r, &[NO, 0]));
pub const LENGTH: Field =
    row("length", Type::Uint, "How long it is to be.", |r| call::long::<Truncate>(r, &[1]));
