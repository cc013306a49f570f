//! `kill`: a process sent a signal.

use super::{
    Kind,
    call::{self, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("kill" Kill: kill tkill tgkill);

pub static EVENT: Event = Event {
    kind: Kind::Kill,
    name: "kill",
    types: TYPES,
    doc: "A process sent a signal.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, PID, TID, SIGNAL],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Kill>);
pub const PID: Field = row(
    "pid",
    Type::Int,
    "To which process, as the caller counts them: in its own pid namespace. A negative one is a process group, -1 everybody.",
    |r| call::int::<Kill>(r, &[0, NO, 0]),
);
pub const TID: Field =
    row("target_tid", Type::Int, "To which thread.", |r| call::int::<Kill>(r, &[NO, 0, 1]));
pub const SIGNAL: Field =
    row("sig", Type::Enum(SIGNALS), "Which signal; 0 only asks whether one could be sent.", |r| {
        call::uint::<Kill>(r, &[1, 1, 2])
    });

/// include/uapi/asm-generic/signal.h, 6.18.
const SIGNALS: &[(&str, u64)] = &[
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGSTKFLT", 16),
    ("SIGCHLD", 17),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGTTIN", 21),
    ("SIGTTOU", 22),
    ("SIGURG", 23),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGVTALRM", 26),
    ("SIGPROF", 27),
    ("SIGWINCH", 28),
    ("SIGIO", 29),
    ("SIGPWR", 30),
    ("SIGSYS", 31),
];
