//! The keys of an alert that is about the agent itself: those that every alert has, and between them its own.

use nightjar_engine::rule::Priority;
use serde::Serialize;
use uuid::Uuid;

use super::{Origin, clock_of, json::About, rfc3339};

/// Falco's word for what its alerts about itself come from.
const SOURCE: &str = "internal";

/// `F` is written as `output_fields`, the keys of `K` behind it.
#[derive(Serialize)]
pub struct View<'a, F, K> {
    uuid: String,
    time: String,
    hostname: &'a str,
    rule: &'static str,
    priority: &'static str,
    source: &'static str,
    tags: [&'static str; 0],
    output: String,
    message: String,
    output_fields: F,
    #[serde(flatten)]
    keys: K,
    nightjar: About<'a>,
}

/// What all of them say.
pub struct Said<'a> {
    pub origin: &'a Origin,
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// As rule names go, so that a filter on rules finds it.
    pub rule: &'static str,
    pub priority: Priority,
    pub message: String,
}

impl<'a> Said<'a> {
    pub fn with<F, K>(self, output_fields: F, keys: K) -> View<'a, F, K> {
        let Said { origin, time: nanoseconds, rule, priority, message } = self;
        let (time, priority) = (rfc3339(nanoseconds), priority.name());
        View {
            uuid: Uuid::new_v5(&origin.boot, format!("{nanoseconds} {rule}").as_bytes()).to_string(),
            output: format!("{}: {priority} {message}", clock_of(&time)),
            time,
            hostname: &origin.node,
            rule,
            priority,
            source: SOURCE,
            tags: [],
            message,
            output_fields,
            keys,
            nightjar: About::of(origin),
        }
    }
}
