//! `link`.

use nightjar_events::event::{
    call::{NAME, NAME_2},
    link::Link,
};

use super::call::{CWD, Ended, programs};

programs!(Link, tell: link_told link_exit, 0 link_returned 1 linkat_returned);

const LINK: u16 = 0;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (from, to) = match ended.variant {
        LINK => ((CWD, regs.arg0()), (CWD, regs.arg1())),
        _ => ((regs.arg0(), regs.arg1()), (regs.arg2(), regs.arg3())),
    };
    ended.texts::<Link>(
        #[inline(always)]
        |texts| {
            texts.path::<NAME>(from.0, from.1);
            texts.path::<NAME_2>(to.0, to.1);
        },
    );
}
