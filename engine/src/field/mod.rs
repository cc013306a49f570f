//! The table of fields: every question a rule may ask of an event, by its Falco name.
//!
//! One row a field, one file a class (`evt`, `proc`, ...). The parser checks names, arguments and operators against
//! these rows, the evaluator calls their getters, `nightjar fields` and docs/fields.md print them.

use nightjar_events::Kind;

use crate::{event::Event, value::Value};

pub struct Field {
    /// `proc.aname`, without its argument.
    pub name: &'static str,
    pub ty: Type,
    pub arg: ArgRule,
    /// Events that have it; empty when it comes from the context and all have it.
    pub needs: &'static [Kind],
    pub doc: &'static str,
    pub get: Get,
}

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

/// The row of a name, if there is one.
pub fn lookup(name: &str) -> Option<&'static Field> {
    all().find(|field| field.name == name)
}

/// Every row, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Field> {
    CLASSES.iter().flat_map(|class| class.iter())
}

static CLASSES: &[&[Field]] = &[];
