//! `perf_event_open`: the numbers that the caller gave, and from its `struct perf_event_attr` what it is about.

use nightjar_events::event::perf_event_open::PerfEventOpen;

use super::call::{Ended, programs};
use crate::read::user;

programs!(PerfEventOpen, tell: perf_event_open_told perf_event_open_exit, 0 perf_event_open_returned);

/// `perf_event_attr::config` (include/uapi/linux/perf_event.h), behind `type` and `size`.
const CONFIG: u64 = 8;

#[inline(always)]
fn tell(ended: Ended) {
    let attributes = ended.regs.arg0();
    ended.numbers_and::<PerfEventOpen>(
        #[inline(always)]
        |args| {
            args.put::<0>(user::<u32>(attributes).into());
            args.put::<5>(user(attributes + CONFIG));
        },
    );
}
