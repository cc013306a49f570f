//! What an analyst reads: a finding, the event it is about, and which node saw it. One value; `json` and `human` are
//! its two faces and hold no knowledge of each other.
//!
//! Not here: deciding what is worth an alert (the engine does), and getting it out (`output`).

pub mod cmdline;
pub mod escape;
pub mod held;
pub mod human;
pub mod incident;
mod internal;
pub mod json;
pub mod loss;
pub mod notice;
pub mod rules;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
pub mod wrap;

use std::{fmt::Write, sync::Arc};

use jiff::Timestamp;
use nightjar_engine::{
    Event, Payload,
    incident::{Found, State},
    rule::{Finding, Priority},
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// What goes out: alerts about what happened, about what was not seen, and about the agent's own rules.
#[derive(Clone, Debug)]
pub enum Message {
    Alert(Box<Alert>),
    Loss(loss::Loss),
    Rules(rules::RulesNotice),
    Held(held::HeldBack),
    Notice(notice::Notice),
}

impl Message {
    /// Name of the rule, or of what is said in place of one.
    pub fn rule(&self) -> &str {
        match self {
            Message::Alert(alert) => &alert.finding.rule.name,
            Message::Loss(_) => loss::RULE,
            Message::Rules(notice) => notice.rule(),
            Message::Held(_) => held::RULE,
            Message::Notice(notice) => notice.rule,
        }
    }

    pub fn priority(&self) -> Priority {
        match self {
            Message::Alert(alert) => alert.finding.rule.priority,
            Message::Loss(loss) => loss.priority(),
            Message::Rules(notice) => notice.priority(),
            Message::Held(_) => held::PRIORITY,
            Message::Notice(notice) => notice.priority,
        }
    }
}

/// The keys of docs/alerts.md, whatever they are written as.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Message::Alert(alert) => alert.serialize(serializer),
            Message::Loss(loss) => loss.serialize(serializer),
            Message::Rules(notice) => notice.serialize(serializer),
            Message::Held(held) => held.serialize(serializer),
            Message::Notice(notice) => notice.serialize(serializer),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Alert {
    /// Names this alert for ever: the same event judged by the same rule again has the same id, on whichever run of
    /// the agent, so that a receiver can drop what it was sent twice.
    pub id: Uuid,
    pub origin: Arc<Origin>,
    pub event: Event,
    pub finding: Finding,
    /// What the finding is a part of. The alert is then about all of it, and the finding the worst that was found.
    pub incident: Option<Box<State>>,
}

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The node's name: `NODE_NAME` where a cluster sets it, else the host's.
    pub node: String,
    /// `/proc/sys/kernel/random/boot_id`: within one boot, the kernel's clock never repeats.
    pub boot: Uuid,
}

/// Reading the node's own name or boot failed.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error("read {BOOT_ID}")]
    Read(#[source] std::io::Error),
    #[error("read {BOOT_ID}: not a uuid")]
    Parse(#[source] uuid::Error),
}

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl Origin {
    pub fn of_this_node() -> Result<Self, OriginError> {
        let boot = std::fs::read_to_string(BOOT_ID).map_err(OriginError::Read)?;
        let boot = Uuid::try_parse(boot.trim_end()).map_err(OriginError::Parse)?;
        let node = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty());
        let node = node.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
        Ok(Origin { node, boot })
    }
}

impl Alert {
    pub fn new(origin: Arc<Origin>, event: Event, finding: Finding) -> Self {
        let id = id(&origin.boot, &event, &finding.rule.name);
        Alert { id, origin, event, finding, incident: None }
    }

    /// Of a finding by itself, or of the incident that it is the worst part of.
    pub fn of(origin: Arc<Origin>, found: &Found, incident: Option<Box<State>>) -> Self {
        let own = Uuid::from_u128(found.id);
        let id = incident.as_deref().map_or(own, |state| incident::report_id(state, own));
        Alert { id, origin, event: found.event.clone(), finding: found.finding.clone(), incident }
    }

    /// The incident, when this alert is not its first: then there is more to say than the finding.
    pub fn update(&self) -> Option<&State> {
        self.incident.as_deref().filter(|state| state.update > 0)
    }

    /// Nanoseconds since the epoch: when the event was, or the last one of an incident.
    pub fn nanoseconds(&self) -> u64 {
        self.incident.as_ref().map_or(self.event.time, |state| state.last)
    }

    /// `2026-11-25T00:34:43.123456789Z`, by the kernel's clock.
    pub fn time(&self) -> String {
        rfc3339(self.nanoseconds())
    }

    /// `complete`, or what of the container could not be learned.
    pub fn identity(&self) -> String {
        match &self.event.container {
            Some(container) if !container.missing.is_empty() => {
                format!("partial: {}", container.missing.join(", "))
            }
            None if self.event.unplaced => "partial: container".to_owned(),
            Some(_) | None => "complete".to_owned(),
        }
    }
}

/// A thread does not act twice in one nanosecond of the boot clock, so boot, clock, thread, deed and rule are unique.
pub fn id(boot: &Uuid, event: &Event, rule: &str) -> Uuid {
    let clock = match &event.payload {
        Payload::Record { header, .. } => header.time,
        Payload::Case { .. } => event.time,
    };
    let mut name = String::new();
    write!(name, "{clock} {} {} {} {rule}", event.cpu, event.tid, event.type_name())
        .expect("writing to a string cannot fail");
    Uuid::new_v5(boot, name.as_bytes())
}

/// Nanoseconds since the epoch as RFC 3339 with all nine digits.
pub fn rfc3339(time: u64) -> String {
    Timestamp::from_nanosecond(i128::from(time))
        .map_or_else(|_| time.to_string(), |time| format!("{time:.9}"))
}

/// The time of day of a time as `rfc3339` spells it.
pub fn clock_of(time: &str) -> &str {
    time.split_once('T').map_or(time, |(_, clock)| clock.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::{sample::alert, *};

    #[test]
    fn the_same_event_and_rule_have_the_same_id_and_any_difference_another() {
        let first = alert();
        let again = Alert::new(first.origin.clone(), first.event.clone(), first.finding.clone());
        assert_eq!(first.id, again.id);

        let mut later = first.event.clone();
        later.time += 1;
        assert_ne!(Alert::new(first.origin.clone(), later, first.finding.clone()).id, first.id);

        let mut origin = (*first.origin).clone();
        origin.boot = Uuid::from_u128(7);
        assert_ne!(Alert::new(Arc::new(origin), first.event.clone(), first.finding).id, first.id);
    }

    #[test]
    fn a_time_has_nine_digits_also_when_they_are_zero() {
        assert_eq!(rfc3339(1_700_000_000_000_000_000), "2023-11-14T22:13:20.000000000Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn this_node_has_a_name_and_a_boot() {
        let origin = Origin::of_this_node().unwrap();
        assert!(!origin.node.is_empty());
        assert!(!origin.boot.is_nil());
    }

    #[test]
    fn an_identity_says_what_it_lacks() {
        let mut alert = alert();
        assert_eq!(alert.identity(), "complete");
        let container = Arc::make_mut(alert.event.container.as_mut().unwrap());
        container.missing = vec!["image".into(), "pod".into()];
        assert_eq!(alert.identity(), "partial: image, pod");
        alert.event.container = None;
        assert_eq!(alert.identity(), "complete");
        alert.event.unplaced = true;
        assert_eq!(alert.identity(), "partial: container");
    }
}
