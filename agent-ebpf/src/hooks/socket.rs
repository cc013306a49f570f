//! `socket`: the numbers that the caller gave.

use nightjar_events::event::socket::SocketCall;

use super::call::{Ended, programs};

programs!(SocketCall, tell: socket_told socket_exit, 0 socket_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<SocketCall>();
}
