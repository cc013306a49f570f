//! `perf_event_open`: a process asked to count or trace what the machine does.

use super::{
    Kind,
    call::{self, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("perf_event_open" PerfEventOpen: perf_event_open);

pub static EVENT: Event = Event {
    kind: Kind::PerfEventOpen,
    name: "perf_event_open",
    types: TYPES,
    doc: "A process asked to count or trace what the machine does: profilers do, and so do programs that look into others.",
    category: Category::System,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, TYPE, CONFIG, PID, CPU, GROUP_FD, FLAGS],
};

pub const RESULT: Field =
    row("res", Type::Result, "The descriptor, or a negated errno.", call::result::<PerfEventOpen>);
pub const TYPE: Field = row(
    "attr_type",
    Type::Enum(TYPE_NAMES),
    "What kind of event, from user memory; other numbers are those of the kernel's own list (`/sys/bus/event_source/devices`), such as kprobes.",
    |r| call::uint::<PerfEventOpen>(r, &[0]),
);
pub const CONFIG: Field =
    row("attr_config", Type::Uint, "Which event of that kind, from user memory.", |r| {
        call::long::<PerfEventOpen>(r, &[5])
    });
pub const PID: Field = row(
    "pid",
    Type::Int,
    "Whom it is to watch, in the caller's pid namespace: 0 for the caller, -1 for everybody; with PERF_FLAG_PID_CGROUP a descriptor of a cgroup.",
    |r| call::int::<PerfEventOpen>(r, &[1]),
);
pub const CPU: Field =
    row("on_cpu", Type::Int, "On which CPU; -1 for any.", |r| call::int::<PerfEventOpen>(r, &[2]));
pub const GROUP_FD: Field =
    row("group_fd", Type::Int, "Leader of the group, or -1.", |r| call::int::<PerfEventOpen>(r, &[3]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags.", |r| call::flags::<PerfEventOpen>(r, &[4]));

/// include/uapi/linux/perf_event.h, 6.18.
const TYPE_NAMES: &[(&str, u64)] = &[
    ("PERF_TYPE_HARDWARE", 0),
    ("PERF_TYPE_SOFTWARE", 1),
    ("PERF_TYPE_TRACEPOINT", 2),
    ("PERF_TYPE_HW_CACHE", 3),
    ("PERF_TYPE_RAW", 4),
    ("PERF_TYPE_BREAKPOINT", 5),
];

const FLAG_NAMES: &[Bit] = &[
    bit("PERF_FLAG_FD_NO_GROUP", 1),
    bit("PERF_FLAG_FD_OUTPUT", 2),
    bit("PERF_FLAG_PID_CGROUP", 4),
    bit("PERF_FLAG_FD_CLOEXEC", 8),
];
