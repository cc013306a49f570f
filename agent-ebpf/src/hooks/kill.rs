//! `kill`: the numbers that the caller gave.

use nightjar_events::event::kill::Kill;

use super::call::{Ended, programs};

programs!(Kill, tell: kill_told kill_exit, 0 kill_returned 1 tkill_returned 2 tgkill_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Kill>();
}
