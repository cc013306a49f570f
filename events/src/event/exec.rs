//! `exec`: a process became another program.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Bit, Category, Event, Family, Field, Get, Hook, Lane, Point, Type, bit},
    wire::{COMM_LEN, Raw, Span, comm},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Exec {
    pub spans: [Span; 4],
    /// `start_boottime` of the parent; with `ppid` it names the parent for ever.
    pub parent_start: u64,
    pub cap_effective: u64,
    pub cap_permitted: u64,
    pub cap_inheritable: u64,
    pub exe_inode: u64,
    pub exe_mtime: u64,
    pub exe_ctime: u64,
    pub ppid: u32,
    pub vpid: u32,
    pub pgid: u32,
    pub vpgid: u32,
    pub sid: u32,
    pub tty: u32,
    pub loginuid: u32,
    pub uid: u32,
    pub gid: u32,
    pub euid: u32,
    pub egid: u32,
    pub argc: u32,
    pub exe_dev: u32,
    /// `EXE_MEMFD` and the others.
    pub flags: u32,
    pub mnt_ns: u32,
    pub pid_ns: u32,
    pub net_ns: u32,
    pub user_ns: u32,
    pub uts_ns: u32,
    pub ipc_ns: u32,
    pub cgroup_ns: u32,
    pub reserved: u32,
    pub comm: [u8; COMM_LEN],
    pub comm_before: [u8; COMM_LEN],
}

/// Indices into `Exec::spans`.
pub const SPAN_ARGS: usize = 0;
pub const SPAN_EXE: usize = 1;
pub const SPAN_CWD: usize = 2;
pub const SPAN_FILENAME: usize = 3;

pub const EXE_MEMFD: u32 = 1;
pub const EXE_UPPER_LAYER: u32 = 2;
pub const EXE_DELETED: u32 = 4;
/// A `#!` script: `exe` is the interpreter, `filename` the script.
pub const SCRIPT: u32 = 8;

const FLAGS: &[Bit] = &[
    bit("EXE_FROM_MEMFD", EXE_MEMFD as u64),
    bit("EXE_UPPER_LAYER", EXE_UPPER_LAYER as u64),
    bit("EXE_DELETED", EXE_DELETED as u64),
    bit("SCRIPT", SCRIPT as u64),
];

impl Page for Exec {
    const KIND: Kind = Kind::Exec;
    const LANE: Lane = Lane::Priority;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::Exec(exec) = body { Some(exec) } else { None }
    }
    fn spans(&self) -> &[Span] {
        &self.spans
    }
}

pub static EVENT: Event = Event {
    kind: Kind::Exec,
    name: "exec",
    // execveat with a directory descriptor; an execveat that names a path by itself is the same act as execve.
    types: &["execve", "execveat"],
    doc: "A process became another program (execve or execveat succeeded).",
    category: Category::Process,
    lane: Exec::LANE,
    paths: &[],
    hooks: &[Hook {
        family: Family::BtfTracepoint,
        since: (5, 10),
        // begin_new_exec (fs/exec.c) has set the new comm by the time sched_process_exec fires, so the old one
        // is taken from task_rename, which fires just before it is overwritten.
        points: &[
            Point { program: "exec_rename", targets: &["task_rename"] },
            Point { program: "exec", targets: &["sched_process_exec"] },
        ],
    }],
    fields: &[
        ARGS,
        ARGC,
        EXE,
        FILENAME,
        CWD,
        COMM,
        COMM_BEFORE,
        FLAGS_FIELD,
        EXE_INODE,
        EXE_DEV,
        EXE_MTIME,
        EXE_CTIME,
        PPID,
        VPID,
        PGID,
        VPGID,
        SID,
        TTY,
        LOGINUID,
        UID,
        GID,
        EUID,
        EGID,
        CAP_EFFECTIVE,
        CAP_PERMITTED,
        CAP_INHERITABLE,
        MNT_NS,
        PID_NS,
        NET_NS,
        USER_NS,
        UTS_NS,
        IPC_NS,
        CGROUP_NS,
    ],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::Exec, name, ty, ecs, doc, get }
}

pub const ARGS: Field =
    row("args", Type::List, Some("process.args"), "Argument vector, the program's own name first.", |r| {
        r.of(|e: &Exec| r.list(&e.spans[SPAN_ARGS]))
    });
pub const ARGC: Field =
    row("argc", Type::Uint, Some("process.args_count"), "Number of arguments, also of those cut off.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.argc.into()))
    });
