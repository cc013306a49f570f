//! The alert that is not about a deed but about the agent: events happened that it could not see.

use nightjar_engine::rule::Priority;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::sync::Arc;
use uuid::Uuid;

use super::{
    Origin, clock_of,
    human::{self, Look},
    json::{self, About},
    rfc3339,
};

/// As rule names go, so that a filter on rules finds it.
pub const RULE: &str = "Nightjar internal: events lost";
/// Falco's word for what its alerts about itself come from.
const SOURCE: &str = "internal";

/// Events between two moments of which no record came out of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub origin: Arc<Origin>,
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub since: u64,
    /// One an event, none without a loss.
    pub missed: Vec<Missed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    pub event: &'static str,
    /// The process tree and the containers hang on it.
    pub vital: bool,
    pub seen: u64,
    /// Left out so that the ring keeps room for vital events.
    pub shed: u64,
    /// The ring was full.
    pub lost: u64,
}

impl Loss {
    /// Whether what is known of processes and containers may be wrong now.
    pub fn vital(&self) -> bool {
        self.missed.iter().any(|missed| missed.vital)
    }

    pub fn priority(&self) -> Priority {
        if self.vital() { Priority::Critical } else { Priority::Error }
    }

    pub fn message(&self) -> String {
        let parts = self.missed.iter().map(|Missed { event, seen, shed, lost, .. }| {
            format!("{event} {} of {seen} ({shed} shed, {lost} lost)", shed + lost)
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!(
            "Events came faster than they were read and were not judged | {parts} since {}",
            rfc3339(self.since)
        )
    }

    fn id(&self) -> Uuid {
        Uuid::new_v5(&self.origin.boot, format!("{} {RULE}", self.time).as_bytes())
    }

    /// The line, without its end.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let (time, message, priority) = (rfc3339(self.time), self.message(), self.priority().name());
        json::to_line(&View {
            uuid: self.id().to_string(),
            output: format!("{}: {priority} {message}", clock_of(&time)),
            time,
            hostname: &self.origin.node,
            rule: RULE,
            priority,
            source: SOURCE,
            tags: [],
            message,
            output_fields: Fields(self),
            nightjar: About::of(&self.origin),
        })
    }

    /// The block, ending in an empty line.
    pub fn human(&self, look: Look) -> String {
        let mut block = human::title(self.time, self.priority(), RULE, look);
        human::row(&mut block, "what", &self.message(), look);
        human::row(&mut block, "where", &format!("node {}", self.origin.node), look);
        block.push('\n');
        block
    }
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
    message: String,
    output_fields: Fields<'a>,
    nightjar: About<'a>,
}

struct Fields<'a>(&'a Loss);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("evt.time", &self.0.time)?;
        map.serialize_entry("since", &self.0.since)?;
        for Missed { event, seen, shed, lost, .. } in &self.0.missed {
            for (column, count) in [("seen", seen), ("shed", shed), ("lost", lost)] {
                map.serialize_entry(&format!("{event}.{column}"), count)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn loss() -> Loss {
        Loss {
            origin: Arc::new(Origin { node: "node-1".into(), boot: Uuid::from_u128(1) }),
            time: 1_764_030_883_000_000_000,
            since: 1_764_030_882_000_000_000,
            missed: vec![Missed { event: "open", vital: false, seen: 900, shed: 100, lost: 3 }],
        }
    }

    #[test]
    fn a_loss_has_the_keys_of_an_alert_and_a_number_for_each_column() {
        let value: Value = serde_json::from_str(&loss().json().unwrap()).unwrap();
        assert_eq!(value["rule"], RULE);
        assert_eq!((&value["priority"], &value["source"]), (&json!("Error"), &json!("internal")));
        assert_eq!(value["time"], "2025-11-25T00:34:43.000000000Z");
        assert_eq!(
            value["output_fields"],
            json!({"evt.time": 1_764_030_883_000_000_000_u64, "since": 1_764_030_882_000_000_000_u64,
                "open.seen": 900, "open.shed": 100, "open.lost": 3})
        );
        assert_eq!(value["nightjar"]["node"], "node-1");
    }

    #[test]
    fn a_loss_of_what_the_process_tree_hangs_on_is_graver() {
        let mut loss = loss();
        loss.missed.push(Missed { event: "exec", vital: true, seen: 10, shed: 0, lost: 1 });
        assert_eq!(loss.priority(), Priority::Critical);
    }

    #[test]
    fn a_person_reads_how_many_of_which_event() {
        let expected = "\
2025-11-25 00:34:43.000000000Z  Error  Nightjar internal: events lost
  what    Events came faster than they were read and were not judged | open 103 of 900 (100 shed, 3 lost) since 2025-11-25T00:34:42.000000000Z
  where   node node-1

";
        assert_eq!(loss().human(Look { color: false, width: None }), expected);
    }
}
