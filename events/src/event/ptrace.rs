//! `ptrace`: a process traced another, or asked to be traced.

use super::{
    Kind,
    call::{self, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("ptrace" Ptrace: ptrace);

pub static EVENT: Event = Event {
    kind: Kind::Ptrace,
    name: "ptrace",
    types: TYPES,
    doc: "A process traced another, or asked to be traced.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, REQUEST, PID, ADDR, DATA],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Ptrace>);
pub const REQUEST: Field =
    row("request", Type::Enum(REQUESTS), "What it asked for.", |r| call::uint::<Ptrace>(r, &[0]));
pub const PID: Field =
    row("pid", Type::Int, "Whom, as the caller counts processes: in its own pid namespace.", |r| {
        call::int::<Ptrace>(r, &[1])
    });
pub const ADDR: Field =
    row("addr", Type::Uint, "Address in the traced process, or what else the request takes.", |r| {
        call::long::<Ptrace>(r, &[2])
    });
pub const DATA: Field =
    row("data", Type::Uint, "What is to be written, or where to.", |r| call::long::<Ptrace>(r, &[3]));

/// include/uapi/linux/ptrace.h and arch/x86/include/uapi/asm/ptrace-abi.h, 6.18.
const REQUESTS: &[(&str, u64)] = &[
    ("PTRACE_TRACEME", 0),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_PEEKUSR", 3),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_POKEUSR", 6),
    ("PTRACE_CONT", 7),
    ("PTRACE_KILL", 8),
    ("PTRACE_SINGLESTEP", 9),
    ("PTRACE_GETREGS", 12),
    ("PTRACE_SETREGS", 13),
    ("PTRACE_GETFPREGS", 14),
    ("PTRACE_SETFPREGS", 15),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_DETACH", 17),
    ("PTRACE_GETFPXREGS", 18),
    ("PTRACE_SETFPXREGS", 19),
    ("PTRACE_OLDSETOPTIONS", 21),
    ("PTRACE_SYSCALL", 24),
    ("PTRACE_GET_THREAD_AREA", 25),
    ("PTRACE_SET_THREAD_AREA", 26),
    ("PTRACE_ARCH_PRCTL", 30),
    ("PTRACE_SYSEMU", 31),
    ("PTRACE_SYSEMU_SINGLESTEP", 32),
    ("PTRACE_SINGLEBLOCK", 33),
    ("PTRACE_SETOPTIONS", 0x4200),
    ("PTRACE_GETEVENTMSG", 0x4201),
    ("PTRACE_GETSIGINFO", 0x4202),
    ("PTRACE_SETSIGINFO", 0x4203),
    ("PTRACE_GETREGSET", 0x4204),
    ("PTRACE_SETREGSET", 0x4205),
    ("PTRACE_SEIZE", 0x4206),
    ("PTRACE_INTERRUPT", 0x4207),
    ("PTRACE_LISTEN", 0x4208),
    ("PTRACE_PEEKSIGINFO", 0x4209),
    ("PTRACE_GETSIGMASK", 0x420a),
    ("PTRACE_SETSIGMASK", 0x420b),
    ("PTRACE_SECCOMP_GET_FILTER", 0x420c),
    ("PTRACE_SECCOMP_GET_METADATA", 0x420d),
    ("PTRACE_GET_SYSCALL_INFO", 0x420e),
    ("PTRACE_GET_RSEQ_CONFIGURATION", 0x420f),
    ("PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG", 0x4210),
    ("PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG", 0x4211),
    ("PTRACE_SET_SYSCALL_INFO", 0x4212),
];
