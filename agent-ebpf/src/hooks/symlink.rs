//! `symlink`.

use nightjar_events::event::{
    call::{NAME, NAME_2},
    symlink::Symlink,
};

use super::call::{CWD, Ended, programs};

programs!(Symlink, tell: symlink_told symlink_exit, 0 symlink_returned 1 symlinkat_returned);

const SYMLINK: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (dirfd, name) = match ended.variant {
        SYMLINK => (CWD, regs.arg1()),
        _ => (regs.arg1(), regs.arg2()),
    };
    ended.texts::<Symlink>(
        #[inline(always)]
        |texts| {
            texts.text::<NAME>(regs.arg0());
            texts.path::<NAME_2>(dirfd, name);
        },
    );
}
