//! `listen`.

use nightjar_events::event::listen::Listen;

use super::{
    call::{Ended, programs},
    endpoint::socket_of,
};

programs!(Listen, tell: listen_told listen_exit, 0 listen_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.on_socket::<Listen>(
        #[inline(always)]
        |ends| {
            if let Some(sock) = socket_of(ended.regs.arg0()) {
                ends.own(sock);
            }
        },
    );
}
