//! `fsmount`.

use nightjar_events::event::{
    call::{DIR_2, NAME, NAME_2},
    fsmount::{FSCONFIG_SET_PATH, FSCONFIG_SET_PATH_EMPTY, FSCONFIG_SET_STRING, Fsmount},
};

use super::call::{Ended, programs};

programs!(Fsmount, tell: fsmount_told fsmount_exit,
    0 fsopen_returned 1 fspick_returned 2 fsconfig_returned 3 fsmount_returned 4 open_tree_returned
);

const FSOPEN: u16 = 0;
const FSCONFIG: u16 = 2;
const FSMOUNT: u16 = 3;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Fsmount>(
        #[inline(always)]
        |texts| match ended.variant {
            FSOPEN => texts.text::<NAME_2>(regs.arg0()),
            FSMOUNT => {}
            FSCONFIG => {
                texts.text::<NAME_2>(regs.arg2());
                if let FSCONFIG_SET_STRING | FSCONFIG_SET_PATH | FSCONFIG_SET_PATH_EMPTY = regs.arg1() as u32
                {
                    texts.text::<DIR_2>(regs.arg3());
                }
            }
            _ => texts.path::<NAME>(regs.arg0(), regs.arg1()),
        },
    );
}
