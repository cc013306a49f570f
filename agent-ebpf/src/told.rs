//! Which calls are told already, by thread: what the program at a call's heart leaves for the one at its return.
//!
//! A call is told twice when another thread whose number has the same lower bits is in a call of the same moment.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::Array};
use nightjar_events::Kind;

/// Threads that do not share a place. A power of two.
const PLACES: u32 = 16 * 1024;

/// A place for each thread, by the lower bits of its number.
#[map]
static TOLD: Array<u64> = Array::with_max_entries(PLACES, 0);

/// The place of the current thread, and what is in it when its call is told.
#[inline(always)]
fn place(kind: Kind) -> Option<(*mut u64, u64)> {
    let tid = bpf_get_current_pid_tgid() as u32;
    let mark = u64::from(tid) | (kind as u64 + 1) << 32;
    Some((TOLD.get_ptr_mut(tid & (PLACES - 1))?, mark))
}

/// The current thread's call is told.
#[inline(always)]
pub fn mark(kind: Kind) {
    if let Some((place, mark)) = place(kind) {
        // SAFETY: a word of a map's value.
        unsafe { place.write_volatile(mark) };
    }
}

/// Whether the current thread's call is told. The next one is not.
#[inline(always)]
pub fn take(kind: Kind) -> bool {
    let Some((place, mark)) = place(kind) else { return false };
    // SAFETY: as above.
    unsafe {
        if place.read_volatile() != mark {
            return false;
        }
        place.write_volatile(0);
    }
    true
}
