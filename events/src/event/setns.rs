//! `setns`: a process asked to enter a namespace.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
    fork::FLAGS as CLONE_FLAGS,
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("setns" Setns: setns);

pub static EVENT: Event = Event {
    kind: Kind::Setns,
    name: "setns",
    types: TYPES,
    doc: "A process asked to enter a namespace.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FD, NS_TYPE],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Setns>);
pub const FD: Field = row("fd", Type::Int, "Descriptor of the namespace, or of a process in it.", |r| {
    call::int::<Setns>(r, &[0])
});
pub const NS_TYPE: Field = row(
    "nstype",
    Type::Flags(CLONE_FLAGS),
    "Type that it must have, 0 for any; of a process, the namespaces to enter.",
    |r| call::flags::<Setns>(r, &[1]),
);
