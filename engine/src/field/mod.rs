//! The table of fields: every question a rule may ask of an event, by its Falco name.
//!
//! One row a field, one file a class (`evt`, `proc`, ...). The parser checks names, arguments and operators against
//! these rows, the evaluator calls their getters, `nightjar fields` and docs/fields.md print them.

pub mod arg;
mod clock;
mod container;
mod evt;
mod fd;
mod fs;
mod k8s;
mod proc;
mod reference;
mod thread;
mod user;

use nightjar_events::{EVENTS, Kind};

pub use self::reference::{event_reference, reference};
use crate::{
    event::Event,
    value::{Cut, Value},
};

pub struct Field {
    /// `proc.aname`, without its argument.
    pub name: &'static str,
    pub ty: Type,
    pub arg: ArgRule,
    /// Which events have it; `None` when it comes from the context and all have it.
    pub needs: Option<Needs>,
    pub doc: &'static str,
    pub get: Get,
}

pub type Needs = fn(Kind) -> bool;

pub type Get = for<'e> fn(&'e Event, &Arg) -> Value<'e>;

/// How values compare, and which operators apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Uint,
    Text,
    /// Several texts: `in` asks for a subset, other operators for any.
    List,
    Ip,
    Net,
    Port,
    Flags,
    /// Nanoseconds since the epoch.
    Time,
    /// Nanoseconds.
    Duration,
}

/// What may stand in brackets behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgRule {
    None,
    OptionalIndex,
    RequiredIndex,
    OptionalKey,
    RequiredKey,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arg {
    #[default]
    None,
    Index(u32),
    Key(String),
}

/// The row of a name, if there is one. `evt.arg.NAME` has none of its own: see `resolve`.
pub fn lookup(name: &str) -> Option<&'static Field> {
    all().find(|field| field.name == name)
}

/// The row that a name as written means, and the argument that is part of the name: `evt.arg.flags` is the row
/// `evt.arg` with the key `flags`.
pub fn resolve(name: &str) -> Option<(&'static Field, Arg)> {
    if let Some(field) = lookup(name) {
        return Some((field, Arg::None));
    }
    let (class, key) = name.strip_prefix("evt.arg.").map(|key| ("evt.arg", key)).or_else(|| {
        let key = name.strip_prefix("evt.rawarg.")?;
        Some(("evt.rawarg", key))
    })?;
    arg::kinds(key).next()?;
    Some((lookup(class)?, Arg::Key(key.to_owned())))
}

/// Every row, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Field> {
    CLASSES.iter().flat_map(|class| class.rows.iter())
}

/// The rows of one file.
struct Class {
    name: &'static str,
    doc: &'static str,
    rows: &'static [Field],
}

static CLASSES: &[&Class] = &[
    &evt::CLASS,
    &proc::CLASS,
    &thread::CLASS,
    &user::USER,
    &user::GROUP,
    &fd::CLASS,
    &fs::CLASS,
    &container::CLASS,
    &k8s::CLASS,
];

/// A row that every event answers, from its context.
const fn row(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    Field { name, ty, arg: ArgRule::None, needs: None, doc, get }
}

impl Field {
    const fn arg(mut self, arg: ArgRule) -> Field {
        self.arg = arg;
        self
    }

    const fn needs(mut self, needs: Needs) -> Field {
        self.needs = Some(needs);
        self
    }

    /// Events that have it; empty when all have it.
    pub fn kinds(&self) -> Vec<Kind> {
        let all = EVENTS.iter().map(|event| event.kind);
        self.needs.map_or_else(Vec::new, |needs| all.filter(|kind| needs(*kind)).collect())
    }

    /// The value that an event has for it.
    pub fn value<'e>(&self, event: &'e Event, arg: &Arg) -> Value<'e> {
        (self.get)(event, arg)
    }
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Text => "text",
            Type::List => "list",
            Type::Ip => "ip",
            Type::Net => "net",
            Type::Port => "port",
            Type::Flags => "flags",
            Type::Time => "time",
            Type::Duration => "duration",
        }
    }
}

/// Bytes of the context; none of them means not known.
fn known(bytes: &[u8]) -> Value<'_> {
    if bytes.is_empty() { Value::Absent } else { Value::text(bytes) }
}

/// A number of the context; 0 means not known.
fn counted<'e>(number: u64) -> Value<'e> {
    if number == 0 { Value::Absent } else { Value::Uint(number) }
}

#[cfg(test)]
mod tests;
