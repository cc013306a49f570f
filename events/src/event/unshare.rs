//! `unshare`: a process asked for namespaces of its own.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
    fork::FLAGS as CLONE_FLAGS,
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("unshare" Unshare: unshare);

pub static EVENT: Event = Event {
    kind: Kind::Unshare,
    name: "unshare",
    types: TYPES,
    doc: "A process asked for namespaces of its own.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Unshare>);
pub const FLAGS: Field =
    row("flags", Type::Flags(CLONE_FLAGS), "What is to be its own.", |r| call::flags::<Unshare>(r, &[0]));
