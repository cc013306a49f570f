//! `setns`: the numbers that the caller gave.

use nightjar_events::event::setns::Setns;

use super::call::{Ended, programs};

programs!(Setns, tell: setns_told setns_exit, 0 setns_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Setns>();
}
