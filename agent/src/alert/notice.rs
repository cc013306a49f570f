//! The alert that the agent raises about itself: a test of the outputs, or alerts that did not reach one. It has the keys
//! that every alert has.

use std::sync::Arc;

use nightjar_engine::rule::Priority;
use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

use super::{Origin, clock_of, json::About, rfc3339};

/// Falco's word for what its alerts about itself come from.
const SOURCE: &str = "internal";

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub origin: Arc<Origin>,
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// As rule names go, so that a filter on rules finds it.
    pub rule: &'static str,
    pub priority: Priority,
    pub message: String,
    pub fields: Vec<(String, u64)>,
}

/// The keys that every alert has.
#[derive(Serialize)]
struct View<'a> {
    uuid: String,
    time: String,
    hostname: &'a str,
    rule: &'static str,
    priority: &'static str,
    source: &'static str,
    tags: [&'static str; 0],
    output: String,
    message: &'a str,
    output_fields: Fields<'a>,
    nightjar: About<'a>,
}

struct Fields<'a>(&'a Notice);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.fields.len() + 1))?;
        map.serialize_entry("evt.time", &self.0.time)?;
        for (name, value) in &self.0.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Notice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (time, priority, message) = (rfc3339(self.time), self.priority.name(), &self.message);
        let id = Uuid::new_v5(&self.origin.boot, format!("{} {}", self.time, self.rule).as_bytes());
        let view = View {
            uuid: id.to_string(),
            output: format!("{}: {priority} {message}", clock_of(&time)),
            time,
            hostname: &self.origin.node,
            rule: self.rule,
            priority,
            source: SOURCE,
            tags: [],
            message,
            output_fields: Fields(self),
            nightjar: About::of(&self.origin),
        };
        view.serialize(serializer)
    }
}
