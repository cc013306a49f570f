//! One thing that was found in an incident, however often: what an analyst needs of it, in bounded space.

use std::sync::Arc;

use super::{Found, tree};
use crate::{
    Event, Process,
    event::Payload,
    rule::{Reason, Rule},
    value::Value,
};

/// Longest text kept of a message or a path, in bytes; of a reason's value a quarter.
pub const TEXT_MAX: usize = 512;
/// Most reasons kept of a step.
pub const STEP_REASONS_MAX: usize = 8;
/// Most different messages kept of a step, the first among them.
pub const EXAMPLES_MAX: usize = 3;

#[derive(Clone, Debug)]
pub struct Step {
    /// `Found::id` of the first.
    pub id: u128,
    pub rule: Arc<Rule>,
    pub count: u64,
    /// Nanoseconds since the epoch.
    pub first: u64,
    pub last: u64,
    /// Who did it first, without ancestors.
    pub process: Arc<Process>,
    /// The file or other path that the event is about, empty where there is none.
    pub path: String,
    pub reasons: Arc<[Reason]>,
    /// Messages, the first first.
    pub examples: Vec<String>,
}

impl Step {
    pub fn of(found: &Found) -> Step {
        let Found { id, event, finding } = found;
        let reasons = finding.reasons.iter().take(STEP_REASONS_MAX);
        let reasons = reasons.map(|Reason { check, value, telling }| Reason {
            check: shortened(check, TEXT_MAX / 4),
            value: shortened(value, TEXT_MAX / 4),
            telling: *telling,
        });
        Step {
            id: *id,
            rule: Arc::clone(&finding.rule),
            count: 1,
            first: event.time,
            last: event.time,
            process: Arc::new(tree::bare(&event.process)),
            path: path(event),
            reasons: reasons.collect(),
            examples: vec![shortened(&finding.output, TEXT_MAX)],
        }
    }

    /// It was found again.
    pub fn again(&mut self, found: &Found) {
        self.count += 1;
        self.first = self.first.min(found.event.time);
        self.last = self.last.max(found.event.time);
        if self.examples.len() < EXAMPLES_MAX {
            let example = shortened(&found.finding.output, TEXT_MAX);
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    pub fn bytes(&self) -> usize {
        let reasons: usize = self.reasons.iter().map(|reason| reason.check.len() + reason.value.len()).sum();
        // Room for the examples that are yet to come.
        size_of::<Step>() + tree::bytes(&self.process) + self.path.len() + reasons + EXAMPLES_MAX * TEXT_MAX
    }
}

/// Every page that is about a file calls it so.
fn path(event: &Event) -> String {
    if let Payload::Case { values, .. } = &event.payload {
        return values.get("path").map_or_else(String::new, text);
    }
    let field = event.kind().event().fields.iter().find(|field| field.name == "path");
    field.map_or_else(String::new, |field| text(&event.get(field)))
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => shortened(&String::from_utf8_lossy(&text.bytes), TEXT_MAX),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::AtLeast(_)
        | Value::Uint(_)
        | Value::Ip(_)
        | Value::Flags(_, _)
        | Value::List(_)
        | Value::Any(_) => String::new(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}
