//! `mmap`: of the very many calls only those for memory that can be run and is anonymous or can be written.

use nightjar_events::event::{
    call::NAME,
    mmap::{MAP_ANONYMOUS, Mmap},
    mprotect::{PROT_EXEC, PROT_WRITE},
};

use super::call::{Ended, programs};

programs!(Mmap, tell: mmap_told mmap_exit, 0 mmap_returned);

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (protection, is_anonymous) = (regs.arg2(), regs.arg3() & MAP_ANONYMOUS != 0);
    if protection & PROT_EXEC == 0 || (protection & PROT_WRITE == 0 && !is_anonymous) {
        return;
    }
    ended.texts::<Mmap>(
        #[inline(always)]
        |texts| {
            if !is_anonymous {
                texts.file::<NAME>(regs.arg4());
            }
        },
    );
}
