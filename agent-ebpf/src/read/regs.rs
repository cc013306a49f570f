//! Number and arguments of the system call that the current task is in: they stay in its saved user registers.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use nightjar_events::control::ABSENT;

use super::{Access, Probed, Typed, read, task::Task};
use crate::{offset, setting};

#[derive(Clone, Copy)]
pub struct Regs(u64);

impl Regs {
    #[inline(always)]
    pub fn current() -> Self {
        if setting!(has_task_pt_regs) != 0 {
            // SAFETY: the current task is always valid.
            return Regs(unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as u64);
        }
        let stack: u64 = read(Task::current().0 + offset!(task_stack));
        Regs(stack + setting!(stack_size) - offset!(regs_size))
    }

    #[inline(always)]
    fn get(self, offset: u64) -> u64 {
        if setting!(has_task_pt_regs) != 0 {
            Typed::get(self.0 + offset)
        } else {
            Probed::get(self.0 + offset)
        }
    }

    #[inline(always)]
    pub fn number(self) -> u64 {
        self.get(offset!(regs_number))
    }

    #[inline(always)]
    pub fn arg0(self) -> u64 {
        // aarch64 returns its result in the register of the first argument and keeps a copy of the latter.
        if offset!(regs_orig_arg0) != ABSENT {
            return self.get(offset!(regs_orig_arg0));
        }
        self.get(offset!(regs_arg0))
    }

    #[inline(always)]
    pub fn arg1(self) -> u64 {
        self.get(offset!(regs_arg1))
    }

    #[inline(always)]
    pub fn arg2(self) -> u64 {
        self.get(offset!(regs_arg2))
    }

    #[inline(always)]
    pub fn arg3(self) -> u64 {
        self.get(offset!(regs_arg3))
    }

    #[inline(always)]
    pub fn arg4(self) -> u64 {
        self.get(offset!(regs_arg4))
    }

    #[inline(always)]
    pub fn arg5(self) -> u64 {
        self.get(offset!(regs_arg5))
    }
}
