//! `bpf`: the numbers that the caller gave.

use nightjar_events::event::bpf::Bpf;

use super::call::{Ended, programs};

programs!(Bpf, tell: bpf_told bpf_exit, 0 bpf_returned);

#[inline(always)]
fn tell(ended: Ended) {
    ended.numbers::<Bpf>();
}
