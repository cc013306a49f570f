//! `receive`: a process received a datagram and asked from whom.

use super::{
    Kind,
    call::{self, page},
    endpoint::{OnSocket, rows},
};
use crate::{
    schema::{Category, Event, Field, Lane, Type},
    wire::Raw,
};

page!("receive" Receive(OnSocket): (recvfrom recvfrom) (recvmsg recvmsg));
rows!(Receive with peer);

pub static EVENT: Event = Event {
    kind: Kind::Receive,
    name: "receive",
    types: TYPES,
    doc: "A process received a datagram over IP and asked from whom.",
    category: Category::Net,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, FD, FAMILY, SOCK_TYPE, PROTOCOL, OWN_IP, OWN_PORT, PEER_IP, PEER_PORT, CONNECTED, PATH],
};

pub const RESULT: Field = row("res", Type::Result, "Bytes received.", call::result::<Receive>);
pub const FD: Field = row("fd", Type::Int, "Descriptor of the socket.", |r| call::int::<Receive>(r, &[0]));