pub const EXE: Field = row(
    "exe",
    Type::Path,
    Some("process.executable"),
    "Path of the program's file, from the kernel's file object; of the interpreter for a script.",
    |r| r.of(|e: &Exec| r.path(&e.spans[SPAN_EXE])),
);
pub const FILENAME: Field = row(
    "filename",
    Type::Text,
    None,
    "Path as the caller gave it: relative to `cwd`, or `/dev/fd/N` for a descriptor.",
    |r| r.of(|e: &Exec| r.text(&e.spans[SPAN_FILENAME])),
);
pub const CWD: Field = row("cwd", Type::Path, Some("process.working_directory"), "Working directory.", |r| {
    r.of(|e: &Exec| r.path(&e.spans[SPAN_CWD]))
});
pub const COMM: Field = row("comm", Type::Text, Some("process.name"), "Thread name after the exec.", |r| {
    r.of(|e: &Exec| comm(&e.comm))
});
pub const COMM_BEFORE: Field = row("comm_before", Type::Text, None, "Thread name before the exec.", |r| {
    r.of(|e: &Exec| comm(&e.comm_before))
});
pub const FLAGS_FIELD: Field = row(
    "flags",
    Type::Flags(FLAGS),
    None,
    "EXE_FROM_MEMFD: runs from a memfd. EXE_UPPER_LAYER: the file was written after the container started (overlay's upper layer). EXE_DELETED: has no name any more. SCRIPT: started through `#!`.",
    |r| r.of(|e: &Exec| Raw::Flags(e.flags.into())),
);
pub const EXE_INODE: Field = row("exe_ino", Type::Uint, None, "Inode number of the program's file.", |r| {
    r.of(|e: &Exec| Raw::Uint(e.exe_inode))
});
pub const EXE_DEV: Field = row(
    "exe_dev",
    Type::Uint,
    None,
    "Device of the program's file, as the kernel encodes it (major << 20 | minor).",
    |r| r.of(|e: &Exec| Raw::Uint(e.exe_dev.into())),
);
pub const EXE_MTIME: Field =
    row("exe_ino_mtime", Type::Time, None, "When the program's file was last written.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.exe_mtime))
    });
pub const EXE_CTIME: Field =
    row("exe_ino_ctime", Type::Time, None, "When the program's inode last changed.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.exe_ctime))
    });
pub const PPID: Field =
    row("ptid", Type::Uint, Some("process.parent.pid"), "Process id of the parent.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.ppid.into()))
    });
pub const VPID: Field =
    row("vpid", Type::Uint, Some("process.vpid"), "Process id in its own pid namespace.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.vpid.into()))
    });
pub const PGID: Field = row(
    "pgid",
    Type::Uint,
    Some("process.group_leader.pid"),
    "Process group, in the initial pid namespace.",
    |r| r.of(|e: &Exec| Raw::Uint(e.pgid.into())),
);
pub const VPGID: Field =
    row("vpgid", Type::Uint, None, "Process group, in the process's own pid namespace.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.vpgid.into()))
    });
pub const SID: Field = row(
    "sid",
    Type::Uint,
    Some("process.session_leader.pid"),
    "Session, in the initial pid namespace.",
    |r| r.of(|e: &Exec| Raw::Uint(e.sid.into())),
);
pub const TTY: Field = row(
    "tty",
    Type::Uint,
    Some("process.tty.char_device.minor"),
    "Controlling terminal's device number (as /proc/PID/stat), 0 for none.",
    |r| r.of(|e: &Exec| Raw::Uint(e.tty.into())),
);
pub const LOGINUID: Field =
    row("loginuid", Type::Uint, None, "User id of the login session, 4294967295 when there was none.", |r| {
        r.of(|e: &Exec| Raw::Uint(e.loginuid.into()))
    });
pub const UID: Field = row("uid", Type::Uint, Some("process.real_user.id"), "Real user id.", |r| {
    r.of(|e: &Exec| Raw::Uint(e.uid.into()))
});
pub const GID: Field = row("gid", Type::Uint, Some("process.real_group.id"), "Real group id.", |r| {
    r.of(|e: &Exec| Raw::Uint(e.gid.into()))
});
pub const EUID: Field = row("euid", Type::Uint, Some("process.user.id"), "Effective user id.", |r| {
    r.of(|e: &Exec| Raw::Uint(e.euid.into()))
});
pub const EGID: Field =
    row("egid", Type::Uint, None, "Effective group id.", |r| r.of(|e: &Exec| Raw::Uint(e.egid.into())));
