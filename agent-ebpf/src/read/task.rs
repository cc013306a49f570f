//! `struct task_struct` and what hangs on it.

use aya_ebpf::helpers::generated::bpf_get_current_task;

use super::read;
use crate::offset;

/// Index into `signal_struct::pids` (enum pid_type, include/linux/pid_types.h).
const PIDTYPE_PGID: u64 = 2;
const PIDTYPE_SID: u64 = 3;

/// signal_struct::flags: the group ends with `group_exit_code` (include/linux/sched/signal.h).
const SIGNAL_GROUP_EXIT: u32 = 4;

#[derive(Clone, Copy)]
pub struct Task(pub u64);

impl Task {
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: no arguments, always succeeds.
        Task(unsafe { bpf_get_current_task() })
    }

    #[inline(always)]
    pub fn tgid(self) -> u32 {
        read(self.0 + offset!(task_tgid))
    }

    #[inline(always)]
    pub fn tid(self) -> u32 {
        read(self.0 + offset!(task_pid))
    }

    #[inline(always)]
    pub fn leader(self) -> Task {
        Task(read(self.0 + offset!(task_group_leader)))
    }

    #[inline(always)]
    pub fn parent(self) -> Task {
        Task(read(self.0 + offset!(task_real_parent)))
    }

    /// CLOCK_BOOTTIME, nanoseconds. Of a process: ask its leader.
    #[inline(always)]
    pub fn start(self) -> u64 {
        read(self.0 + offset!(task_start))
    }

    #[inline(always)]
    pub fn mm(self) -> u64 {
        read(self.0 + offset!(task_mm))
    }

    #[inline(always)]
    pub fn fs(self) -> u64 {
        read(self.0 + offset!(task_fs))
    }

    #[inline(always)]
    pub fn cred(self) -> u64 {
        read(self.0 + offset!(task_cred))
    }

    #[inline(always)]
    pub fn signal(self) -> Signal {
        Signal(read(self.0 + offset!(task_signal)))
    }

    #[inline(always)]
    pub fn comm_address(self) -> u64 {
        self.0 + offset!(task_comm)
    }

    #[inline(always)]
    pub fn pid(self) -> Pid {
        Pid(read(self.0 + offset!(task_thread_pid)))
    }

    /// 4294967295 when no login session set it, and on kernels without audit.
    #[inline(always)]
    pub fn loginuid(self) -> u32 {
        if offset!(task_loginuid) == nightjar_events::control::ABSENT {
            return u32::MAX;
        }
        read(self.0 + offset!(task_loginuid))
    }

    #[inline(always)]
    pub fn nsproxy(self) -> u64 {
        read(self.0 + offset!(task_nsproxy))
    }

    /// As wait(2) gives it for the process whose last thread this is.
    #[inline(always)]
    pub fn exit_status(self) -> u32 {
        let signal = self.signal();
        if signal.flags() & SIGNAL_GROUP_EXIT != 0 {
            signal.group_exit_code()
        } else {
            read(self.leader().0 + offset!(task_exit_code))
        }
    }
}

/// `struct signal_struct`: what the threads of a process share.
#[derive(Clone, Copy)]
pub struct Signal(pub u64);

impl Signal {
    /// Threads that have not begun to exit.
    #[inline(always)]
    pub fn live(self) -> u32 {
        read(self.0 + offset!(signal_live))
    }

    #[inline(always)]
    fn flags(self) -> u32 {
        read(self.0 + offset!(signal_flags))
    }

    #[inline(always)]
    fn group_exit_code(self) -> u32 {
        read(self.0 + offset!(signal_group_exit_code))
    }

    #[inline(always)]
    pub fn pgid(self) -> Pid {
        Pid(read(self.0 + offset!(signal_pids) + 8 * PIDTYPE_PGID))
    }

    #[inline(always)]
    pub fn sid(self) -> Pid {
        Pid(read(self.0 + offset!(signal_pids) + 8 * PIDTYPE_SID))
    }

    /// Device number of the controlling terminal as new_encode_dev (include/linux/kdev_t.h) writes it, 0 for none.
    #[inline(always)]
    pub fn tty(self) -> u32 {
        let tty: u64 = read(self.0 + offset!(signal_tty));
        if tty == 0 {
            return 0;
        }
        let driver: u64 = read(tty + offset!(tty_driver));
        let major: u32 = read(driver + offset!(tty_driver_major));
        let first: u32 = read(driver + offset!(tty_driver_minor_start));
        let index: u32 = read(tty + offset!(tty_index));
        let minor = first.wrapping_add(index);
        (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
    }
}

/// `struct pid`: a number in each pid namespace from the initial one down.
#[derive(Clone, Copy)]
pub struct Pid(pub u64);

impl Pid {
    #[inline(always)]
    pub fn level(self) -> u32 {
        read(self.0 + offset!(pid_level))
    }

    #[inline(always)]
    fn number(self, level: u32) -> u64 {
        self.0 + offset!(pid_numbers) + offset!(upid_size) * level as u64
    }

    /// The number in the initial namespace.
    #[inline(always)]
    pub fn nr(self) -> u32 {
        read(self.number(0) + offset!(upid_nr))
    }

    /// The number in the namespace at `level`, 0 when it is not visible there.
    #[inline(always)]
    pub fn nr_at(self, level: u32) -> u32 {
        if level > self.level() {
            return 0;
        }
        read(self.number(level) + offset!(upid_nr))
    }

    /// Inode number of the namespace it was made in.
    #[inline(always)]
    pub fn namespace(self) -> u32 {
        let ns: u64 = read(self.number(self.level()) + offset!(upid_ns));
        read(ns + offset!(pid_ns_inum))
    }
}
