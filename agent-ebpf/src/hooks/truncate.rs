//! `truncate`.

use nightjar_events::event::{call::NAME, truncate::Truncate};

use super::call::{CWD, Ended, programs};

programs!(Truncate, tell: truncate_told truncate_exit, 0 truncate_returned 1 ftruncate_returned);

const TRUNCATE: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Truncate>(
        #[inline(always)]
        |texts| match ended.variant {
            TRUNCATE => texts.path::<NAME>(CWD, regs.arg0()),
            _ => texts.file::<NAME>(regs.arg0()),
        },
    );
}
