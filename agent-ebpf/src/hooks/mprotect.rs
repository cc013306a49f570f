//! `mprotect`: of the many calls only those that ask for memory to be run.

use nightjar_events::event::mprotect::{Mprotect, PROT_EXEC};

use super::call::{Ended, programs};

programs!(Mprotect, tell: mprotect_told mprotect_exit, 0 mprotect_returned 1 pkey_mprotect_returned);

#[inline(always)]
fn tell(ended: Ended) {
    if ended.regs.arg2() & PROT_EXEC != 0 {
        ended.numbers::<Mprotect>();
    }
}
