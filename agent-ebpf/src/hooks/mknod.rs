//! `mknod`.

use nightjar_events::event::{call::NAME, mknod::Mknod};

use super::call::{CWD, Ended, programs};

programs!(Mknod, tell: mknod_told mknod_exit, 0 mknod_returned 1 mknodat_returned);

const MKNOD: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (dirfd, name) = match ended.variant {
        MKNOD => (CWD, regs.arg0()),
        _ => (regs.arg0(), regs.arg1()),
    };
    ended.texts::<Mknod>(
        #[inline(always)]
        |texts| texts.path::<NAME>(dirfd, name),
    );
}
