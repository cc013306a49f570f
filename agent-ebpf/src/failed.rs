//! Counts what failed, by place (`nightjar_events::failure`).

use aya_ebpf::{macros::map, maps::PerCpuArray};
use nightjar_events::{failure::Place, wire::Span};

use crate::emit::add;

#[map]
static FAILURES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Place::COUNT as u32, 0);

#[inline(always)]
pub fn count(place: Place) {
    count_failure(place as u32);
}

/// Counts an act that did not work; whether it did.
#[inline(always)]
pub fn unless(done: bool, place: Place) -> bool {
    if !done {
        count(place);
    }
    done
}

/// The same of what was read into a tail.
#[inline(always)]
pub fn unless_read(span: Span, place: Place) -> Span {
    if span.state == Span::FAULT {
        count(place);
    }
    span
}

/// A function with a name of its own is one that the verifier checks once, and not at every place.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_failure(place: u32) -> u32 {
    add_one(place);
    0
}

/// The same without a call, where the frames of the callers leave no room for one more: together they may have 512
/// bytes.
#[inline(always)]
pub fn count_in_place(place: Place) {
    add_one(place as u32);
}

#[inline(always)]
fn add_one(place: u32) {
    if let Some(times) = FAILURES.get_ptr_mut(place) {
        add(times, 1);
    }
}
