//! Who may build a record in which slot of SCRATCH.
//!
//! On newer kernels a program can be preempted, and the next one on its CPU needs a slot too: that of the CPU is taken
//! then, and it gets one of the spare slots that all CPUs share.

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use nightjar_events::control::SPARE_SLOTS;

use crate::{
    emit::add,
    maps::{SCRATCH, Scratch},
    setting,
};

/// No slot has this number.
const NONE: u32 = u32::MAX;

#[inline(always)]
pub fn of(slot: u32) -> Option<*mut Scratch> {
    SCRATCH.get_ptr_mut(slot)
}

/// The number of a slot that is the caller's until it is given back. A function with a name of its own is one that
/// the verifier checks once, and of whose result it knows nothing: else it would walk the callers for every slot.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn take_slot() -> u32 {
    // SAFETY: no arguments, always succeeds.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if try_slot(cpu) {
        return cpu;
    }
    let mut n = 0;
    while n < SPARE_SLOTS {
        let slot = setting!(cpus) as u32 + (cpu + n) % SPARE_SLOTS;
        if try_slot(slot) {
            return slot;
        }
        n += 1;
    }
    NONE
}

/// Who finds 1 after adding 1 has the slot: whoever else adds meanwhile finds more, takes its one back and goes on.
#[inline(always)]
fn try_slot(slot: u32) -> bool {
    let Some(scratch) = of(slot) else { return false };
    // SAFETY: a map's value; counting is safe for any number of programs at once.
    let taken = unsafe { &(*scratch).taken };
    if taken.get() != 0 {
        return false;
    }
    add(taken.address(), 1);
    if taken.get() == 1 {
        return true;
    }
    add(taken.address(), -1);
    false
}

#[inline(always)]
pub fn give_back(scratch: *mut Scratch) {
    // SAFETY: as above.
    add(unsafe { (*scratch).taken.address() }, -1);
}
