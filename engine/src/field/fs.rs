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
    one("fs.path.nameraw", "Path as the caller gave it.", |e, _| raw(e, NAME)),
    two("fs.path.source", "Absolute path of the old name, or what a symbolic link says.", |e, _| {
        absolute(e, SOURCE)
    }),
    two("fs.path.sourceraw", "The same as the caller gave it.", |e, _| raw(e, SOURCE)),
    two("fs.path.target", "Absolute path of the new name.", |e, _| absolute(e, TARGET)),
    two("fs.path.targetraw", "The same as the caller gave it.", |e, _| raw(e, TARGET)),
];

const fn one(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Text, doc, get).needs(has_name)
}

const fn two(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Text, doc, get).needs(has_target)
}

/// Which path of how many.
type Which = (usize, usize);

const NAME: Which = (0, 1);
const SOURCE: Which = (0, 2);
const TARGET: Which = (1, 2);

/// Whether an event is about one path.
pub(super) fn has_name(kind: Kind) -> bool {
    kind.event().paths.len() == 1
}

fn has_target(kind: Kind) -> bool {
    kind.event().paths.len() == 2
}

/// Absolute path of an event that is about one.
pub(super) fn name(event: &Event) -> Value<'_> {
    if event.kind() == Kind::Open { fd::name(event) } else { absolute(event, NAME) }
}

fn path(event: &Event, (n, of): Which) -> Option<&'static PageRow> {
    let page = event.kind().event();
    page.paths.get(n).filter(|_| page.paths.len() == of).and_then(|name| page.field(name))
}

fn raw(event: &Event, which: Which) -> Value<'_> {
    path(event, which).map_or(Value::Absent, |row| event.get(row))
}

fn absolute(event: &Event, which: Which) -> Value<'_> {
    match path(event, which).map(|row| (row.ty, event.get(row))) {
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
