//! What the outputs have in common: the alerts that they are handed, and what they can say became of them.

use std::borrow::Cow;

use nightjar_engine::rule::Priority;
use serde_json::Value;

/// Carries alerts to one receiver. Blocks, for no longer than its timeout and a little.
pub trait Transport: Send {
    /// Hands over alerts in their order; one answer for each.
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure>;
}

/// An alert that is about to be sent.
#[derive(Clone, Debug)]
pub struct Item {
    /// Names the alert for ever: a receiver that was sent it twice can tell.
    pub key: String,
    pub priority: Priority,
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// With the keys of docs/alerts.md.
    pub alert: Value,
    /// The alert in the output's format.
    pub body: String,
}

impl Item {
    pub fn of(alert: Value) -> Item {
        let text = |key: &str| alert.get(key).and_then(Value::as_str).unwrap_or_default();
        let nanoseconds = text("time").parse::<jiff::Timestamp>().map(jiff::Timestamp::as_nanosecond);
        Item {
            key: text("uuid").to_owned(),
            priority: Priority::of(text("priority")).unwrap_or(Priority::Debug),
            time: nanoseconds.ok().and_then(|time| u64::try_from(time).ok()).unwrap_or_default(),
            body: String::new(),
            alert,
        }
    }

    /// A text of the alert by its JSON pointer; empty when it is not there.
    pub fn text(&self, pointer: &str) -> &str {
        self.alert.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The body as a value inside of JSON.
    pub fn json_body(&self) -> Cow<'_, str> {
        if self.body.starts_with('{') {
            Cow::Borrowed(&self.body)
        } else {
            Cow::Owned(Value::from(self.body.as_str()).to_string())
        }
    }

    /// The rule, and those of all steps of its incident.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text("/rule"))
            .chain(self.steps().filter_map(move |step| step.get("rule")?.as_str()))
    }

    /// The steps of its incident, if it is of one.
    pub fn steps(&self) -> impl Iterator<Item = &Value> {
        self.alert.pointer("/incident/steps").and_then(Value::as_array).into_iter().flatten()
    }

    /// A time of the alert by its JSON pointer, in milliseconds since the epoch.
    pub fn millis(&self, pointer: &str) -> Option<i64> {
        let time = self.text(pointer).parse::<jiff::Timestamp>();
        time.map(jiff::Timestamp::as_millisecond).ok()
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.alert.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// What a receiver said of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// It will never take this one.
    Refused(String),
    /// Not now.
    Again(String),
}

/// What went wrong with all of them.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The receiver will never take these as they are. One of them may be the reason.
    Refused(String),
    /// The receiver is not there, or asks for patience, or does not know us.
    Again(String),
}

impl Failure {
    /// An error with all its causes.
    pub fn again(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure::Again(format!("{:#}", anyhow::Error::from(error)))
    }
}

/// The same answer for all.
pub fn all_taken(items: &[Item]) -> Vec<Verdict> {
    vec![Verdict::Taken; items.len()]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::alert::{Message, sample::alert, schema::Format};

    /// The alert that the tests of this folder look at.
    pub fn item() -> Item {
        let message = Message::Alert(Box::new(alert()));
        let mut item = Item::of(serde_json::to_value(&message).unwrap());
        item.body = Format::Native.body(&item);
        item
    }

    #[test]
    fn an_item_knows_its_key_time_and_priority() {
        let (item, alert) = (item(), alert());
        assert_eq!((item.key, item.time), (alert.id.to_string(), alert.event.time));
        assert_eq!(item.priority, Priority::Warning);
    }
}
