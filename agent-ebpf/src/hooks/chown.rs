//! `chown`.

use nightjar_events::event::{call::NAME, chown::Chown};

use super::call::{CWD, Ended, programs};

programs!(Chown, tell: chown_told chown_exit,
    0 chown_returned 1 lchown_returned 2 fchown_returned 3 fchownat_returned
);

const FCHOWN: u16 = 2;
const FCHOWNAT: u16 = 3;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Chown>(
        #[inline(always)]
        |texts| {
            let (dirfd, name) = match ended.variant {
                FCHOWN => return texts.file::<NAME>(regs.arg0()),
                FCHOWNAT => (regs.arg0(), regs.arg1()),
                _ => (CWD, regs.arg0()),
            };
            texts.path::<NAME>(dirfd, name);
        },
    );
}
