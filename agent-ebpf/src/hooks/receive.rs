//! `receive`: of the many calls only those that got a datagram and asked from whom it came.

use nightjar_events::event::receive::Receive;

use super::{
    call::{Ended, programs},
    endpoint::{is_ip, socket_of},
    send::message_name,
};
use crate::{
    offset,
    read::{read, socket::Sock},
};

programs!(Receive, tell: receive_told receive_exit, 0 recvfrom_returned 1 recvmsg_returned);

const RECVFROM: u16 = 0;
const SOCK_STREAM: u16 = 1;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    if ended.result < 0 {
        return;
    }
    let address = match ended.variant {
        RECVFROM => regs.arg4(),
        _ => message_name(regs.arg1()),
    };
    if address == 0 {
        return;
    }
    let Some(sock) = socket_of(regs.arg0()).filter(|sock| has_datagrams(*sock)) else { return };
    ended.on_socket::<Receive>(
        #[inline(always)]
        |ends| {
            ends.own(sock);
            ends.peer(sock);
            ends.peer_at(address);
        },
    );
}

#[inline(always)]
fn has_datagrams(sock: Sock) -> bool {
    is_ip(sock) && read::<u16>(sock.0 + offset!(sock_type)) != SOCK_STREAM
}
