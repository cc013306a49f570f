//! `process_vm`: the numbers that the caller gave.

use nightjar_events::event::process_vm::ProcessVm;

use super::call::{Ended, programs};

programs!(ProcessVm, tell: process_vm_told process_vm_exit,
    0 process_vm_readv_returned 1 process_vm_writev_returned
);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<ProcessVm>();
}
