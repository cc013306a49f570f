//! `module`.

use nightjar_events::event::{
    call::{NAME, NAME_2},
    module::Module,
};

use super::call::{Ended, programs};

programs!(Module, tell: module_told module_exit,
    0 init_module_returned 1 finit_module_returned 2 delete_module_returned
);

const INIT_MODULE: u16 = 0;
const FINIT_MODULE: u16 = 1;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Module>(
        #[inline(always)]
        |texts| match ended.variant {
            INIT_MODULE => texts.text::<NAME_2>(regs.arg2()),
            FINIT_MODULE => {
                texts.file::<NAME>(regs.arg0());
                texts.text::<NAME_2>(regs.arg1());
            }
            _ => texts.text::<NAME>(regs.arg0()),
        },
    );
}
