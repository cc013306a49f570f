//! A few fields for the tests of the language, so that they do not hang on the engine's own table. Values come from
//! a case; a text that begins or ends with `…` has lost that end.

use std::{collections::BTreeMap, sync::Arc};

use nightjar_events::{
    Cut, Kind,
    schema::{Bit, bit},
};

use super::{Diagnostic, Finding, Loaded, Matching, Source, Table, load_with};
use crate::{
    event::{Event, OwnedValue, Payload, Process},
    field::{Arg, ArgRule, Field, Type},
    value::{Text, Value},
};

const FLAGS: &[Bit] = &[bit("O_CREAT", 1), bit("O_TRUNC", 2), bit("O_CREATED", 4)];

macro_rules! fields {
    ($($name:literal $ty:ident $arg:ident $needs:expr;)*) => {
        static FIELDS: &[Field] = &[$(Field {
            name: $name, ty: Type::$ty, arg: ArgRule::$arg, needs: $needs, doc: concat!("About ", $name, "."),
            get: |event, arg| value(event, $name, Type::$ty, arg),
        }),*];
    };
}

fields! {
    "evt.type" Text None None;
    "evt.num" Uint None None;
    "evt.is_open_write" Bool None Some(|kind| kind == Kind::Open);
    "evt.arg.flags" Flags None None;
    "evt.rawres" Int None None;
    "proc.name" Text None None;
    "proc.cmdline" Text None None;
    "proc.pname" Text None None;
    "proc.args" List None None;
    "proc.aname" List OptionalIndex None;
    "proc.duration" Duration None None;
    "proc.pid" Int None None;
    "fd.name" Text None Some(|kind| matches!(kind, Kind::Open | Kind::Connect));
    "fd.num" Int None Some(|kind| matches!(kind, Kind::Open | Kind::Connect));
    "fd.sip" Ip None Some(|kind| kind == Kind::Connect);
    "fd.cip" Ip None Some(|kind| kind == Kind::Connect);
    "fd.net" Net None Some(|kind| kind == Kind::Connect);
    "fd.sport" Port None Some(|kind| kind == Kind::Connect);
    "container.id" Text None None;
    "container.mount.dest" Text RequiredKey None;
}

fn value<'e>(event: &'e Event, name: &str, ty: Type, arg: &Arg) -> Value<'e> {
    match name {
        "evt.type" => return Value::text(event.type_name()),
        "evt.num" => return Value::Uint(event.number),
        _ => {}
    }
    let Payload::Case { values, .. } = &event.payload else { return Value::Absent };
    let name = match arg {
        Arg::None => name.to_owned(),
        Arg::Index(index) => format!("{name}[{index}]"),
        Arg::Key(key) => format!("{name}[{key}]"),
    };
    match (values.get(&name), ty) {
        (None, _) => Value::Absent,
        (Some(Value::Uint(n)), Type::Flags) => Value::Flags(*n, FLAGS),
        (Some(value), _) => value.reborrow(),
    }
}

fn cut(text: &str) -> Text<'static> {
    match (text.strip_prefix('…'), text.strip_suffix('…')) {
        (Some(rest), _) => Text::cut(rest.as_bytes().to_vec(), Cut::Front),
        (None, Some(rest)) => Text::cut(rest.as_bytes().to_vec(), Cut::Back),
        (None, None) => Text::whole(text.as_bytes().to_vec()),
    }
}

pub fn lookup(name: &str) -> Option<(&'static Field, Arg)> {
    FIELDS.iter().find(|field| field.name == name).map(|field| (field, Arg::None))
}

pub fn table() -> Table<'static> {
    Table::new(&lookup, FIELDS.iter().map(|field| field.name).collect())
}

pub fn load(files: &[&str]) -> Result<Loaded, Vec<Diagnostic>> {
    let sources =
        (0..).zip(files).map(|(n, text)| Source { name: format!("{n}.yaml"), text: (*text).to_owned() });
    load_with(&sources.collect::<Vec<_>>(), &table())
}

/// The messages of files that must not load.
pub fn errors(files: &[&str]) -> Vec<String> {
    match load(files) {
        Ok(_) => panic!("loaded"),
        Err(list) => list.iter().map(ToString::to_string).collect(),
    }
}

pub fn loaded(files: &[&str]) -> Loaded {
    load(files).unwrap_or_else(|list| panic!("{}", list.iter().map(|d| format!("{d}\n")).collect::<String>()))
}

/// A file with one rule.
pub fn rule(condition: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  condition: >\n    {condition}\n  output: \"%proc.name\"\n  priority: INFO\n  warn_evttypes: false\n"
    )
}

pub fn event(name: &str, values: &[(&str, OwnedValue)]) -> Event {
    let (kind, variant) = super::check::types::produced()
        .find(|(of, _, _)| *of == name)
        .map_or_else(|| panic!("no event type {name}"), |(_, kind, variant)| (kind, variant));
    let values: BTreeMap<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Event {
        time: 1,
        number: 7,
        tid: 1,
        cpu: 0,
        cgroup_id: 0,
        payload: Payload::Case { kind, variant, values },
        process: Arc::new(Process::default()),
        container: None,
        unplaced: false,
    }
}

pub fn text(text: &str) -> OwnedValue {
    Value::Text(cut(text))
}

pub fn list(words: &[&str]) -> OwnedValue {
    Value::List(words.iter().map(|word| cut(word)).collect())
}

pub fn ip(text: &str) -> OwnedValue {
    Value::Ip(text.parse().unwrap())
}

pub fn judge(loaded: &Loaded, event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    loaded.rules.judge(event, Matching::All, &mut findings);
    findings
}

/// `"match"`, `"no match"` or `"undecided"` of one condition on one event.
pub fn verdict(condition: &str, event: &Event) -> &'static str {
    let loaded = loaded(&[&rule(condition)]);
    match (judge(&loaded, event).len(), loaded.rules.undecided().count()) {
        (1, 0) => "match",
        (0, 0) => "no match",
        (0, 1) => "undecided",
        other => panic!("{other:?}"),
    }
}
