//! `userfaultfd`: the numbers that the caller gave.

use nightjar_events::event::userfaultfd::Userfaultfd;

use super::call::{Ended, programs};

programs!(Userfaultfd, tell: userfaultfd_told userfaultfd_exit, 0 userfaultfd_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Userfaultfd>();
}
