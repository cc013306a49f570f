//! `chmod`.

use nightjar_events::event::{call::NAME, chmod::Chmod};

use super::call::{CWD, Ended, programs};

programs!(Chmod, tell: chmod_told chmod_exit,
    0 chmod_returned 1 fchmod_returned 2 fchmodat_returned 3 fchmodat2_returned
);

const CHMOD: u16 = 0;
const FCHMOD: u16 = 1;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Chmod>(
        #[inline(always)]
        |texts| {
            let (dirfd, name) = match ended.variant {
                CHMOD => (CWD, regs.arg0()),
                FCHMOD => return texts.file::<NAME>(regs.arg0()),
                _ => (regs.arg0(), regs.arg1()),
            };
            texts.path::<NAME>(dirfd, name);
        },
    );
}
