//! `fs.path.*`: the paths that a call is about, whatever the call names its arguments.

use nightjar_events::{Field as PageRow, Kind, Type as PageType};

use super::{Class, Field, Get, Type, fd, row};
use crate::{event::Event, value::Value};

pub(super) static CLASS: Class = Class {
    name: "fs",
    doc: "The paths that a call is about: one, or a source and a target. Absolute ones begin at the directory that the kernel would begin at; links in them are not followed, but for what was opened.",
    rows: ROWS,
};

static ROWS: &[Field] = &[
    one("fs.path.name", "Absolute path.", |e, _| name(e)),
    one("fs.path.nameraw", "Path as the caller gave it.", |e, _| raw(e, 0)),
    two("fs.path.source", "Absolute path of the old name, or what a symbolic link says.", |e, _| {
        absolute(e, 0)
    }),
    two("fs.path.sourceraw", "The same as the caller gave it.", |e, _| raw(e, 0)),
    two("fs.path.target", "Absolute path of the new name.", |e, _| absolute(e, 1)),
    two("fs.path.targetraw", "The same as the caller gave it.", |e, _| raw(e, 1)),
];

const fn one(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Text, doc, get).needs(has_name)
}

const fn two(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Text, doc, get).needs(has_target)
}

/// Whether an event is about one path.
pub(super) fn has_name(kind: Kind) -> bool {
    kind.event().paths.len() == 1
}

fn has_target(kind: Kind) -> bool {
    kind.event().paths.len() == 2
}

/// Absolute path of an event that is about one.
pub(super) fn name(event: &Event) -> Value<'_> {
    match event.kind() {
        Kind::Open => fd::name(event),
        kind if has_name(kind) => absolute(event, 0),
        _ => Value::Absent,
    }
}

fn path(event: &Event, n: usize) -> Option<&'static PageRow> {
    let page = event.kind().event();
    page.field(page.paths.get(n)?)
}

fn raw(event: &Event, n: usize) -> Value<'_> {
    path(event, n).map_or(Value::Absent, |row| event.get(row))
}

fn absolute(event: &Event, n: usize) -> Value<'_> {
    match path(event, n).map(|row| (row.ty, event.get(row))) {
        // Of a call that takes a descriptor, what that is open on.
        Some((PageType::Given(directory), Value::Absent)) => base(event, directory),
        Some((PageType::Given(directory), name)) => given(event, directory, name),
        Some((_, value)) => value,
        None => Value::Absent,
    }
}

/// A path as given, made absolute; `directory` is the row of where it begins.
pub(super) fn given<'e>(event: &'e Event, directory: &str, name: Value<'e>) -> Value<'e> {
    fd::joined(base(event, directory), name)
}

/// Where a relative path begins.
fn base<'e>(event: &'e Event, directory: &str) -> Value<'e> {
    let row = event.kind().event().field(directory);
    row.map_or(Value::Absent, |row| event.get(row))
}
