//! The only way out. It zeroes, lets a hook fill, submits, and counts: `seen = submitted + shed + lost`, by event and
//! by cgroup (`cgroups`).

use core::{
    arch::asm,
    ffi::c_void,
    mem::{MaybeUninit, offset_of},
};

use aya_ebpf::helpers::{
    bpf_get_smp_processor_id, bpf_ktime_get_boot_ns,
    generated::{bpf_ringbuf_output, bpf_ringbuf_query},
};
use aya_log_ebpf::debug;
use nightjar_events::{
    Header, Kind,
    event::Page,
    failure::Place,
    ledger::{Counts, Row, Tally},
    schema::Lane,
};

use crate::{
    cgroups, failed, filter,
    maps::{EVENTS, HEAD_MAX, LEDGER},
    read::task::Who,
    scratch, setting,
};

pub use crate::tail::Tail;

const BPF_RB_AVAIL_DATA: u64 = 0;

/// Everything behind the header is a whole number of words, so that zeroing needs no bytes.
#[repr(C)]
struct Fixed<B> {
    header: Header,
    body: B,
}

/// What is known of an event before any work is done for it.
#[derive(Clone, Copy)]
pub struct Stamp {
    pub time: u64,
    /// Whose row of the ledger it is counted in.
    pub cgroup: u64,
}

impl Stamp {
    /// The current process, now.
    #[inline(always)]
    fn now(who: Who) -> Stamp {
        // SAFETY: the helper has no preconditions.
        Stamp { time: unsafe { bpf_ktime_get_boot_ns() }, cgroup: who.cgroup }
    }
}

/// Whose cost for those who are watched counts for more than the time a start takes.
const fn is_frequent(kind: Kind) -> bool {
    matches!(kind, Kind::Open | Kind::Connect | Kind::Dup | Kind::Send | Kind::Receive)
}

#[inline(always)]
fn current_of<B: Page>() -> Who {
    if const { is_frequent(B::KIND) } { Who::current() } else { Who::probed() }
}

/// Emits a record without a tail about the current process. `fill` gets a zeroed body.
#[inline(always)]
pub fn fixed<B: Page + 'static>(variant: u16, fill: impl FnOnce(*mut B)) {
    let who = current_of::<B>();
    let stamp = Stamp::now(who);
    send(stamp, |header| describe(header, variant, stamp, who), fill);
}

/// The same about somebody else: `who` writes all of the header.
#[inline(always)]
pub fn fixed_by<B: Page + 'static>(who: impl FnOnce(*mut Header), fill: impl FnOnce(*mut B)) {
    let mut subject = MaybeUninit::<Header>::uninit();
    who(subject.as_mut_ptr());
    // SAFETY: written by `who`.
    let subject = unsafe { subject.assume_init() };
    let stamp = Stamp { time: subject.time, cgroup: subject.cgroup_id };
    // SAFETY: `send` passes the header of a record that is its own.
    send(stamp, |header| unsafe { header.write(subject) }, fill);
}

#[inline(always)]
fn send<B: Page + 'static>(stamp: Stamp, who: impl FnOnce(*mut Header), fill: impl FnOnce(*mut B)) {
    let Some(tally) = enter::<B>(stamp) else { return };
    let Some(mut slot) = EVENTS.reserve::<Fixed<B>>(0) else {
        failed::count(Place::Ring);
        lose::<B>(tally, stamp);
        return;
    };
    let record = slot.as_mut_ptr();
    zero(record);
    // SAFETY: the slot is ours until it is submitted.
    unsafe {
        who(&raw mut (*record).header);
        (*record).header.kind = B::KIND as u16;
        fill(&raw mut (*record).body);
    }
    slot.submit(0);
    count(tally, offset_of!(Tally, submitted));
}

/// Emits a record with a tail about the current process. `fill` gets a zeroed body and the empty tail.
#[inline(always)]
pub fn tailed<B: Page>(variant: u16, fill: impl FnOnce(*mut B, &Tail)) {
    let who = current_of::<B>();
    let stamp = Stamp::now(who);
    let Some(tally) = enter::<B>(stamp) else { return };
    let slot = scratch::take_slot();
    let Some(tail) = Tail::of(slot) else {
        failed::count(Place::Slot);
        lose::<B>(tally, stamp);
        return;
    };
    let sent = build::<B>(&tail, |header| describe(header, variant, stamp, who), fill);
    scratch::give_back(tail.scratch);
    if sent {
        count(tally, offset_of!(Tally, submitted));
    } else {
        failed::count(Place::Ring);
        lose::<B>(tally, stamp);
    }
}

