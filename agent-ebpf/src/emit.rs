//! The only way out. It zeroes, lets a hook fill, submits, and counts: `seen = submitted + shed + lost`.

use core::{arch::asm, ffi::c_void, mem::offset_of};

use aya_ebpf::helpers::{
    bpf_get_current_uid_gid, bpf_get_smp_processor_id, bpf_ktime_get_boot_ns,
    generated::{
        bpf_probe_read_kernel, bpf_probe_read_user, bpf_probe_read_user_str, bpf_ringbuf_output,
        bpf_ringbuf_query,
    },
};
use aya_log_ebpf::debug;
use nightjar_events::{
    Header, Span,
    control::Tally,
    event::Page,
    schema::Lane,
    wire::{ARGV_MAX, NAME_MAX, PATH_MAX, TAIL_MAX},
};

use crate::{
    maps::{EVENTS, HEAD_MAX, LEDGER, Scratch, Walk, Word},
    read::{cgroup, mask, task::Task, unrelated},
    scratch, setting,
};

const BPF_RB_AVAIL_DATA: u64 = 0;

/// Everything behind the header is a whole number of words, so that zeroing needs no bytes.
#[repr(C)]
struct Fixed<B> {
    header: Header,
    body: B,
}

/// Emits a record without a tail about the current process. `fill` gets a zeroed body.
#[inline(always)]
pub fn fixed<B: Page + 'static>(variant: u16, fill: impl FnOnce(*mut B)) {
    fixed_by::<B>(|header| describe_current(header, variant), fill);
}

/// The same about somebody else: `who` fills the header's subject.
#[inline(always)]
pub fn fixed_by<B: Page + 'static>(who: impl FnOnce(*mut Header), fill: impl FnOnce(*mut B)) {
    let Some(tally) = enter::<B>() else { return };
    let Some(mut slot) = EVENTS.reserve::<Fixed<B>>(0) else {
        lose::<B>(tally);
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
    let Some(tally) = enter::<B>() else { return };
    let slot = scratch::take_slot();
    let Some(tail) = Tail::of(slot) else {
        lose::<B>(tally);
        return;
    };
    let sent = build::<B>(&tail, variant, fill);
    scratch::give_back(tail.scratch);
    if sent {
        count(tally, offset_of!(Tally, submitted));
    } else {
        lose::<B>(tally);
    }
}

#[inline(always)]
fn build<B: Page>(tail: &Tail, variant: u16, fill: impl FnOnce(*mut B, &Tail)) -> bool {
    let head = const { HEAD_MAX - size_of::<Fixed<B>>() };
    // SAFETY: header and body end where the tail begins; the verifier checks every access.
    unsafe {
        let record = (&raw mut (*tail.scratch).head).cast::<u8>().add(head).cast::<Fixed<B>>();
        zero(record);
        describe_current(&raw mut (*record).header, variant);
        (*record).header.kind = B::KIND as u16;
        tail.at().set(0);
        fill(&raw mut (*record).body, tail);
        let len = tail.settled();
        (*record).header.tail_len = len as u32;
        let ring = (&raw const EVENTS).cast_mut().cast::<c_void>();
        bpf_ringbuf_output(ring, record.cast(), size_of::<Fixed<B>>() as u64 + len, 0) == 0
    }
}

/// Counts an event in, and sheds it when it is a bulk event and the ring is nearly full. The rest of the ring
/// belongs to the priority lane.
#[inline(always)]
fn enter<B: Page>() -> Option<*mut Tally> {
    let tally = LEDGER.get_ptr_mut(B::KIND as u32)?;
    count(tally, offset_of!(Tally, seen));
    if matches!(B::LANE, Lane::Bulk) {
        let ring = (&raw const EVENTS).cast_mut().cast::<c_void>();
        // SAFETY: the map exists as long as the program.
        if unsafe { bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) } > setting!(bulk_limit) {
            count(tally, offset_of!(Tally, shed));
            return None;
        }
    }
    Some(tally)
}

#[inline(always)]
fn lose<B: Page>(tally: *mut Tally) {
    count(tally, offset_of!(Tally, lost));
    // The macro asks for a context and does not use it.
    debug!((), "no room for a record of kind {}", B::KIND as u16);
}

/// Adds one to a column.
#[inline(always)]
fn count(tally: *mut Tally, column: usize) {
    // SAFETY: the column lies within the tally.
    add(unsafe { tally.cast::<u8>().add(column) }.cast(), 1);
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
    let task = Task::current();
    // SAFETY: `header` is writable; the helpers have no preconditions.
    unsafe {
        (*header).time = bpf_ktime_get_boot_ns();
        (*header).cgroup_id = cgroup::id_of(task);
        (*header).start = task.leader().start();
        (*header).pid = task.tgid();
        (*header).tid = task.tid();
        (*header).uid = bpf_get_current_uid_gid() as u32;
        (*header).cpu = bpf_get_smp_processor_id();
        (*header).variant = variant;
    }
}

