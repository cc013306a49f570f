//! `capset`: a thread asked for another set of capabilities.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
    exec::CAPABILITIES,
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("capset" Capset: capset);

pub static EVENT: Event = Event {
    kind: Kind::Capset,
    name: "capset",
    types: TYPES,
    doc: "A thread asked for another set of capabilities.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, INHERITABLE, PERMITTED, EFFECTIVE],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Capset>);
pub const INHERITABLE: Field = row(
    "cap_inheritable",
    Type::Flags(CAPABILITIES),
    "Inheritable capabilities of the thread, after the call, from the kernel.",
    |r| call::wide_flags::<Capset>(r, &[2]),
);
pub const PERMITTED: Field = row(
    "cap_permitted",
    Type::Flags(CAPABILITIES),
    "Permitted capabilities of the thread, after the call, from the kernel.",
    |r| call::wide_flags::<Capset>(r, &[3]),
);
pub const EFFECTIVE: Field = row(
    "cap_effective",
    Type::Flags(CAPABILITIES),
    "Effective capabilities of the thread, after the call, from the kernel.",
    |r| call::wide_flags::<Capset>(r, &[4]),
);
