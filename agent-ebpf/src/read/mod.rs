//! Kernel structs → plain values. All knowledge of offsets and kernel versions is here and in `control::Offsets`.
//!
//! Addresses are plain numbers, read through bpf_probe_read_kernel: it works in every program type, and a stale
//! pointer reads as zero instead of a fault.

pub mod call;
pub mod cgroup;
pub mod file;
pub mod path;
pub mod regs;
pub mod socket;
pub mod task;

use core::{arch::asm, ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};

/// Reads a `T` at a kernel address. `T` must be made of integers. Zero when the address cannot be read: the helper
/// clears its destination then (since 5.5).
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of `value` in every case; integers have no invalid bits.
    unsafe {
        bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const c_void);
        value.assume_init()
    }
}

/// The same at an address of the running process.
#[inline(always)]
pub fn user<T: Copy>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as above; the helper checks the address.
    unsafe {
        bpf_probe_read_user(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const c_void);
        value.assume_init()
    }
}

/// Loads a `T` through a kernel pointer of which the verifier knows that `T` is there: a fraction of what a read costs.
///
/// # Safety
///
/// The address is such a pointer plus a member's offset.
#[inline(always)]
pub unsafe fn load<T: Copy>(address: u64) -> T {
    // SAFETY: the verifier checks it; a stale pointer reads as zero.
    unsafe { core::ptr::read_volatile(address as *const T) }
}

/// How kernel memory is got at. What reads by the helper and what loads is the same code then.
pub trait Access {
    fn get<T: Copy>(address: u64) -> T;
}

/// By loads, through pointers of which the verifier knows the type, and what they lead to.
pub struct Typed;

/// By the helper, from any address.
pub struct Probed;

impl Access for Typed {
    #[inline(always)]
    fn get<T: Copy>(address: u64) -> T {
        // SAFETY: the verifier refuses a program in which it is no such address.
        unsafe { load(address) }
    }
}

impl Access for Probed {
    #[inline(always)]
    fn get<T: Copy>(address: u64) -> T {
        read(address)
    }
}

/// Whether two addresses are the same. The verifier allows no arithmetic on pointers of which it knows the type, and
/// the optimiser would make some of a plain comparison.
#[inline(always)]
pub fn same(a: u64, b: u64) -> bool {
    moved(a) == moved(b)
}

/// The same number or pointer, of which the optimiser does not know where it came from, but the verifier does.
#[inline(always)]
pub fn moved(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: a register that is given its own value.
    unsafe { asm!("{0} = {0}", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The beginning of a kernel struct, read at once: for a third of what its members cost one by one. What lies beyond is
/// read when it is asked for.
pub struct Block<const WORDS: usize> {
    address: u64,
    bytes: MaybeUninit<[u64; WORDS]>,
}

impl<const WORDS: usize> Block<WORDS> {
    #[inline(always)]
    pub fn of(address: u64) -> Self {
        let mut bytes = MaybeUninit::<[u64; WORDS]>::uninit();
        // SAFETY: the helper writes all of it in every case.
        unsafe {
            bpf_probe_read_kernel(bytes.as_mut_ptr().cast(), 8 * WORDS as u32, address as *const c_void)
        };
        Block { address, bytes }
    }

    #[inline(always)]
    pub fn get<T: Copy>(&self, offset: u64) -> T {
        if offset > const { (8 * WORDS - size_of::<T>()) as u64 } {
            return read(self.address + offset);
        }
        // SAFETY: within what was read; integers have no invalid bits, and members are aligned.
        unsafe { core::ptr::read_volatile(self.bytes.as_ptr().cast::<u8>().add(offset as usize).cast()) }
    }
}

/// The word at `from + AT`, aligned or not. The compiler would take it byte by byte, since it does not know that the
/// machine needs no alignment; where the kernel is built for one that does, it refuses the program.
///
/// # Safety
///
/// Memory that the program may read: the verifier checks it.
#[inline(always)]
pub unsafe fn word<const AT: i16>(from: *const u8) -> u64 {
    let value: u64;
    // SAFETY: as the caller promises.
    unsafe {
        asm!("{0} = *(u64 *)({1} + {at})", out(reg) value, in(reg) from, at = const AT, options(nostack, readonly))
    };
    value
}

/// Puts a word at `to + AT`, aligned or not.
///
/// # Safety
///
/// Memory that the program may write: the verifier checks it.
#[inline(always)]
pub unsafe fn put_word<const AT: i16>(to: *mut u8, value: u64) {
    // SAFETY: as the caller promises.
    unsafe { asm!("*(u64 *)({0} + {at}) = {1}", in(reg) to, in(reg) value, at = const AT, options(nostack)) };
}

/// The same number, of which neither optimiser nor verifier knows where it came from. What a comparison teaches the
/// verifier about it does not carry over to the original: without that, no two rounds of a loop look alike to it,
/// and it walks them all.
#[inline(always)]
pub fn unrelated(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: one arithmetic instruction on one register, without effect on its value.
    unsafe { asm!("{0} |= 0", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// `value & MASK`, written here and nowhere else. Use right before the access it bounds: before 5.16 the verifier
/// forgets the bounds of a number that was spilled to the stack.
#[inline(always)]
pub fn mask<const MASK: u32>(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: one arithmetic instruction on one register.
    unsafe { asm!("{0} &= {m}", inout(reg) value, m = const MASK, options(nomem, nostack, preserves_flags)) };
    value
}
