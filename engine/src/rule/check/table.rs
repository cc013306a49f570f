//! Looks fields up: in the engine's table, then among the names that are only known to be Falco's.

use nightjar_events::{EVENTS, Kind};

use super::falco;
use crate::{
    field::{self, Arg, ArgRule, Field, Type},
    rule::{lang::FieldRef, source::Complaint},
};

/// Where fields are looked up. The language itself knows none.
pub struct Table<'t> {
    lookup: &'t dyn Fn(&str) -> Option<(&'static Field, Arg)>,
    names: Vec<&'static str>,
}

/// A field with a checked argument.
pub struct Found {
    pub ty: Type,
    /// `None`: valid in Falco, not produced here.
    pub source: Option<(&'static Field, Arg)>,
    pub name: String,
    /// Values are of a process and its ancestors: `in` asks for any.
    pub any: bool,
}

/// Without an index these ask of any ancestor, also with `in`.
const ANCESTORS: &[&str] =
    &["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aargs"];
/// `evt.arg.flags` and `evt.arg[flags]` are one field.
const BY_ARGUMENT: &[(&str, &str, Type)] =
    &[("evt.arg", "evt.arg.", Type::Text), ("evt.rawarg", "evt.rawarg.", Type::Int)];

impl<'t> Table<'t> {
    /// `lookup` gives the row that a name means, and the argument that is part of the name.
    pub fn new(lookup: &'t dyn Fn(&str) -> Option<(&'static Field, Arg)>, names: Vec<&'static str>) -> Self {
        Table { lookup, names }
    }

    pub fn find(&self, field: &FieldRef) -> Result<Found, Complaint> {
        for (base, prefix, ty) in BY_ARGUMENT {
            match (field.name.strip_prefix(prefix), &field.arg) {
                (Some(key), None) => return self.argument_of_event(&field.name, key, *ty, field),
                (None, Some(key)) if field.name == *base => {
                    return self.argument_of_event(&format!("{prefix}{key}"), key, *ty, field);
                }
                (_, _) => {}
            }
        }
        let (row, within) = match (self.lookup)(&field.name) {
            Some((row, within)) => (Some(row), within),
            None => (None, Arg::None),
        };
        let Some((ty, rule)) = row
            .map(|row| (row.ty, row.arg))
            .or_else(|| falco::field(&field.name).map(|known| (known.ty, known.arg)))
        else {
            return Err(self.unknown(field));
        };
        let arg = if within == Arg::None { argument(rule, field)? } else { within };
        Ok(Found {
            // One of the list.
            ty: if ty == Type::List && arg != Arg::None { Type::Text } else { ty },
            any: arg == Arg::None && ANCESTORS.contains(&field.name.as_str()),
            source: row.map(|row| (row, arg)),
            name: field.name.clone(),
        })
    }

    fn argument_of_event(
        &self,
        name: &str,
        key: &str,
        ty: Type,
        field: &FieldRef,
    ) -> Result<Found, Complaint> {
        let found = |ty, source| Found { ty, source, name: name.to_owned(), any: false };
        match (self.lookup)(name) {
            Some((row, arg)) => Ok(found(row.ty, Some((row, arg)))),
            None if falco::EVENT_ARGS.binary_search(&key).is_ok() || key.parse::<u16>().is_ok() => {
                Ok(found(ty, None))
            }
            None => {
                let message = format!("no event has an argument `{key}`");
                let complaint = Complaint { unknown_field: true, ..Complaint::new(field.at.0, message) };
                let ours = EVENTS.iter().flat_map(|event| event.fields.iter().map(|row| row.name));
                Err(complaint.did_you_mean(key, falco::EVENT_ARGS.iter().copied().chain(ours)))
            }
        }
    }

    fn unknown(&self, field: &FieldRef) -> Complaint {
        let known = falco::FIELDS.iter().map(|row| row.name);
        let message = format!("unknown field `{}`", field.name);
        let complaint = Complaint { unknown_field: true, ..Complaint::new(field.at.0, message) };
        complaint.did_you_mean(&field.name, self.names.iter().copied().chain(known))
    }
}

impl Table<'_> {
    /// The engine's own fields.
    pub fn engine() -> Table<'static> {
        Table::new(&field::resolve, field::all().map(|field| field.name).collect())
    }
}

/// Events that have a field; empty when all have it.
pub fn needs(row: &Field, arg: &Arg) -> Vec<Kind> {
    match arg {
        Arg::Key(key) if BY_ARGUMENT.iter().any(|(base, _, _)| *base == row.name) => {
            field::arg::kinds(key).collect()
        }
        Arg::Key(_) | Arg::Index(_) | Arg::None => row.kinds(),
    }
}

fn argument(rule: ArgRule, field: &FieldRef) -> Result<Arg, Complaint> {
    let wrong = |message: String| Err(Complaint::new(field.at.0, message));
    match (rule, field.arg.as_deref()) {
        (ArgRule::None | ArgRule::OptionalIndex | ArgRule::OptionalKey, None) => Ok(Arg::None),
        (ArgRule::None, Some(arg)) => wrong(format!("`{}` takes no argument, found `[{arg}]`", field.name)),
        (ArgRule::RequiredIndex, None) => wrong(format!("`{0}` needs a number: `{0}[1]`", field.name)),
        (ArgRule::RequiredKey, None) => wrong(format!("`{0}` needs an argument: `{0}[name]`", field.name)),
        (ArgRule::OptionalIndex | ArgRule::RequiredIndex, Some(arg)) => match arg.parse() {
            Ok(index) => Ok(Arg::Index(index)),
            Err(_) => wrong(format!("`{}` takes a number in brackets, found `{arg}`", field.name)),
        },
        (ArgRule::OptionalKey | ArgRule::RequiredKey, Some(arg)) => Ok(Arg::Key(arg.to_owned())),
    }
}
