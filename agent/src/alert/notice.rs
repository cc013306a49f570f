//! The alert that the agent raises about itself: a test of the outputs, or alerts that did not reach one. It has the keys
//! that every alert has.

use std::sync::Arc;

use nightjar_engine::rule::Priority;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Origin,
    escape::terminal,
    human::{self, Look},
    internal::Said,
};

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

impl Notice {
    /// The block, ending in an empty line.
    pub fn human(&self, look: Look) -> String {
        let mut block = human::title(self.time, self.priority, self.rule, look);
        human::row(&mut block, "what", &terminal(&self.message), look);
        human::row(&mut block, "where", &format!("node {}", self.origin.node), look);
        block.push('\n');
        block
    }
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
        let Notice { origin, time, rule, priority, message, fields: _ } = self;
        let said = Said { origin, time: *time, rule, priority: *priority, message: message.clone() };
        said.with(Fields(self), ()).serialize(serializer)
    }
}
