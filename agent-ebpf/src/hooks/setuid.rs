//! `setuid`: the numbers that the caller gave.

use nightjar_events::event::setuid::Setuid;

use super::call::{Ended, programs};

programs!(Setuid, tell: setuid_told setuid_exit,
    0 setuid_returned 1 setgid_returned 2 setreuid_returned 3 setregid_returned 4 setresuid_returned
    5 setresgid_returned 6 setfsuid_returned 7 setfsgid_returned
);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Setuid>();
}
