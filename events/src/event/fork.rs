//! `fork`: a process made another. Threads (CLONE_THREAD) are no processes and no events.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Bit, Category, Event, Family, Field, Get, Hook, Lane, Point, Type, bit},
    wire::{COMM_LEN, Raw, comm},
};

/// The header speaks of the parent.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Fork {
    pub child_start: u64,
    /// Differs from the parent's after CLONE_INTO_CGROUP.
    pub child_cgroup: u64,
    pub clone_flags: u64,
    pub child_pid: u32,
    pub child_vpid: u32,
    pub child_pid_ns: u32,
    pub reserved: u32,
    pub comm: [u8; COMM_LEN],
}

impl Page for Fork {
    const KIND: Kind = Kind::Fork;
    const LANE: Lane = Lane::Priority;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::Fork(fork) = body { Some(fork) } else { None }
    }
}

pub static EVENT: Event = Event {
    kind: Kind::Fork,
    name: "fork",
    // The tracepoint does not tell fork, vfork, clone and clone3 apart; the flags do.
    types: &["clone"],
    doc: "A process made another process (fork, vfork, clone, clone3 without CLONE_THREAD).",
    category: Category::Process,
    lane: Fork::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        // task_newtask, not sched_process_fork: it has the clone flags, the child is already in its cgroup
        // (cgroup_post_fork comes before it in copy_process, kernel/fork.c), and has not run yet.
        points: &[Point { program: "fork", targets: &["task_newtask"] }],
    }],
    fields: &[CHILD_PID, CHILD_VPID, CHILD_PID_NS, CHILD_CGROUP, CLONE_FLAGS, COMM],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::Fork, name, ty, ecs, doc, get }
}

pub const CHILD_PID: Field = row("child_pid", Type::Uint, None, "Process id of the child.", |r| {
    r.of(|e: &Fork| Raw::Uint(e.child_pid.into()))
});
pub const CHILD_VPID: Field =
    row("child_vpid", Type::Uint, None, "Process id of the child in its own pid namespace.", |r| {
        r.of(|e: &Fork| Raw::Uint(e.child_vpid.into()))
    });
pub const CHILD_PID_NS: Field = row("child_pid_ns", Type::Uint, None, "Pid namespace of the child.", |r| {
    r.of(|e: &Fork| Raw::Uint(e.child_pid_ns.into()))
});
pub const CHILD_CGROUP: Field = row("child_cgroup", Type::Uint, None, "Cgroup id of the child.", |r| {
    r.of(|e: &Fork| Raw::Uint(e.child_cgroup))
});
pub const CLONE_FLAGS: Field =
    row("flags", Type::Flags(FLAGS), None, "Clone flags.", |r| r.of(|e: &Fork| Raw::Flags(e.clone_flags)));
pub const COMM: Field =
    row("comm", Type::Text, None, "Thread name of the child.", |r| r.of(|e: &Fork| comm(&e.comm)));

/// include/uapi/linux/sched.h, 6.18.
pub const FLAGS: &[Bit] = &[
    bit("CLONE_VM", 0x100),
    bit("CLONE_FS", 0x200),
    bit("CLONE_FILES", 0x400),
    bit("CLONE_SIGHAND", 0x800),
    bit("CLONE_PIDFD", 0x1000),
    bit("CLONE_PTRACE", 0x2000),
    bit("CLONE_VFORK", 0x4000),
    bit("CLONE_PARENT", 0x8000),
    bit("CLONE_THREAD", 0x1_0000),
    bit("CLONE_NEWNS", 0x2_0000),
    bit("CLONE_SYSVSEM", 0x4_0000),
    bit("CLONE_SETTLS", 0x8_0000),
    bit("CLONE_PARENT_SETTID", 0x10_0000),
    bit("CLONE_CHILD_CLEARTID", 0x20_0000),
    bit("CLONE_UNTRACED", 0x80_0000),
    bit("CLONE_CHILD_SETTID", 0x100_0000),
    bit("CLONE_NEWCGROUP", 0x200_0000),
    bit("CLONE_NEWUTS", 0x400_0000),
    bit("CLONE_NEWIPC", 0x800_0000),
    bit("CLONE_NEWUSER", 0x1000_0000),
    bit("CLONE_NEWPID", 0x2000_0000),
    bit("CLONE_NEWNET", 0x4000_0000),
    bit("CLONE_IO", 0x8000_0000),
    bit("CLONE_CLEAR_SIGHAND", 0x1_0000_0000),
    bit("CLONE_INTO_CGROUP", 0x2_0000_0000),
];
