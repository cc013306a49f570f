//! `send`: a process sent to an address that it named with the message.

use super::{
    Kind,
    call::{self, NO, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Category, Event, Field, Lane, Type},
    wire::Raw,
};

page!("send" Send(OnSocket): (sendto sendto) (sendmsg sendmsg));
rows!(Send with peer);

pub static EVENT: Event = Event {
    kind: Kind::Send,
    name: "send",
    types: TYPES,
    doc: "A process sent to an address that it named with the message, over IP. What goes to the peer of a socket is not told: its connect was.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[
        RESULT, FD, SIZE, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PEER_IP, PEER_PORT, CONNECTED, PATH,
    ],
};

pub const RESULT: Field = row("res", Type::Result, "Bytes sent, or a negated errno.", call::result::<Send>);
pub const FD: Field = row("fd", Type::Int, "Descriptor of the socket.", |r| call::int::<Send>(r, &[0]));
pub const SIZE: Field =
    row("size", Type::Uint, "Bytes to be sent by sendto.", |r| call::long::<Send>(r, &[2, NO]));
