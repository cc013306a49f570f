//! Which system call the current task is in. Its arguments are in `regs`.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use nightjar_events::control::ABSENT;

use super::{Access, Probed, Typed, regs::Regs, task::Task};
use crate::{offset, setting};

/// A call by its purpose, whatever the architecture's number for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Open,
    Openat,
    Openat2,
    Creat,
    Connect,
    /// io_uring_enter, or no call at all but a thread that the kernel made to do an io_uring's work.
    IoUring,
}

/// A number of x86_64's x32 calls has this bit (arch/x86/include/uapi/asm/unistd.h).
const X32_BIT: u64 = 0x4000_0000;

/// The same in all tables.
const SYS_IO_URING_ENTER: u64 = 426;

/// thread_info::status on x86: the call came by the 32-bit entry (arch/x86/include/asm/thread_info.h).
const TS_COMPAT: u32 = 2;

/// That entry's numbers (arch/x86/entry/syscalls/syscall_32.tbl).
const I386_OPEN: u64 = 5;
const I386_CREAT: u64 = 8;
const I386_SOCKETCALL: u64 = 102;
const I386_OPENAT: u64 = 295;
const I386_CONNECT: u64 = 362;
const I386_OPENAT2: u64 = 437;

/// task_struct::flags (include/linux/sched.h).
const PF_IO_WORKER: u32 = 0x10;
const PF_KTHREAD: u32 = 0x20_0000;

/// The call that the current task is in.
#[derive(Clone, Copy)]
pub struct Current {
    pub call: Call,
    is_32_bit: bool,
    regs: Regs,
}

impl Current {
    /// `None` in any other call, and in kernel threads: on 5.11, and on 5.10 before 5.10.162, they do an io_uring's work, and it
    /// cannot be told whose.
    #[inline(always)]
    pub fn get() -> Option<Current> {
        let (flags, status) = facts();
        let regs = Regs::current();
        match flags & (PF_IO_WORKER | PF_KTHREAD) {
            0 => Current::of_regs(regs, status & TS_COMPAT != 0),
            PF_IO_WORKER => Some(Current { call: Call::IoUring, is_32_bit: false, regs }),
            _ => None,
        }
    }

    #[inline(always)]
    fn of_regs(regs: Regs, is_32_bit: bool) -> Option<Current> {
        let number = regs.number() & !X32_BIT;
        let call = if number == SYS_IO_URING_ENTER {
            Call::IoUring
        } else if is_32_bit {
            Call::i386(number)?
        } else {
            Call::native(number)?
        };
        Some(Current { call, is_32_bit, regs })
    }

    /// The arguments, where they are in the registers that the architecture's own calls use.
    #[inline(always)]
    pub fn regs(self) -> Option<Regs> {
        if self.is_32_bit || self.call == Call::IoUring { None } else { Some(self.regs) }
    }
}

/// task_struct::flags and thread_info::status.
#[inline(always)]
fn facts() -> (u32, u32) {
    if setting!(has_task_pt_regs) != 0 {
        // SAFETY: no arguments, always succeeds.
        facts_of::<Typed>(unsafe { bpf_get_current_task_btf() } as u64)
    } else {
        facts_of::<Probed>(Task::current().0)
    }
}

#[inline(always)]
fn facts_of<A: Access>(task: u64) -> (u32, u32) {
    let status = if offset!(task_status) == ABSENT { 0 } else { A::get(task + offset!(task_status)) };
    (A::get(task + offset!(task_flags)), status)
}

impl Call {
    #[inline(always)]
    fn i386(number: u64) -> Option<Call> {
        match number {
            I386_OPEN => Some(Call::Open),
            I386_OPENAT => Some(Call::Openat),
            I386_OPENAT2 => Some(Call::Openat2),
            I386_CREAT => Some(Call::Creat),
            I386_CONNECT | I386_SOCKETCALL => Some(Call::Connect),
            _ => None,
        }
    }

    /// The call with this number in the architecture's own table.
    #[inline(always)]
    pub fn native(number: u64) -> Option<Call> {
        if number == setting!(sys_openat) {
            Some(Call::Openat)
        } else if number == setting!(sys_open) {
            Some(Call::Open)
        } else if number == setting!(sys_openat2) {
            Some(Call::Openat2)
        } else if number == setting!(sys_creat) {
            Some(Call::Creat)
        } else if number == setting!(sys_connect) {
            Some(Call::Connect)
        } else {
            None
        }
    }
}
