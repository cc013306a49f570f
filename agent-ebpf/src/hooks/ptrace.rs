//! `ptrace`: the numbers that the caller gave.

use nightjar_events::event::ptrace::Ptrace;

use super::call::{Ended, programs};

programs!(Ptrace, tell: ptrace_told ptrace_exit, 0 ptrace_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Ptrace>();
}
