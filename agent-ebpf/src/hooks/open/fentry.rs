//! `open` at the kernel functions it goes through, with the kernel's own copy of the name.
//!
//! A call looks the name up (`found`), gives the file its descriptor (`installed`), and returns (`returned`). A failed
//! look-up is told at once; a success when its descriptor is known, before another thread can get at either. The copy
//! of the name lives until the call returns, so between two programs only its address has to be kept. What `returned`
//! finds not told, it tells itself, from the caller's memory: a call that failed before its name was looked up, and one
//! of which the kernel skipped a program.
//!
//! An io_uring goes through the first two only.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, fexit, map},
    maps::LruHashMap,
    programs::{FEntryContext, FExitContext},
};
use nightjar_events::failure::Place;

use super::{Asked, OpenHow, tell};
use crate::{
    emit::Tail,
    failed, filter,
    hooks::{arg, plain_arg},
    offset,
    read::{
        call::{Call, Current},
        file::File,
        load, read,
        task::Task,
    },
    setting,
};

/// Opens on their way, by thread. A thread's entry stays for its next open. One that is evicted is told by `returned`.
#[map]
static OPENING: LruHashMap<u64, Opening> = LruHashMap::with_max_entries(16 * 1024, 0);

#[repr(C)]
struct Opening {
    /// Address of the file; a negated errno; 0 when nothing is on its way.
    file: u64,
    inode: u64,
    /// Address of the kernel's copy of the name.
    name: u64,
    asked: Asked,
    /// Not 0 when the record is sent.
    told: u64,
}

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
    let file = plain_arg(&ctx, 3);
    let failed = file >= MAX_ERRNO.wrapping_neg();
    // SAFETY: the argument is a `struct filename`; on newer kernels it may be an error, of which nothing can be read.
    let name = unsafe { load(arg(&ctx, 1) + offset!(filename_name)) };
    // An io_uring tries without waiting first, and comes again.
    if current.call == Call::Connect || name == 0 || failed && by_io_uring && file as i32 == EAGAIN {
        return 0;
    }
    let how = how_of(current, arg(&ctx, 2));
    let opening = Opening {
        file,
        // SAFETY: the result is a `struct file`.
        inode: if failed { 0 } else { unsafe { load(arg(&ctx, 3) + offset!(file_inode)) } },
        name,
        asked: Asked::new(current.call, arg(&ctx, 0) as i32, how),
        told: failed.into(),
    };
    if failed {
        tell(&opening.asked, file as i32, |tail| tail.kernel_path(opening.name), None);
    }
    if !failed || !by_io_uring {
        keep(&opening);
    }
    0
}

#[inline(always)]
fn keep(opening: &Opening) {
    let thread = bpf_get_current_pid_tgid();
    let Some(kept) = OPENING.get_ptr_mut(thread) else {
        // A full table evicts the oldest.
        failed::unless(OPENING.insert(thread, opening, 0).is_ok(), Place::OpeningKept);
        return;
    };
    // Should it be evicted now and become another thread's, that must not find its file with our name: it finds none.
    // SAFETY: a map's value stays valid until this program ends.
    unsafe {
        (&raw mut (*kept).file).write_volatile(0);
        (&raw mut (*kept).inode).write_volatile(opening.inode);
        (&raw mut (*kept).name).write_volatile(opening.name);
        (&raw mut (*kept).asked).write_volatile(opening.asked);
        (&raw mut (*kept).told).write_volatile(opening.told);
        (&raw mut (*kept).file).write_volatile(opening.file);
    }
}

/// Flags and mode as the kernel took them. What its `struct open_flags` does not have is from where the caller wrote
/// it: O_CLOEXEC, which is about the descriptor, and `resolve`, of which each kernel makes bits of its own.
#[inline(always)]
fn how_of(current: Current, op: u64) -> OpenHow {
    // SAFETY: `op` is an argument that is a `struct open_flags`.
    let (flags, mode) =
        unsafe { (load::<u32>(op + offset!(open_flags_flags)), load::<u16>(op + offset!(open_flags_mode))) };
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

/// fd_install(fd, file): all descriptors are made here, few of them by an open.
#[fentry(function = "fd_install")]
fn open_installed(ctx: FEntryContext) -> i32 {
    let Some(current) = Current::get() else { return 0 };
    if current.call == Call::Connect {
        return 0;
    }
    let Some(opening) = OPENING.get_ptr_mut(bpf_get_current_pid_tgid()) else { return 0 };
    let file = File(arg(&ctx, 1));
    // SAFETY: a map's value stays readable until this program ends.
    unsafe {
        // An io_uring may open a file without a descriptor, and have another one at its address later.
        let inode: u64 = load(file.0 + offset!(file_inode));
        if (*opening).told != 0 || (*opening).file != file.0 || (*opening).inode != inode {
            return 0;
        }
        let (asked, name) = ((*opening).asked, (*opening).name);
        tell(&asked, arg(&ctx, 0) as i32, |tail| tail.kernel_path(name), Some(file));
        // `returned` does not come for an io_uring.
        if current.call == Call::IoUring {
            (*opening).file = 0;
        } else {
            (*opening).told = 1;
        }
    }
    0
}

/// do_sys_openat2(dirfd, name, how) → result
#[fexit(function = "do_sys_openat2")]
fn open_returned(ctx: FExitContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    if let Some(opening) = OPENING.get_ptr_mut(bpf_get_current_pid_tgid()) {
        // SAFETY: as above.
        if unsafe { (&raw mut (*opening).told).replace(0) } != 0 {
            return 0;
        }
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
    let file = if result < 0 { None } else { File::of_descriptor(Task::current(), result as u32) };
    let name = |tail: &Tail| failed::unless_read(tail.user_path(name), Place::OpenName);
    tell(&Asked::new(current.call, arg(&ctx, 0) as i32, how), result, name, file);
    0
}
