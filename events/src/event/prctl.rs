//! `prctl`: a thread changed or asked for something about itself.

use super::{
    Kind,
    call::{self, NAME, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("prctl" Prctl: prctl);

pub static EVENT: Event = Event {
    kind: Kind::Prctl,
    name: "prctl",
    types: TYPES,
    doc: "A thread changed or asked for something about itself.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, OPTION, TEXT, NUMBER],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Prctl>);
pub const OPTION: Field =
    row("option", Type::Enum(OPTIONS), "What it is about.", |r| call::uint::<Prctl>(r, &[0]));
pub const TEXT: Field = row("arg2_str", Type::Text, "The name of PR_SET_NAME, from user memory.", |r| {
    call::text::<Prctl>(r, NAME)
});
pub const NUMBER: Field =
    row("arg2_int", Type::Uint, "The second argument, as a number.", |r| call::long::<Prctl>(r, &[1]));

/// include/uapi/linux/prctl.h, 6.18.
const OPTIONS: &[(&str, u64)] = &[
    ("PR_SET_PDEATHSIG", 1),
    ("PR_GET_PDEATHSIG", 2),
    ("PR_GET_DUMPABLE", 3),
    ("PR_SET_DUMPABLE", 4),
    ("PR_GET_KEEPCAPS", 7),
    ("PR_SET_KEEPCAPS", 8),
    ("PR_SET_NAME", 15),
    ("PR_GET_NAME", 16),
    ("PR_GET_SECCOMP", 21),
    ("PR_SET_SECCOMP", 22),
    ("PR_CAPBSET_READ", 23),
    ("PR_CAPBSET_DROP", 24),
    ("PR_GET_SECUREBITS", 27),
    ("PR_SET_SECUREBITS", 28),
    ("PR_SET_TIMERSLACK", 29),
    ("PR_GET_TIMERSLACK", 30),
    ("PR_SET_MM", 35),
    ("PR_SET_CHILD_SUBREAPER", 36),
    ("PR_GET_CHILD_SUBREAPER", 37),
    ("PR_SET_NO_NEW_PRIVS", 38),
    ("PR_GET_NO_NEW_PRIVS", 39),
    ("PR_SET_THP_DISABLE", 41),
    ("PR_CAP_AMBIENT", 47),
    ("PR_SET_SPECULATION_CTRL", 53),
    ("PR_SET_SYSCALL_USER_DISPATCH", 59),
    ("PR_SCHED_CORE", 62),
    ("PR_SET_VMA", 0x5356_4d41),
    ("PR_SET_PTRACER", 0x5961_6d61),
];