pub const CAP_EFFECTIVE: Field = row(
    "cap_effective",
    Type::Flags(CAPABILITIES),
    Some("process.thread.capabilities.effective"),
    "Effective capabilities.",
    |r| r.of(|e: &Exec| Raw::Flags(e.cap_effective)),
);
pub const CAP_PERMITTED: Field = row(
    "cap_permitted",
    Type::Flags(CAPABILITIES),
    Some("process.thread.capabilities.permitted"),
    "Permitted capabilities.",
    |r| r.of(|e: &Exec| Raw::Flags(e.cap_permitted)),
);
pub const CAP_INHERITABLE: Field =
    row("cap_inheritable", Type::Flags(CAPABILITIES), None, "Inheritable capabilities.", |r| {
        r.of(|e: &Exec| Raw::Flags(e.cap_inheritable))
    });
pub const MNT_NS: Field = row("mnt_ns", Type::Uint, None, "Mount namespace (inode number in nsfs).", |r| {
    r.of(|e: &Exec| Raw::Uint(e.mnt_ns.into()))
});
pub const PID_NS: Field =
    row("pid_ns", Type::Uint, None, "Pid namespace.", |r| r.of(|e: &Exec| Raw::Uint(e.pid_ns.into())));
pub const NET_NS: Field =
    row("net_ns", Type::Uint, None, "Network namespace.", |r| r.of(|e: &Exec| Raw::Uint(e.net_ns.into())));
pub const USER_NS: Field =
    row("user_ns", Type::Uint, None, "User namespace.", |r| r.of(|e: &Exec| Raw::Uint(e.user_ns.into())));
pub const UTS_NS: Field =
    row("uts_ns", Type::Uint, None, "UTS namespace.", |r| r.of(|e: &Exec| Raw::Uint(e.uts_ns.into())));
pub const IPC_NS: Field =
    row("ipc_ns", Type::Uint, None, "IPC namespace.", |r| r.of(|e: &Exec| Raw::Uint(e.ipc_ns.into())));
pub const CGROUP_NS: Field = row("cgroup_ns", Type::Uint, None, "Cgroup namespace.", |r| {
    r.of(|e: &Exec| Raw::Uint(e.cgroup_ns.into()))
});

/// include/uapi/linux/capability.h, 6.18.
pub const CAPABILITIES: &[Bit] = &[
    bit("CAP_CHOWN", 1 << 0),
    bit("CAP_DAC_OVERRIDE", 1 << 1),
    bit("CAP_DAC_READ_SEARCH", 1 << 2),
    bit("CAP_FOWNER", 1 << 3),
    bit("CAP_FSETID", 1 << 4),
    bit("CAP_KILL", 1 << 5),
    bit("CAP_SETGID", 1 << 6),
    bit("CAP_SETUID", 1 << 7),
    bit("CAP_SETPCAP", 1 << 8),
    bit("CAP_LINUX_IMMUTABLE", 1 << 9),
    bit("CAP_NET_BIND_SERVICE", 1 << 10),
    bit("CAP_NET_BROADCAST", 1 << 11),
    bit("CAP_NET_ADMIN", 1 << 12),
    bit("CAP_NET_RAW", 1 << 13),
    bit("CAP_IPC_LOCK", 1 << 14),
    bit("CAP_IPC_OWNER", 1 << 15),
    bit("CAP_SYS_MODULE", 1 << 16),
    bit("CAP_SYS_RAWIO", 1 << 17),
    bit("CAP_SYS_CHROOT", 1 << 18),
    bit("CAP_SYS_PTRACE", 1 << 19),
    bit("CAP_SYS_PACCT", 1 << 20),
    bit("CAP_SYS_ADMIN", 1 << 21),
    bit("CAP_SYS_BOOT", 1 << 22),
    bit("CAP_SYS_NICE", 1 << 23),
    bit("CAP_SYS_RESOURCE", 1 << 24),
    bit("CAP_SYS_TIME", 1 << 25),
    bit("CAP_SYS_TTY_CONFIG", 1 << 26),
    bit("CAP_MKNOD", 1 << 27),
    bit("CAP_LEASE", 1 << 28),
    bit("CAP_AUDIT_WRITE", 1 << 29),
    bit("CAP_AUDIT_CONTROL", 1 << 30),
    bit("CAP_SETFCAP", 1 << 31),
    bit("CAP_MAC_OVERRIDE", 1 << 32),
    bit("CAP_MAC_ADMIN", 1 << 33),
    bit("CAP_SYSLOG", 1 << 34),
    bit("CAP_WAKE_ALARM", 1 << 35),
    bit("CAP_BLOCK_SUSPEND", 1 << 36),
    bit("CAP_AUDIT_READ", 1 << 37),
    bit("CAP_PERFMON", 1 << 38),
    bit("CAP_BPF", 1 << 39),
    bit("CAP_CHECKPOINT_RESTORE", 1 << 40),
];
