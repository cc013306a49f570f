//! `evt.*`: what happened, when, and how it ended. Times of day are UTC.

use nightjar_events::{
    Kind,
    event::{connect, connect_result, fork, open},
};

use super::{Arg, ArgRule, Class, Field, Type, arg, clock, fd, row};
use crate::{
    event::{Event, errno},
    value::Value,
};

/// Events that are the end of a system call.
const CALLS: &[Kind] = &[Kind::Exec, Kind::Fork, Kind::Open, Kind::Connect, Kind::ConnectResult];
const SYSCALLS: &[Kind] = &[Kind::Exec, Kind::Fork, Kind::Open, Kind::Connect];
const OPEN: &[Kind] = &[Kind::Open];

pub(super) static CLASS: Class =
    Class { name: "evt", doc: "What happened, when, and how it ended. Times of day are UTC.", rows: ROWS };

static ROWS: &[Field] = &[
    row("evt.num", Type::Uint, "Number of the event; the first is 1.", |e, _| Value::Uint(e.number)),
    row("evt.type", Type::Text, "Name of the system call, or of the event where it is none.", |e, _| {
        Value::text(e.type_name())
    }),
    row("syscall.type", Type::Text, "Name of the system call.", |e, _| {
        if SYSCALLS.contains(&e.kind()) { Value::text(e.type_name()) } else { Value::Absent }
    })
    .needs(SYSCALLS),
    row("evt.category", Type::Text, "What the event is about: `file`, `net`, `process` or `system`.", |e, _| {
        Value::text(category(e.kind()))
    }),
    row("evt.source", Type::Text, "Always `syscall`.", |_, _| Value::text("syscall")),
    row("evt.is_async", Type::Bool, "Always false.", |_, _| Value::Bool(false)),
    row("evt.dir", Type::Text, "Always `<`: events are reported once the call has ended.", |_, _| Value::text("<")),
    row("evt.cpu", Type::Uint, "CPU that it happened on.", |e, _| Value::Uint(e.cpu.into())),
    row("evt.count", Type::Uint, "Always 1.", |_, _| Value::Uint(1)),
    row("evt.time", Type::Text, "Time of day with nanoseconds.", |e, _| Value::owned(clock::time_of_day(e.time, true))),
    row("evt.time.s", Type::Text, "Time of day.", |e, _| Value::owned(clock::time_of_day(e.time, false))),
    row("evt.time.iso8601", Type::Text, "Date and time with nanoseconds, as ISO 8601 has it.", |e, _| {
        Value::owned(format!("{}T{}+0000", clock::date(e.time), clock::time_of_day(e.time, true)))
    }),
    row("evt.datetime", Type::Text, "Date and time of day with nanoseconds.", |e, _| {
        Value::owned(format!("{} {}", clock::date(e.time), clock::time_of_day(e.time, true)))
    }),
    row("evt.datetime.s", Type::Text, "Date and time of day.", |e, _| {
        Value::owned(format!("{} {}", clock::date(e.time), clock::time_of_day(e.time, false)))
    }),
    row("evt.rawtime", Type::Time, "Nanoseconds since the epoch.", |e, _| Value::Uint(e.time)),
    row("evt.rawtime.s", Type::Uint, "Whole seconds since the epoch.", |e, _| Value::Uint(e.time / 1_000_000_000)),
    row("evt.rawtime.ns", Type::Uint, "Nanoseconds since the last whole second.", |e, _| {
        Value::Uint(e.time % 1_000_000_000)
    }),
    row("evt.arg", Type::Text, "An argument by its name, as text: `evt.arg.flags`, `evt.arg[flags]`. The names are those of the event reference.", |e, a| {
        key(a).map_or(Value::Absent, |name| arg::text(e, name))
    })
    .arg(ArgRule::RequiredKey),
    row("evt.rawarg", Type::Int, "An argument by its name, as a number where it is one.", |e, a| {
        key(a).map_or(Value::Absent, |name| arg::number(e, name))
    })
    .arg(ArgRule::RequiredKey),
    row("evt.args", Type::Text, "All arguments, as `name=value` with blanks between.", |e, _| arg::all(e)),
    row("evt.info", Type::Text, "The same as `evt.args`.", |e, _| arg::all(e)),
    row("evt.res", Type::Text, "`SUCCESS`, or the name of the error, such as `ENOENT`.", |e, _| match result(e) {
        Value::Int(n) if n < 0 => errno::name(n.unsigned_abs()).map_or_else(|| Value::owned(n.to_string()), Value::text),
        Value::Int(_) | Value::AtLeast(_) => Value::text("SUCCESS"),
        _ => Value::Absent,
    })
    .needs(CALLS),
    row("evt.rawres", Type::Int, "What the call returned: a negated error number when it failed.", |e, _| {
        result(e)
    })
    .needs(CALLS),
    row("evt.failed", Type::Bool, "Whether the call failed.", |e, _| match result(e) {
        Value::Int(n) | Value::AtLeast(n) => Value::Bool(n < 0),
        _ => Value::Absent,
    })
    .needs(CALLS),
    row("evt.abspath", Type::Text, "Absolute path of what was, or should have been, opened.", |e, _| match e.kind() {
        Kind::Open => fd::name(e),
        Kind::Exec | Kind::Fork | Kind::Exit | Kind::Connect | Kind::ConnectResult => Value::Absent,
        Kind::CgroupMkdir | Kind::CgroupRmdir => Value::Absent,
    })
    .needs(OPEN),
    row("evt.is_open_read", Type::Bool, "Whether the file was to be opened for reading. An O_PATH open reads nothing.", |e, _| {
        open_flags(e, |flags, _| flags & O_PATH == 0 && matches!(flags & 3, 0 | 2))
    })
    .needs(OPEN),
    row("evt.is_open_write", Type::Bool, "Whether the file was to be opened for writing.", |e, _| {
        open_flags(e, |flags, _| flags & O_PATH == 0 && matches!(flags & 3, 1 | 2))
    })
    .needs(OPEN),
    row("evt.is_open_exec", Type::Bool, "Whether a file was to be created that may be executed.", |e, _| {
        open_flags(e, |flags, mode| flags & (O_CREAT | O_TMPFILE) != 0 && mode & 0o111 != 0)
    })
    .needs(OPEN),
    row("evt.is_open_create", Type::Bool, "Whether the open made the file.", |e, _| {
        let nameless = matches!(open_flags(e, |flags, _| flags & O_TMPFILE == O_TMPFILE), Value::Bool(true));
        match (e.get(&open::CREATED), e.get(&open::RESULT)) {
            (Value::Bool(created), _) => Value::Bool(created || nameless),
            (_, Value::Int(n)) => Value::Bool(nameless && n >= 0),
            (_, _) => Value::Absent,
        }
    })
    .needs(OPEN),
];

