//! `bind`: a process gave a socket an address of its own.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Category, Event, Field, Lane, Type},
    wire::Raw,
};

page!("bind" Bind(OnSocket): (bind bind));
rows!(Bind);

pub static EVENT: Event = Event {
    kind: Kind::Bind,
    name: "bind",
    types: TYPES,
    doc: "A process gave a socket an address of its own, or failed to.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FD, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PATH],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Bind>);
pub const FD: Field = row("fd", Type::Int, "Descriptor of the socket.", |r| call::int::<Bind>(r, &[0]));
