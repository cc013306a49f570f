//! `accept`: a process took a connection.

use super::{
    Kind,
    call::{self, NO, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Bit, Category, Event, Field, Lane, Type, bit},
    wire::Raw,
};

page!("accept" Accept(OnSocket): (accept accept) (accept4 accept4));
rows!(Accept with peer);

pub static EVENT: Event = Event {
    kind: Kind::Accept,
    name: "accept",
    types: TYPES,
    doc: "A process took a connection that somebody made to it, or failed to. That there was none (EAGAIN) is not told.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[
        RESULT, FD, FLAGS, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PEER_IP, PEER_PORT, CONNECTED, PATH,
    ],
};

pub const RESULT: Field =
    row("res", Type::Result, "Descriptor of the connection, or a negated errno.", |r| {
        call::result::<Accept>(r)
    });
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of the socket that listens.", |r| call::int::<Accept>(r, &[0]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags of accept4.", |r| call::flags::<Accept>(r, &[NO, 3]));

/// include/linux/net.h, 6.18.
const FLAG_NAMES: &[Bit] = &[bit("SOCK_NONBLOCK", 0o4000), bit("SOCK_CLOEXEC", 0o2000000)];
