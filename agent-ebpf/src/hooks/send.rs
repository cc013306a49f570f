//! `send`: of the many calls only those that name an address, which is read from the caller's memory.

use nightjar_events::event::send::Send;

use super::{
    call::{Ended, programs},
    endpoint::{is_ip, socket_of},
};
use crate::read::user;

programs!(Send, tell: send_told send_exit, 0 sendto_returned 1 sendmsg_returned);

const SENDTO: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let address = match ended.variant {
        SENDTO => regs.arg4(),
        _ => message_name(regs.arg1()),
    };
    if address == 0 {
        return;
    }
    let Some(sock) = socket_of(regs.arg0()).filter(|sock| is_ip(*sock)) else { return };
    ended.on_socket::<Send>(
        #[inline(always)]
        |ends| {
            ends.own(sock);
            ends.peer(sock);
            ends.peer_at(address);
        },
    );
}

/// `msg_name`, the first member of `struct user_msghdr` (include/linux/socket.h).
#[inline(always)]
pub(super) fn message_name(message: u64) -> u64 {
    user(message)
}
