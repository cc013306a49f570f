//! The form of an event that people write as a test, and that `nightjar events --format json` prints.
//!
//! What a case does not say is as usual (`usual`); what it says that no event has is an error. A field given as
//! null is one that the event does not have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use nightjar_events::{EVENTS, Field, Kind};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    Container, Event, Payload, Process,
    form::{self, closest},
    node::Node,
    parts::unknown,
    usual::{self, Values},
};
use crate::value::Value;

/// Keys that are not fields of the event's page.
pub const KEYS: &[&str] =
    &["type", "time", "number", "tid", "cpu", "cgroup_id", "proc", "container", "unplaced"];

/// An event as written; whether its fields fit its type is not known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    ty: String,
    time: u64,
    number: u64,
    tid: Option<u32>,
    cpu: u32,
    cgroup_id: u64,
    fields: BTreeMap<String, Node>,
    process: Process,
    container: Option<Container>,
    unplaced: bool,
}

/// Why a case is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    #[error("unknown event type `{name}`{hint} (known are {known})")]
    UnknownType { name: String, hint: String, known: String },
    #[error("{0}")]
    UnknownField(String),
    #[error("`{field}` of {event} is {found} where {expected} was expected")]
    BadValue { event: &'static str, field: &'static str, found: String, expected: String },
}

impl Case {
    pub fn into_event(self) -> Result<Event, CaseError> {
        let (kind, variant) = find_type(&self.ty)?;
        let (mut values, mut absent) = (Values::new(), BTreeSet::new());
        for (key, node) in self.fields {
            let row = find_field(kind, &key)?;
            if node == Node::Null {
                absent.insert(row.name);
                continue;
            }
            let found = node.to_string();
            let value = form::read(node, &row.ty).map_err(|expected| CaseError::BadValue {
                event: kind.name(),
                field: row.name,
                found,
                expected: expected.0,
            })?;
            values.insert(key, value);
        }
        usual::fill(kind, variant, &mut values, &absent, &self.process);
        Ok(Event {
            time: self.time,
            number: self.number,
            tid: self.tid.unwrap_or(self.process.pid),
            cpu: self.cpu,
            cgroup_id: self.cgroup_id,
            payload: Payload::Case { kind, variant, values },
            process: Arc::new(self.process),
            container: self.container.map(Arc::new),
            unplaced: self.unplaced,
        })
    }
}

/// By a value of `evt.type`, or by the event's own name.
fn find_type(name: &str) -> Result<(Kind, u16), CaseError> {
    let types = EVENTS.iter().flat_map(|event| {
        // An event has a handful of types: their index fits.
        event.types.iter().zip(0u16..).map(|(ty, variant)| (*ty, event.kind, variant))
    });
    let names = EVENTS.iter().map(|event| (event.name, event.kind, 0));
    let mut all = types.chain(names);
    if let Some((_, kind, variant)) = all.clone().find(|(known, ..)| *known == name) {
        return Ok((kind, variant));
    }
    let hint =
        closest(name, all.clone().map(|(known, ..)| known)).map(|known| format!(", did you mean `{known}`?"));
    let mut known: Vec<_> = all.by_ref().map(|(known, ..)| known).collect();
    known.sort_unstable();
    known.dedup();
    Err(CaseError::UnknownType {
        name: name.to_owned(),
        hint: hint.unwrap_or_default(),
        known: known.join(", "),
    })
}

fn find_field(kind: Kind, key: &str) -> Result<&'static Field, CaseError> {
    let fields = kind.event().fields;
    fields.iter().find(|field| field.name == key).ok_or_else(|| {
        let known: Vec<_> = fields.iter().map(|field| field.name).chain(KEYS.iter().copied()).collect();
        CaseError::UnknownField(unknown(kind.name(), key, &known))
    })
}

impl<'de> Deserialize<'de> for Case {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(CaseVisitor)
    }
}

struct CaseVisitor;

impl<'de> Visitor<'de> for CaseVisitor {
    type Value = Case;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map that describes an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Case, M::Error> {
        let mut case = Case {
            ty: String::new(),
            time: 0,
            number: 1,
            tid: None,
            cpu: 0,
            cgroup_id: 0,
            fields: BTreeMap::new(),
            process: Process::default(),
            container: None,
            unplaced: false,
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => case.ty = map.next_value()?,
                "time" => case.time = map.next_value()?,
                "number" => case.number = map.next_value()?,
                "tid" => case.tid = Some(map.next_value()?),
                "cpu" => case.cpu = map.next_value()?,
                "cgroup_id" => case.cgroup_id = map.next_value()?,
                "proc" => case.process = map.next_value()?,
                "container" => case.container = map.next_value()?,
                "unplaced" => case.unplaced = map.next_value()?,
                _ => {
                    let node = map.next_value()?;
                    if case.fields.insert(key.clone(), node).is_some() {
                        return Err(M::Error::custom(format!("`{key}` is given twice")));
                    }
                }
            }
        }
        if case.ty.is_empty() {
            return Err(M::Error::custom("an event needs a `type`"));
        }
        Ok(case)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("type", self.type_name())?;
        for (key, value, usual) in [
            ("time", self.time, 0),
            ("number", self.number, 1),
            ("tid", self.tid.into(), self.process.pid.into()),
            ("cpu", self.cpu.into(), 0),
            ("cgroup_id", self.cgroup_id, 0),
        ] {
            if value != usual {
                map.serialize_entry(key, &value)?;
            }
        }
        for (row, value) in unusual(self) {
            map.serialize_entry(row.name, &form::write(&value, &row.ty))?;
        }
        if *self.process != Process::default() {
            map.serialize_entry("proc", &*self.process)?;
        }
        if let Some(container) = &self.container {
            map.serialize_entry("container", &**container)?;
        }
        if self.unplaced {
            map.serialize_entry("unplaced", &true)?;
        }
        map.end()
    }
}

/// The fields that have to be said for the others to follow, in the page's order.
fn unusual(event: &Event) -> Vec<(&'static Field, Value<'static>)> {
    let (kind, variant) = (event.kind(), event.payload.variant());
    let rows = kind.event().fields;
    let all: Vec<_> = rows.iter().map(|row| (row, event.get(row).into_owned())).collect();
    let (mut said, mut absent) = (Values::new(), BTreeSet::new());
    loop {
        let mut read = said.clone();
        usual::fill(kind, variant, &mut read, &absent, &event.process);
        let read_as = |row: &Field| read.get(row.name).unwrap_or(&Value::Absent);
        // Each turn settles one more row, so this ends.
        let Some((row, value)) = all.iter().find(|(row, value)| read_as(row) != value) else { break };
        if value.is_absent() {
            absent.insert(row.name);
        } else {
            said.insert(row.name.to_owned(), value.clone());
        }
    }
    all.into_iter().filter(|(row, _)| said.contains_key(row.name) || absent.contains(row.name)).collect()
}