/// The part of a record whose length varies. It never leaves `0..TAIL_MAX`; the scratch has slack behind it for the
/// longest single piece.
pub struct Tail {
    scratch: *mut Scratch,
    pub slot: u32,
}

impl Tail {
    /// That of the record which is being built in a slot; `None` when there is no such slot.
    #[inline(always)]
    pub fn of(slot: u32) -> Option<Tail> {
        Some(Tail { scratch: scratch::of(slot)?, slot })
    }

    #[inline(always)]
    fn at(&self) -> &Word {
        // SAFETY: the slot is ours until the record is sent.
        unsafe { &(*self.scratch).at }
    }

    #[inline(always)]
    pub fn walk(&self) -> &Walk {
        // SAFETY: as above.
        unsafe { &(*self.scratch).walk }
    }

    #[inline(always)]
    pub fn position(&self) -> u64 {
        self.at().get()
    }

    #[inline(always)]
    pub fn span_from(&self, begin: u64, state: u16) -> Span {
        Span { off: begin as u16, len: (self.position() - begin) as u16, state, reserved: 0 }
    }

    #[inline(always)]
    fn settled(&self) -> u64 {
        mask::<{ TAIL_MAX as u32 - 1 }>(self.position())
    }

    #[inline(always)]
    fn here(&self) -> *mut u8 {
        // SAFETY: within the tail, since masked.
        unsafe { (&raw mut (*self.scratch).tail).cast::<u8>().add(self.settled() as usize) }
    }

    #[inline(always)]
    fn grow(&self, by: u64) {
        self.at().set(self.position() + by);
    }

    /// Appends at most NAME_MAX bytes of kernel memory, and a NUL.
    #[inline(always)]
    pub fn component(&self, address: u64, len: u64) {
        let to = self.here();
        let len = mask::<{ NAME_MAX as u32 }>(len);
        // SAFETY: the slack is larger than NAME_MAX.
        unsafe {
            bpf_probe_read_kernel(to.cast(), len as u32, address as *const c_void);
            *to.add(mask::<{ NAME_MAX as u32 }>(len) as usize) = 0;
        }
        self.grow(len + 1);
    }

    /// Appends at most ARGV_MAX bytes of user memory.
    #[inline(always)]
    pub fn user_bytes(&self, address: u64, len: u64) -> Span {
        let begin = self.position();
        let whole = len <= ARGV_MAX as u64;
        let len = mask::<{ ARGV_MAX as u32 }>(if whole { len } else { ARGV_MAX as u64 });
        let to = self.here();
        // SAFETY: `len` is at most ARGV_MAX, the slack is larger.
        if unsafe { bpf_probe_read_user(to.cast(), len as u32, address as *const c_void) } != 0 {
            return self.span_from(begin, Span::FAULT);
        }
        self.grow(len);
        self.span_from(begin, if whole { Span::WHOLE } else { Span::CUT })
    }

    /// Appends at most NAME bytes of kernel memory.
    #[inline(always)]
    pub fn kernel_bytes<const LIMIT: u32>(&self, address: u64, len: u64) -> Span {
        let begin = self.position();
        let whole = len <= u64::from(LIMIT);
        let len = mask::<LIMIT>(if whole { len } else { u64::from(LIMIT) });
        let to = self.here();
        // SAFETY: `len` is at most LIMIT, the slack is larger.
        if unsafe { bpf_probe_read_kernel(to.cast(), len as u32, address as *const c_void) } != 0 {
            return self.span_from(begin, Span::FAULT);
        }
        self.grow(len);
        self.span_from(begin, if whole { Span::WHOLE } else { Span::CUT })
    }

    /// Appends a NUL-ended path from user memory, without its NUL.
    #[inline(always)]
    pub fn user_path(&self, address: u64) -> Span {
        self.string(address, bpf_probe_read_user_str)
    }

    /// The same from kernel memory.
    #[inline(always)]
    pub fn kernel_path(&self, address: u64) -> Span {
        self.string(address, aya_ebpf::helpers::generated::bpf_probe_read_kernel_str)
    }

    #[inline(always)]
    fn string(&self, address: u64, read: unsafe fn(*mut c_void, u32, *const c_void) -> i64) -> Span {
        let begin = self.position();
        let to = self.here();
        // One byte more than the longest whole path with its NUL, so that a longer one shows.
        // SAFETY: the slack is larger than PATH_MAX + 1.
        let got = unrelated(unsafe { read(to.cast(), PATH_MAX as u32 + 1, address as *const c_void) } as u64);
        if got > PATH_MAX as u64 + 1 {
            return self.span_from(begin, Span::FAULT);
        }
        if got == 0 {
            return self.span_from(begin, Span::WHOLE);
        }
        self.grow(got - 1);
        self.span_from(begin, if got > PATH_MAX as u64 { Span::CUT } else { Span::WHOLE })
    }
}
