//! `dup`: what the new descriptor leads to, or of a call that failed what the old one does.

use nightjar_events::event::{call::NAME, dup::Dup};

use super::{
    call::{Ended, programs},
    endpoint::socket_of,
};

programs!(Dup, tell: dup_told dup_exit, 0 dup_returned 1 dup2_returned 2 dup3_returned);

#[inline(always)]
fn tell(ended: Ended) {
    let fd = if ended.result < 0 { ended.regs.arg0() } else { ended.result as u64 };
    ended.on_socket::<Dup>(
        #[inline(always)]
        |ends| match socket_of(fd) {
            Some(sock) => {
                ends.own(sock);
                ends.peer(sock);
            }
            None => ends.texts.file::<NAME>(fd),
        },
    );
}
