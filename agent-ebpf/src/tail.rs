//! The part of a record whose length varies: what a hook appends to it, and that it stays within its bounds.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use nightjar_events::{
    Span,
    failure::Place,
    wire::{ARGV_MAX, NAME_MAX, PATH_MAX, TAIL_MAX},
};

use crate::{
    failed,
    maps::{Scratch, Walk, Word},
    read::{mask, put_word, unrelated, word},
    scratch,
};

/// A component that is shorter lies in its dentry (DNAME_INLINE_LEN of 64-bit kernels, include/linux/dcache.h: 32 up to
/// 6.12, then 40).
pub const SHORT_NAME: u64 = 32;

/// How much of a string is read at a time, and how often.
const PIECE: usize = 32;
const PIECES_MAX: usize = 4;

/// Bytes before the first NUL in a word; `None` when there is none.
#[inline(always)]
fn length(word: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The lowest bit that is set is the top bit of the first NUL.
    let marks = word.wrapping_sub(ONES) & !word & (ONES << 7);
    let first = marks & marks.wrapping_neg();
    // A factor whose top byte is the number of the byte that the mark has been shifted to.
    if marks == 0 { None } else { Some((first >> 7).wrapping_mul(0x0001_0203_0405_0607) >> 56) }
}

/// The part of a record whose length varies. It never leaves `0..TAIL_MAX`; the scratch has slack behind it for the
/// longest single piece.
pub struct Tail {
    pub scratch: *mut Scratch,
    pub slot: u32,
}

impl Tail {
    /// That of the record which is being built in a slot; `None` when there is no such slot.
    #[inline(always)]
    pub fn of(slot: u32) -> Option<Tail> {
        Some(Tail { scratch: scratch::of(slot)?, slot })
    }

    #[inline(always)]
    pub fn at(&self) -> &Word {
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
    pub fn settled(&self) -> u64 {
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

    /// Puts at most NAME_MAX bytes of kernel memory and a NUL at a position; gives the one behind them.
    #[inline(always)]
    pub fn component_at(&self, position: u64, address: u64, len: u64) -> u64 {
        let position = mask::<{ TAIL_MAX as u32 - 1 }>(position);
        let len = mask::<{ NAME_MAX as u32 }>(len);
        // SAFETY: within the tail, since masked; the slack is larger than NAME_MAX.
        unsafe {
            let to = (&raw mut (*self.scratch).tail).cast::<u8>().add(position as usize);
            if bpf_probe_read_kernel(to.cast(), len as u32, address as *const c_void) != 0 {
                failed::count_in_place(Place::PathComponent);
            }
            *to.add(mask::<{ NAME_MAX as u32 }>(len) as usize) = 0;
        }
        position + len + 1
    }

    /// Puts a component of less than `SHORT_NAME` bytes and a NUL at a position, word by word: what is written too much
    /// is written over by what follows.
    #[inline(always)]
    pub fn short_component_at(&self, position: u64, len: u64, name: impl Fn(u64) -> u64) -> u64 {
        let position = mask::<{ TAIL_MAX as u32 - 1 }>(position);
        let len = mask::<{ SHORT_NAME as u32 - 1 }>(len);
        // SAFETY: as above.
        unsafe {
            let to = (&raw mut (*self.scratch).tail).cast::<u8>().add(position as usize);
            put_word::<0>(to, name(0));
            if len >= 8 {
                put_word::<8>(to, name(8));
            }
            if len >= 16 {
                put_word::<16>(to, name(16));
                put_word::<24>(to, name(24));
            }
            *to.add(mask::<{ SHORT_NAME as u32 - 1 }>(len) as usize) = 0;
        }
        position + len + 1
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

    /// The same from kernel memory. In pieces as long as they can be read whole, since the helper for strings takes
    /// them byte by byte.
    #[inline(always)]
    pub fn kernel_path(&self, address: u64) -> Span {
        let begin = self.position();
        let to = self.here();
        let mut at = 0;
        while at < PIECES_MAX * PIECE {
            // SAFETY: within the slack; the address of the piece wraps with a wild one, which the helper refuses.
            unsafe {
                let from = address.wrapping_add(at as u64) as *const c_void;
                if bpf_probe_read_kernel(to.add(at).cast(), PIECE as u32, from) != 0 {
                    break;
                }
                let end = at + PIECE;
                while at < end {
                    if let Some(len) = length(word::<0>(to.add(at))) {
                        self.grow(unrelated(at as u64 + len));
                        return self.span_from(begin, Span::WHOLE);
                    }
                    at += 8;
                }
            }
        }
        failed::unless_read(self.string(address, bpf_probe_read_kernel_str), Place::KernelText)
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
