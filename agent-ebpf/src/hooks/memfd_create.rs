//! `memfd_create`.

use nightjar_events::event::{call::NAME, memfd_create::MemfdCreate};

use super::call::{Ended, programs};

programs!(MemfdCreate, tell: memfd_create_told memfd_create_exit, 0 memfd_create_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.texts::<MemfdCreate>(
        #[inline(always)]
        |texts| texts.text::<NAME>(ended.regs.arg0()),
    );
}
