//! `thread.*`: the thread that did it.

use nightjar_events::event::exec::CAPABILITIES;

use super::{Class, Field, Type, row};
use crate::value::{Value, flag_names};

pub(super) static CLASS: Class = Class { name: "thread", doc: "The thread that did it.", rows: ROWS };

static ROWS: &[Field] = &[
    row("thread.tid", Type::Uint, "Id of the thread.", |e, _| super::counted(e.tid.into())),
    row("thread.ismain", Type::Bool, "Whether it is the first thread of its process.", |e, _| {
        if e.tid == 0 || e.process.pid == 0 { Value::Absent } else { Value::Bool(e.tid == e.process.pid) }
    }),
    row("thread.nametid", Type::Text, "`proc.name` and the thread's id in one word.", |e, _| {
        Value::owned([e.process.comm.as_slice(), e.tid.to_string().as_bytes()].concat())
    }),
    row(
        "thread.cap_effective",
        Type::Text,
        "Effective capabilities by name, with blanks between.",
        |e, _| capabilities(e.process.cap_effective),
    ),
    row(
        "thread.cap_permitted",
        Type::Text,
        "Permitted capabilities by name, with blanks between.",
        |e, _| capabilities(e.process.cap_permitted),
    ),
    row(
        "thread.cap_inheritable",
        Type::Text,
        "Inheritable capabilities by name, with blanks between.",
        |e, _| capabilities(e.process.cap_inheritable),
    ),
];

fn capabilities<'e>(set: u64) -> Value<'e> {
    Value::owned(flag_names(set, CAPABILITIES).collect::<Vec<_>>().join(" "))
}
