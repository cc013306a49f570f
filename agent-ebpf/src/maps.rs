//! Maps and injected constants that programs share. A map that one hook alone needs lives in that hook's file.

use core::cell::UnsafeCell;

use aya_ebpf::{
    macros::map,
    maps::{Array, PerCpuArray, RingBuf},
};
use nightjar_events::{
    Header, Kind,
    control::{ABSENT, Numbers, Offsets, Settings, VARIANTS_MAX},
    ledger::Tally,
    wire::{ARGV_MAX, TAIL_MAX},
};

/// Records on their way to the daemon, which sets the size at start.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// One column per `Kind`.
#[map]
pub static LEDGER: PerCpuArray<Tally> = PerCpuArray::with_max_entries(Kind::COUNT as u32, 0);

/// Room to build records with a tail in: a slot for each CPU and `SPARE_SLOTS` more; the daemon sets the number at
/// start. Not a per-CPU map: the values of those are limited to 32 KiB.
#[map]
pub static SCRATCH: Array<Scratch> = Array::with_max_entries(1, 0);

/// Where header and body end and the tail begins.
pub const HEAD_MAX: usize = 512;

#[repr(C, align(8))]
pub struct Scratch {
    /// How many programs hold the slot or are about to see that they cannot have it (`scratch.rs`).
    pub taken: Word,
    /// How much of `tail` is written.
    pub at: Word,
    pub walk: Walk,
    /// Header and body lie at the end of `head`, so that the tail follows them whatever their size.
    pub head: [u8; HEAD_MAX],
    pub tail: [u8; TAIL_MAX],
    /// Never written: the verifier bounds position and length separately.
    pub slack: [u8; ARGV_MAX + 1],
}

/// What a path walk carries from one round to the next. The verifier knows nothing about a number that comes from a
/// map's value, so every round looks like the one before and is not walked in all its variants.
#[repr(C)]
pub struct Walk {
    pub mount: Word,
    pub dentry: Word,
    /// The dentry at which the mount begins.
    pub mount_root: Word,
    /// The task's root.
    pub root_mount: Word,
    pub root_dentry: Word,
    /// Where in the tail the path begins.
    pub begin: Word,
    /// Rounds that are left.
    pub rounds: Word,
    pub entry: Entry,
}

/// The members of a `struct dentry` from `d_parent` to the name it holds itself, which have followed one another in
/// every kernel from 5.10 to 7.2 (include/linux/dcache.h): read at once, for a third of what one by one costs. Here
/// and not on the stack, of which a call three deep has too little.
#[repr(C)]
pub struct Entry {
    pub parent: Word,
    /// The name's hash, and in the upper half its length.
    pub hash_len: Word,
    pub name: Word,
    pub inode: Word,
    pub short: [Word; 4],
}

/// A number in a map's value that is read and written where the source says so.
#[repr(transparent)]
pub struct Word(UnsafeCell<u64>);

// SAFETY: reads and writes of a word are whole; what they mean to two programs at once is up to `scratch.rs`.
unsafe impl Sync for Word {}

impl Word {
    #[inline(always)]
    pub fn get(&self) -> u64 {
        // SAFETY: the word is valid as long as its map's value, of which `self` is a part.
        unsafe { core::ptr::read_volatile(self.0.get()) }
    }

    #[inline(always)]
    pub fn address(&self) -> *mut u64 {
        self.0.get()
    }

    #[inline(always)]
    pub fn set(&self, value: u64) {
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(self.0.get(), value) }
    }
}

const _: () = assert!(size_of::<Header>() + size_of::<nightjar_events::event::exec::Exec>() <= HEAD_MAX);

#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets::NONE;

#[unsafe(no_mangle)]
pub static SETTINGS: Settings = Settings::NONE;

#[unsafe(no_mangle)]
pub static NUMBERS: Numbers = [[ABSENT; VARIANTS_MAX]; Kind::COUNT];

/// Where a member lies: `offset!(task_tgid)`.
#[macro_export]
macro_rules! offset {
    ($name:ident) => {
        $crate::maps::constant(&raw const $crate::maps::OFFSETS.$name)
    };
}

/// What the daemon decided: `setting!(self_pid)`.
#[macro_export]
macro_rules! setting {
    ($name:ident) => {
        $crate::maps::constant(&raw const $crate::maps::SETTINGS.$name)
    };
}

/// A member of `OFFSETS` or `SETTINGS`. Volatile, or rustc would fold in the value of the object file.
#[inline(always)]
pub fn constant(member: *const u64) -> u64 {
    // SAFETY: a word of a global of this object that is never written after the load.
    unsafe { core::ptr::read_volatile(member) }
}
