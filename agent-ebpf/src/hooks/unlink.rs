//! `unlink`.

use nightjar_events::event::{call::NAME, unlink::Unlink};

use super::call::{CWD, Ended, programs};

programs!(Unlink, tell: unlink_told unlink_exit, 0 unlink_returned 1 unlinkat_returned 2 rmdir_returned);

const UNLINKAT: u16 = 1;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (dirfd, name) = match ended.variant {
        UNLINKAT => (regs.arg0(), regs.arg1()),
        _ => (CWD, regs.arg0()),
    };
    ended.texts::<Unlink>(
        #[inline(always)]
        |texts| texts.path::<NAME>(dirfd, name),
    );
}
