//! `listen`: a process began to wait for connections.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Category, Event, Field, Lane, Type},
    wire::Raw,
};

page!("listen" Listen(OnSocket): (listen listen));
rows!(Listen);

pub static EVENT: Event = Event {
    kind: Kind::Listen,
    name: "listen",
    types: TYPES,
    doc: "A process began to wait for connections, or failed to.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FD, BACKLOG, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PATH],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Listen>);
pub const FD: Field = row("fd", Type::Int, "Descriptor of the socket.", |r| call::int::<Listen>(r, &[0]));
pub const BACKLOG: Field = row("backlog", Type::Int, "How many may wait.", |r| call::int::<Listen>(r, &[1]));
