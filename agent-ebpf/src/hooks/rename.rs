//! `rename`.

use nightjar_events::event::{
    call::{NAME, NAME_2},
    rename::Rename,
};

use super::call::{CWD, Ended, programs};

programs!(Rename, tell: rename_told rename_exit, 0 rename_returned 1 renameat_returned 2 renameat2_returned);

const RENAME: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (from, to) = match ended.variant {
        RENAME => ((CWD, regs.arg0()), (CWD, regs.arg1())),
        _ => ((regs.arg0(), regs.arg1()), (regs.arg2(), regs.arg3())),
    };
    ended.texts::<Rename>(
        #[inline(always)]
        |texts| {
            texts.path::<NAME>(from.0, from.1);
            texts.path::<NAME_2>(to.0, to.1);
        },
    );
}
