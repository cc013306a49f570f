//! `struct task_struct` and what hangs on it.

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    generated::{bpf_get_current_task, bpf_get_current_task_btf},
};

use super::{Access, Probed, Typed, cgroup, read};
use crate::{offset, setting};

/// Index into `signal_struct::pids` (enum pid_type, include/linux/pid_types.h).
const PIDTYPE_PGID: u64 = 2;
const PIDTYPE_SID: u64 = 3;

/// signal_struct::flags: the group ends with `group_exit_code` (include/linux/sched/signal.h).
const SIGNAL_GROUP_EXIT: u32 = 4;

/// What a record's header says of the task that is running.
#[derive(Clone, Copy)]
pub struct Who {
    /// CLOCK_BOOTTIME of the start of its process, nanoseconds.
    pub start: u64,
    pub cgroup: u64,
    pub pid: u32,
    pub tid: u32,
    pub uid: u32,
}

impl Who {
    /// By loads where this kernel has them: for events that are frequent. From 6.4 on the verifier looks through all of
    /// the kernel's type names, up to four times, for each pointer that is loaded from a task it trusts
    /// (btf_nested_type_is_trusted, kernel/bpf/verifier.c, 6.18): the three here are 3 ms for each program.
    #[inline(always)]
    pub fn current() -> Who {
        if setting!(has_task_pt_regs) != 0 { Who::typed() } else { Who::probed() }
    }

    /// By the helper, which costs three hundred instructions more and nothing to verify.
    #[inline(always)]
    pub fn probed() -> Who {
        let task = Task::current();
        let ids = bpf_get_current_pid_tgid();
        Who {
            start: task.leader().start(),
            cgroup: cgroup::id_of(task),
            pid: (ids >> 32) as u32,
            tid: ids as u32,
            uid: bpf_get_current_uid_gid() as u32,
        }
    }

    #[inline(always)]
    fn typed() -> Who {
        // SAFETY: no arguments, always succeeds.
        let task = unsafe { bpf_get_current_task_btf() } as u64;
        let leader: u64 = Typed::get(task + offset!(task_group_leader));
        let cred: u64 = Typed::get(task + offset!(task_cred));
        Who {
            start: Typed::get(leader + offset!(task_start)),
            cgroup: cgroup::id_by::<Typed>(task),
            pid: Typed::get(task + offset!(task_tgid)),
            tid: Typed::get(task + offset!(task_pid)),
            // It is an id of the initial user namespace, whatever the task's own is.
            uid: if cred == 0 { 0 } else { Typed::get(cred + offset!(cred_uid)) },
        }
    }
}

/// Where paths of the running task begin: mount and dentry.
#[inline(always)]
pub fn current_root() -> (u64, u64) {
    if setting!(has_task_pt_regs) != 0 {
        // SAFETY: no arguments, always succeeds.
        root::<Typed>(unsafe { bpf_get_current_task_btf() } as u64)
    } else {
        root::<Probed>(Task::current().0)
    }
}

#[inline(always)]
fn root<A: Access>(task: u64) -> (u64, u64) {
    let fs: u64 = A::get(task + offset!(task_fs));
    (A::get(fs + offset!(fs_root_mnt)), A::get(fs + offset!(fs_root_dentry)))
}

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