const O_CREAT: u64 = 0o100;
const O_TMPFILE: u64 = 0o20000000;
const O_PATH: u64 = 0o10000000;
/// What creat(2) means without saying it: O_CREAT, O_WRONLY, O_TRUNC.
const CREAT: u64 = 0o1101;

fn key(arg: &Arg) -> Option<&str> {
    match arg {
        Arg::Key(key) => Some(key),
        Arg::None | Arg::Index(_) => None,
    }
}

/// What the call returned. That of a fork is the child's process id in the initial namespace.
pub(super) fn result(event: &Event) -> Value<'_> {
    let value = match event.kind() {
        Kind::Exec => Value::Int(0),
        Kind::Fork => event.get(&fork::CHILD_PID),
        Kind::Open => event.get(&open::RESULT),
        Kind::Connect => event.get(&connect::RESULT),
        Kind::ConnectResult => event.get(&connect_result::RESULT),
        Kind::Exit | Kind::CgroupMkdir | Kind::CgroupRmdir => Value::Absent,
    };
    match value {
        Value::Uint(n) => i64::try_from(n).map_or(Value::Absent, Value::Int),
        value => value,
    }
}

/// Asks flags and mode of an open.
fn open_flags(event: &Event, ask: impl FnOnce(u64, u64) -> bool) -> Value<'_> {
    let Value::Flags(flags, _) = event.get(&open::FLAGS) else { return Value::Absent };
    let mode = if let Value::Uint(mode) = event.get(&open::MODE) { mode } else { 0 };
    let implied = if event.type_name() == "creat" { CREAT } else { 0 };
    Value::Bool(ask(flags | implied, mode))
}

fn category(kind: Kind) -> &'static str {
    match kind {
        Kind::Exec | Kind::Fork | Kind::Exit => "process",
        Kind::Open => "file",
        Kind::Connect | Kind::ConnectResult => "net",
        Kind::CgroupMkdir | Kind::CgroupRmdir => "system",
    }
}
