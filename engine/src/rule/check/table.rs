//! Looks fields up: in the engine's table, then among the names that are only known to be Falco's.

use super::falco;
use crate::{
    field::{self, Arg, ArgRule, Field, Type},
    rule::{lang::FieldRef, source::Complaint},
};

/// Where fields are looked up. The language itself knows none.
pub struct Table<'t> {
    lookup: &'t dyn Fn(&str) -> Option<&'static Field>,
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
const ANCESTORS: &[&str] = &["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aargs"];

impl<'t> Table<'t> {
    pub fn new(lookup: &'t dyn Fn(&str) -> Option<&'static Field>, names: Vec<&'static str>) -> Self {
        Table { lookup, names }
    }

    pub fn find(&self, field: &FieldRef) -> Result<Found, Complaint> {
        if let Some(found) = self.named(&field.name, field.arg.as_deref(), field) {
            return found;
        }
        // `evt.arg.flags` is `evt.arg[flags]`.
        for (dot, _) in field.name.rmatch_indices('.') {
            let (base, key) = (&field.name[..dot], &field.name[dot + 1..]);
            let takes_key = match (self.lookup)(base) {
                Some(row) => is_key(row.arg),
                None => falco::field(base).is_some_and(|row| is_key(row.arg)),
            };
            if takes_key && field.arg.is_none() {
                return self.named(base, Some(key), field).unwrap_or_else(|| Err(self.unknown(field)));
            }
        }
        Err(self.unknown(field))
    }

    fn named(&self, name: &str, arg: Option<&str>, field: &FieldRef) -> Option<Result<Found, Complaint>> {
        let (row, ty, rule) = match (self.lookup)(name) {
            Some(row) => (Some(row), row.ty, row.arg),
            None => falco::field(name).map(|known| (None, known.ty, known.arg))?,
        };
        Some(argument(rule, arg, field).map(|arg| Found {
            // One of the list.
            ty: if ty == Type::List && arg != Arg::None { Type::Text } else { ty },
            any: arg == Arg::None && ANCESTORS.contains(&name),
            source: row.map(|row| (row, arg)),
            name: name.to_owned(),
        }))
    }

    fn unknown(&self, field: &FieldRef) -> Complaint {
        let known = falco::FIELDS.iter().map(|row| row.name);
        let complaint = Complaint::new(field.at.0, format!("unknown field `{}`", field.name));
        complaint.did_you_mean(&field.name, self.names.iter().copied().chain(known))
    }
}

impl Table<'_> {
    /// The engine's own fields.
    pub fn engine() -> Table<'static> {
        Table::new(&field::lookup, field::all().map(|field| field.name).collect())
    }
}

fn is_key(rule: ArgRule) -> bool {
    matches!(rule, ArgRule::OptionalKey | ArgRule::RequiredKey)
}

fn argument(rule: ArgRule, arg: Option<&str>, field: &FieldRef) -> Result<Arg, Complaint> {
    let wrong = |message: String| Err(Complaint::new(field.at.0, message));
    match (rule, arg) {
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
