//! The ledger by cgroup, and the budget for bulk events that each cgroup has.
//!
//! A row is shared by all CPUs: a budget is one wherever a cgroup's threads run, and a row for each CPU would take the
//! memory of a row as often as there are CPUs.

use aya_ebpf::{
    macros::map,
    maps::{Array, LruHashMap},
};
use nightjar_events::{
    failure::Place,
    ledger::{ROWS_MAX, Row},
};

use crate::{
    emit::{Stamp, add},
    failed, setting,
};

#[map]
static CGROUPS: LruHashMap<u64, Row> = LruHashMap::with_max_entries(ROWS_MAX, 0);

/// How many rows were made: those that are not there any more were given to other cgroups.
#[map]
static ROWS_MADE: Array<u64> = Array::with_max_entries(1, 0);

/// What a row begins as. A global, since the stack is too small for it.
static BLANK: Row = Row::BLANK;

const BPF_NOEXIST: u64 = 1;
const SECOND: u64 = 1_000_000_000;

/// The row of a cgroup that is there already.
#[inline(always)]
pub fn row(cgroup: u64) -> Option<*mut Row> {
    CGROUPS.get_ptr_mut(cgroup)
}

/// The row of a cgroup; `None` when none could be made. Its events are counted by event alone then.
#[inline(always)]
pub fn row_or_new(stamp: Stamp) -> Option<*mut Row> {
    row(stamp.cgroup).or_else(|| {
        #[expect(
            clippy::needless_borrows_for_generic_args,
            reason = "by value it would be copied to the stack, which is too small for it"
        )]
        let made = CGROUPS.insert(stamp.cgroup, &BLANK, BPF_NOEXIST).is_ok();
        let row = row(stamp.cgroup);
        failed::unless(row.is_some(), Place::CgroupRow);
        let row = row?;
        if made {
            // SAFETY: a word of a map's value, written by whoever made the row.
            unsafe { core::ptr::write_volatile(&raw mut (*row).made, stamp.time) };
            if let Some(rows) = ROWS_MADE.get_ptr_mut(0) {
                add(rows, 1);
            }
        }
        Some(row)
    })
}

/// Takes a bulk event from a cgroup's budget; false when there is nothing left to take it from. `filled`: bytes that
/// wait in the ring.
///
/// Time earns the budget of each second that has passed, and what is not spent is saved up to the burst. Two CPUs that
/// meet here may earn a second twice or pass one event too many: the budget is a limit of cost, the counts are exact.
#[inline(always)]
pub fn spend(row: *mut Row, time: u64, filled: u64) -> bool {
    let budget = setting!(bulk_budget);
    if budget == 0 {
        return true;
    }
    // SAFETY: words of a map's value, which stays readable and writable until this program ends.
    unsafe {
        let earned = core::ptr::read_volatile(&raw const (*row).earned);
        let mut spent = core::ptr::read_volatile(&raw const (*row).spent);
        if time >= earned + SECOND {
            let seconds = (time - earned) / SECOND;
            spent = spent.saturating_sub(seconds * budget);
            core::ptr::write_volatile(&raw mut (*row).earned, earned + seconds * SECOND);
            core::ptr::write_volatile(&raw mut (*row).spent, spent);
        }
        let limit = if filled > setting!(burst_limit) { budget } else { setting!(bulk_burst) };
        if spent >= limit {
            return false;
        }
        add(&raw mut (*row).spent, 1);
    }
    true
}
