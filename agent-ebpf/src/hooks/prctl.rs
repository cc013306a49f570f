//! `prctl`.

use nightjar_events::event::{call::NAME, prctl::Prctl};

use super::call::{Ended, programs};

programs!(Prctl, tell: prctl_told prctl_exit, 0 prctl_returned);

/// Its second argument is a text (include/uapi/linux/prctl.h).
const PR_SET_NAME: u32 = 15;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Prctl>(
        #[inline(always)]
        |texts| {
            if regs.arg0() as u32 == PR_SET_NAME {
                texts.text::<NAME>(regs.arg1());
            }
        },
    );
}
