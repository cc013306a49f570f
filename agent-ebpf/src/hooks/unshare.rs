//! `unshare`: the numbers that the caller gave.

use nightjar_events::event::unshare::Unshare;

use super::call::{Ended, programs};

programs!(Unshare, tell: unshare_told unshare_exit, 0 unshare_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Unshare>();
}
