//! `bind`: the address that the socket has by then, or of a call that failed the one that was asked for.

use nightjar_events::event::bind::Bind;

use super::{
    call::{Ended, programs},
    endpoint::socket_of,
};

programs!(Bind, tell: bind_told bind_exit, 0 bind_returned);

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (address, len) = (regs.arg1(), u64::from(regs.arg2() as u32));
    ended.on_socket::<Bind>(
        #[inline(always)]
        |ends| {
            let Some(sock) = socket_of(regs.arg0()) else { return };
            ends.own(sock);
            if ended.result < 0 {
                ends.own_at(address, len);
            }
        },
    );
}
