//! `mkdir`.

use nightjar_events::event::{call::NAME, mkdir::Mkdir};

use super::call::{CWD, Ended, programs};

programs!(Mkdir, tell: mkdir_told mkdir_exit, 0 mkdir_returned 1 mkdirat_returned);

const MKDIR: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (dirfd, name) = match ended.variant {
        MKDIR => (CWD, regs.arg0()),
        _ => (regs.arg0(), regs.arg1()),
    };
    ended.texts::<Mkdir>(
        #[inline(always)]
        |texts| texts.path::<NAME>(dirfd, name),
    );
}
