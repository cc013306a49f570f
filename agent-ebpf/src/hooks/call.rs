//! Events that are system calls: seen where a call ends, filled from the caller's saved registers and from what those
//! point to. The pages are those of `events::event::call`.
//!
//! By fentry each call has a program of its own at the function that the table of system calls names; by tracepoint one
//! program serves all calls of an event and tells them apart by their number. 32-bit calls go through neither, and what
//! an io_uring is asked to do is no call.

use aya_ebpf::EbpfContext;
use nightjar_events::{
    Span,
    control::VARIANTS_MAX,
    event::{
        Page,
        call::{Call, CallPage},
    },
};

use super::{arg, number};
use crate::{
    emit::{self, Tail},
    maps::{self, NUMBERS},
    offset,
    read::{file::File, path, read, regs::Regs, task::Task, user},
};

const AT_FDCWD: i32 = -100;
/// The descriptor of calls that take a path alone.
pub const CWD: u64 = AT_FDCWD as u64;

/// A call that has ended.
#[derive(Clone, Copy)]
pub struct Ended {
    pub regs: Regs,
    pub result: i64,
    pub variant: u16,
}

impl Ended {
    #[inline(always)]
    pub fn new(result: i64, variant: u64) -> Ended {
        Ended { regs: Regs::current(), result, variant: variant as u16 }
    }
}

/// What a call's function returned, behind its one argument.
#[inline(always)]
pub fn function_result<C: EbpfContext>(ctx: &C) -> i64 {
    arg(ctx, 1) as i64
}

/// Which of an event's calls it was, at the tracepoint of its exit; `None`: none of them.
#[inline(always)]
pub fn variant<P: Page, C: EbpfContext>(ctx: &C) -> Option<u64> {
    let number = number(ctx);
    let mut variant = 0;
    while variant < VARIANTS_MAX {
        if number == maps::constant(&raw const NUMBERS[P::KIND as usize][variant]) {
            return Some(variant as u64);
        }
        variant += 1;
    }
    None
}

impl Ended {
    /// Emits a record of the numbers alone.
    #[inline(always)]
    pub fn numbers<P: CallPage + 'static>(self) {
        emit::fixed::<P>(self.variant, |body| self.fill(body.cast()));
    }

    /// The same, but for what `fill` knows better.
    #[inline(always)]
    pub fn numbers_and<P: CallPage + 'static>(self, fill: impl FnOnce(Args)) {
        emit::fixed::<P>(
            self.variant,
            #[inline(always)]
            |body| {
                let call = body.cast::<Call>();
                self.fill(call);
                fill(Args(call));
            },
        );
    }

    /// Emits a record with texts. `fill` says which.
    #[inline(always)]
    pub fn texts<P: CallPage>(self, fill: impl FnOnce(Texts)) {
        emit::tailed::<P>(
            self.variant,
            #[inline(always)]
            |body, tail| {
                let call = body.cast::<Call>();
                self.fill(call);
                fill(Texts { call, tail });
            },
        );
    }

    /// All arguments: the page says which of them the call has.
    #[inline(always)]
    fn fill(self, call: *mut Call) {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*call).result = self.result;
            (*call).args[0] = self.regs.arg0();
            (*call).args[1] = self.regs.arg1();
            (*call).args[2] = self.regs.arg2();
            (*call).args[3] = self.regs.arg3();
            (*call).args[4] = self.regs.arg4();
            (*call).args[5] = self.regs.arg5();
        }
    }
}

/// The arguments of a record that is being built.
pub struct Args(*mut Call);

impl Args {
    #[inline(always)]
    pub fn put<const N: usize>(&self, value: u64) {
        // SAFETY: the body is ours until it is submitted.
        unsafe { (*self.0).args[N] = value };
    }
}

/// The texts of a record that is being built.
pub struct Texts<'t> {
    call: *mut Call,
    tail: &'t Tail,
}

impl Texts<'_> {
    /// The body, which begins with the call's.
    #[inline(always)]
    pub fn body(&self) -> *mut Call {
        self.call
    }

    /// The numbers of it.
    #[inline(always)]
    pub fn args(&self) -> Args {
        Args(self.call)
    }

    /// Bytes of the caller's.
    #[inline(always)]
    pub fn user_bytes<const SPAN: usize>(&self, address: u64, len: u64) {
        self.put(SPAN, self.tail.user_bytes(address, len));
    }

    /// Bytes of the kernel's, no more than a mask.
    #[inline(always)]
    pub fn kernel_bytes<const SPAN: usize, const MASK: u32>(&self, address: u64, len: u64) {
        self.put(SPAN, self.tail.kernel_bytes::<MASK>(address, len));
    }

    #[inline(always)]
    fn put(&self, n: usize, span: Span) {
        // SAFETY: the body is ours until it is submitted.
        unsafe { (*self.call).spans[n] = span };
    }

    /// A text of the caller's, as the span of that index; no text at address 0.
    #[inline(always)]
    pub fn text<const SPAN: usize>(&self, address: u64) {
        if address != 0 {
            self.put(SPAN, self.tail.user_path(address));
        }
    }

    /// A path of the caller's, and behind it the directory that it begins at if it is relative.
    #[inline(always)]
    pub fn path<const NAME: usize>(&self, dirfd: u64, address: u64) {
        self.text::<NAME>(address);
        if !is_absolute(address) {
            self.file::<NAME>(dirfd);
        }
    }

    /// Where a descriptor of the caller's leads: the directory that belongs to a name.
    #[inline(always)]
    pub fn file<const NAME: usize>(&self, fd: u64) {
        let task = Task::current();
        let (mount, dentry) = if fd as i32 == AT_FDCWD {
            let fs = task.fs();
            (read(fs + offset!(fs_pwd_mnt)), read(fs + offset!(fs_pwd_dentry)))
        } else {
            let Some(file) = File::probed_of_descriptor(fd as u32) else { return };
            (file.mount(), file.dentry())
        };
        self.put(NAME + 1, path::append(self.tail, task, mount, dentry));
    }
}

#[inline(always)]
fn is_absolute(path: u64) -> bool {
    user::<u8>(path) == b'/'
}

/// The programs of an event: one for all tracepoints, and one for each call's function, in the order of the page. Both
/// call one function of the kernel side, `$told`, which hands the `Ended` to `$tell`.
macro_rules! programs {
    ($page:ty, $tell:ident: $told:ident $exit:ident, $($variant:literal $returned:ident)*) => {
        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $told(result: i64, variant: u64) -> u64 {
            if !$crate::filter::is_self() {
                $tell($crate::hooks::call::Ended::new(result, variant));
            }
            0
        }

        #[aya_ebpf::macros::tracepoint]
        fn $exit(ctx: aya_ebpf::programs::TracePointContext) -> i32 {
            if let Some(variant) = $crate::hooks::call::variant::<$page, _>(&ctx) {
                $told($crate::hooks::returned(&ctx), variant);
            }
            0
        }
        $(
            #[aya_ebpf::macros::fexit]
            fn $returned(ctx: aya_ebpf::programs::FExitContext) -> i32 {
                $told($crate::hooks::call::function_result(&ctx), $variant);
                0
            }
        )*
    };
}
pub(super) use programs;
