//! `accept`: both ends of the connection, or of a call that failed the end that listens.

use nightjar_events::event::accept::Accept;

use super::{
    call::{Ended, programs},
    endpoint::socket_of,
};

programs!(Accept, tell: accept_told accept_exit, 0 accept_returned 1 accept4_returned);

/// A server that does not wait asks until there is nobody more.
const EAGAIN: i64 = -11;

#[inline(always)]
fn tell(ended: Ended) {
    if ended.result == EAGAIN {
        return;
    }
    let fd = if ended.result < 0 { ended.regs.arg0() } else { ended.result as u64 };
    ended.on_socket::<Accept>(
        #[inline(always)]
        |ends| {
            let Some(sock) = socket_of(fd) else { return };
            ends.own(sock);
            ends.peer(sock);
        },
    );
}
