//! `open` at the kernel function that looks its name up, with the kernel's own copy of the name.
//!
//! A call takes a free descriptor, looks the name up (`found`), gives the file its descriptor, and returns
//! (`returned`). `found` tells it, before another thread can get at the file. What it did not tell, `returned` tells
//! from the caller's memory: a call that failed before its name was looked up, and one of which the kernel skipped
//! `found`. An io_uring goes through `found` only.

use aya_ebpf::{helpers::generated::bpf_get_current_task_btf, macros::fexit, programs::FExitContext};
use nightjar_events::{Kind, control::ABSENT, event::open::NUMBER_UNKNOWN, failure::Place};

use super::{Asked, OpenHow, Told, tell};
use crate::{
    emit::Tail,
    failed, filter,
    hooks::{arg, plain_arg},
    offset,
    read::{
        Access, Probed, Typed,
        call::{Call, Current},
        file::File,
        moved, read,
        task::Task,
    },
    setting, told,
};

/// The largest negated errno is a pointer's largest value (include/linux/err.h).
const MAX_ERRNO: u64 = 4095;

const O_NONBLOCK: u64 = 0o4000;
const O_CLOEXEC: u64 = 0o2000000;
const EAGAIN: i32 = -11;

/// do_file_open(dirfd, name, op) → file
#[fexit(function = "do_file_open")]
fn open_found(ctx: FExitContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    // Programs are started and cores are dumped through here too.
    let Some(current) = Current::get() else { return 0 };
    let by_io_uring = current.call == Call::IoUring;
    if current.call == Call::Connect || !is_callers(arg(&ctx, 1)) {
        return 0;
    }
    // On newer kernels the name may be an error, of which nothing can be read.
    let name: u64 = Typed::get(arg(&ctx, 1) + offset!(filename_name));
    if name == 0 {
        return 0;
    }
    if moved(arg(&ctx, 3)) >= MAX_ERRNO.wrapping_neg() {
        let result = plain_arg(&ctx, 3) as i32;
        // An io_uring tries without waiting first, and comes again.
        if by_io_uring && result == EAGAIN {
            return 0;
        }
        let asked = Asked::new(current.call, arg(&ctx, 0) as i32, how_of(current, arg(&ctx, 2)));
        tell(&asked, result, |tail| tail.kernel_path(name), Told::None);
    } else {
        let asked = Asked::new(current.call, arg(&ctx, 0) as i32, how_of(current, arg(&ctx, 2)));
        let file = Told::Typed(File(arg(&ctx, 3)));
        tell(&asked, descriptor(by_io_uring), |tail| tail.kernel_path(name), file);
    }
    if !by_io_uring {
        told::mark(Kind::Open);
    }
    0
}

/// Whether a name came from a program. The kernel opens files of its own too, a driver's firmware for instance.
#[inline(always)]
fn is_callers(name: u64) -> bool {
    offset!(filename_uptr) == ABSENT || Typed::get::<u64>(name + offset!(filename_uptr)) != 0
}

/// The descriptor that the current task has taken for the file it is opening.
///
/// `alloc_fd` leaves the number behind it in `next_fd` (fs/file.c, 5.10 to 7.2), and nobody else can take or free
/// one, unless the table is shared: then it is not known.
#[inline(always)]
fn descriptor(by_io_uring: bool) -> i32 {
    if setting!(has_task_pt_regs) != 0 {
        // SAFETY: no arguments, always succeeds.
        descriptor_by::<Typed>(unsafe { bpf_get_current_task_btf() } as u64, by_io_uring)
    } else {
        descriptor_by::<Probed>(Task::current().0, by_io_uring)
    }
}

#[inline(always)]
fn descriptor_by<A: Access>(task: u64, by_io_uring: bool) -> i32 {
    let files: u64 = A::get(task + offset!(task_files));
    if A::get::<u32>(files + offset!(files_count)) != 1 {
        return NUMBER_UNKNOWN;
    }
    let number = A::get::<u32>(files + offset!(files_next_fd)).wrapping_sub(1);
    // An io_uring may open a file without a descriptor. All below `next_fd` are taken: one without a file is for this.
    if by_io_uring && File::of_descriptor(number).is_some() {
        return NUMBER_UNKNOWN;
    }
    if number > i32::MAX as u32 { NUMBER_UNKNOWN } else { number as i32 }
}

/// Flags and mode as the kernel took them. What its `struct open_flags` does not have is from where the caller wrote
/// it: O_CLOEXEC, which is about the descriptor, and `resolve`, of which each kernel makes bits of its own.
#[inline(always)]
fn how_of(current: Current, op: u64) -> OpenHow {
    let flags: u32 = Typed::get(op + offset!(open_flags_flags));
    let mode: u16 = Typed::get(op + offset!(open_flags_mode));
    let mut flags = u64::from(flags) & !setting!(o_largefile);
    let mut resolve = 0;
    match (current.call, current.regs()) {
        // It adds O_NONBLOCK when it tries without waiting.
        (Call::IoUring, _) => flags &= !O_NONBLOCK,
        (Call::Open, Some(regs)) => flags |= regs.arg1() & O_CLOEXEC,
        (Call::Openat, Some(regs)) => flags |= regs.arg2() & O_CLOEXEC,
        (Call::Openat2, Some(regs)) => {
            let how = OpenHow::of_user(regs.arg2());
            flags |= how.flags & O_CLOEXEC;
            resolve = how.resolve;
        }
        (Call::Open | Call::Openat | Call::Openat2 | Call::Creat | Call::Connect, _) => {}
    }
    OpenHow { flags, mode: u64::from(mode) & 0o7777, resolve }
}

/// do_sys_openat2(dirfd, name, how) → result
#[fexit(function = "do_sys_openat2")]
fn open_returned(ctx: FExitContext) -> i32 {
    if told::take(Kind::Open) || filter::is_self() {
        return 0;
    }
    let Some(current) = Current::get() else { return 0 };
    let (name, how, result) = (arg(&ctx, 1), arg(&ctx, 2), arg(&ctx, 3) as i32);
    let how = OpenHow {
        flags: read::<u64>(how) & !setting!(o_largefile),
        mode: read(how + 8),
        resolve: read(how + 16),
    };
    // A failure is told here when it came before the name was looked up.
    failed::unless(result < 0, Place::OpenLate);
    let asked = Asked::new(current.call, arg(&ctx, 0) as i32, how);
    let name = |tail: &Tail| failed::unless_read(tail.user_path(name), Place::OpenName);
    tell(&asked, result, name, Told::of_descriptor(result));
    0
}