#[inline(always)]
fn build<B: Page>(tail: &Tail, who: impl FnOnce(*mut Header), fill: impl FnOnce(*mut B, &Tail)) -> bool {
    let head = const { HEAD_MAX - size_of::<Fixed<B>>() };
    // SAFETY: header and body end where the tail begins; the verifier checks every access.
    unsafe {
        let record = (&raw mut (*tail.scratch).head).cast::<u8>().add(head).cast::<Fixed<B>>();
        zero(record);
        who(&raw mut (*record).header);
        (*record).header.kind = B::KIND as u16;
        tail.at().set(0);
        fill(&raw mut (*record).body, tail);
        let len = tail.settled();
        (*record).header.tail_len = len as u32;
        let ring = (&raw const EVENTS).cast_mut().cast::<c_void>();
        bpf_ringbuf_output(ring, record.cast(), size_of::<Fixed<B>>() as u64 + len, 0) == 0
    }
}

/// Counts an event in, and sheds it when it may not pass. One of a cgroup out of scope is none, unless identity needs it.
#[inline(always)]
fn enter<B: Page>(stamp: Stamp) -> Option<*mut Tally> {
    if const { !B::KIND.is_for_identity() } && filter::is_muted(stamp.cgroup) {
        return None;
    }
    let tally = LEDGER.get_ptr_mut(B::KIND as u32)?;
    count(tally, offset_of!(Tally, seen));
    let row = cgroups::row_or_new(stamp);
    if let Some(row) = row {
        count_in::<B>(row, offset_of!(Counts, seen));
    }
    if matches!(B::LANE, Lane::Bulk) && !may_pass(row, stamp) {
        count(tally, offset_of!(Tally, shed));
        if let Some(row) = row {
            count_in::<B>(row, offset_of!(Counts, shed));
        }
        return None;
    }
    Some(tally)
}

/// Whether a bulk event may go into the ring. Its last quarter belongs to the priority lane, and of the rest a cgroup
/// gets what its budget allows.
#[inline(always)]
fn may_pass(row: Option<*mut Row>, stamp: Stamp) -> bool {
    let ring = (&raw const EVENTS).cast_mut().cast::<c_void>();
    // SAFETY: the map exists as long as the program.
    let filled = unsafe { bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) };
    if filled > setting!(bulk_limit) {
        return false;
    }
    row.is_none_or(|row| cgroups::spend(row, stamp.time, filled))
}

#[inline(always)]
fn lose<B: Page>(tally: *mut Tally, stamp: Stamp) {
    count(tally, offset_of!(Tally, lost));
    if let Some(row) = cgroups::row(stamp.cgroup) {
        count_in::<B>(row, offset_of!(Counts, lost));
    }
    // The macro asks for a context and does not use it.
    debug!((), "no room for a record of kind {}", B::KIND as u16);
}

/// Adds one to a column.
#[inline(always)]
fn count(tally: *mut Tally, column: usize) {
    // SAFETY: the column lies within the tally.
    add(unsafe { tally.cast::<u8>().add(column) }.cast(), 1);
}

/// Adds one to a column of a cgroup's row.
#[inline(always)]
fn count_in<B: Page>(row: *mut Row, column: usize) {
    // SAFETY: every kind has its counts in the row, and the column lies within them.
    let counts = unsafe { (&raw mut (*row).counts).cast::<Counts>().add(B::KIND as usize) };
    // SAFETY: as above.
    add(unsafe { counts.cast::<u8>().add(column) }.cast(), 1);
}

/// Adds to a word of a map's value, atomically and with a full barrier: an interrupt or another CPU may use it too.
/// The target has no such method, only the instruction (BPF_XADD).
#[inline(always)]
pub fn add(word: *mut u64, number: i64) {
    // SAFETY: the verifier checks that the word is writable.
    unsafe { asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) word, in(reg) number, options(nostack)) };
}

/// Word by word: `write_bytes` would become a loop over bytes that the verifier has to walk.
#[inline(always)]
pub fn zero<T>(record: *mut T) {
    const { assert!(size_of::<T>().is_multiple_of(8) && align_of::<T>() == 8) };
    let words = record.cast::<u64>();
    let mut i = 0;
    while i < const { size_of::<T>() / 8 } {
        // SAFETY: within `T`, which the caller owns.
        unsafe { core::ptr::write_volatile(words.add(i), 0) };
        i += 1;
    }
}

/// Says of a record that the current process did it, now.
#[inline(always)]
pub fn describe_current(header: *mut Header, variant: u16) {
    let who = Who::current();
    describe(header, variant, Stamp::now(who), who);
}

#[inline(always)]
fn describe(header: *mut Header, variant: u16, stamp: Stamp, who: Who) {
    // SAFETY: `header` is writable; the helpers have no preconditions.
    unsafe {
        (*header).time = stamp.time;
        (*header).cgroup_id = stamp.cgroup;
        (*header).start = who.start;
        (*header).pid = who.pid;
        (*header).tid = who.tid;
        (*header).uid = who.uid;
        (*header).cpu = bpf_get_smp_processor_id();
        (*header).variant = variant;
    }
}
