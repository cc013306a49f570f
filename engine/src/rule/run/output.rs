//! What a finding tells: the output template filled in, the fields it names, and which comparisons held.

use serde::Serialize;

use super::{
    compare::as_text,
    program::check_truth,
    read::{Got, Reader, Slot},
    truth::Truth,
};
use crate::{
    event::Event,
    rule::{
        Reason,
        check::{Arena, Node, NodeId, ReadId, arena::Fixed},
    },
    value::{Text, Value},
};
use nightjar_events::Cut;

/// What stands for a value that is not there.
pub const MISSING: &str = "<NA>";
/// Most reasons given for one finding.
pub const REASONS_MAX: usize = 32;

/// A part of an output template.
#[derive(Clone, Debug)]
pub enum Part {
    Text(String),
    Value { read: ReadId, written: String },
}

/// A field's value as an alert shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OutputValue {
    /// The event has no such value.
    Absent,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(String),
    /// A text of which an end is missing; an ellipsis stands there.
    Cut(String),
}

impl OutputValue {
    /// As it stands in the output's text.
    pub fn shown(&self) -> std::borrow::Cow<'_, str> {
        match self {
            OutputValue::Absent => MISSING.into(),
            OutputValue::Bool(b) => if *b { "true" } else { "false" }.into(),
            OutputValue::Int(n) => n.to_string().into(),
            OutputValue::Uint(n) => n.to_string().into(),
            OutputValue::Text(text) | OutputValue::Cut(text) => text.into(),
        }
    }

    fn of(got: &Got<'_>) -> OutputValue {
        match got {
            Got::Unknown | Got::Known(Value::Absent) => OutputValue::Absent,
            Got::Known(Value::Bool(b)) => OutputValue::Bool(*b),
            Got::Known(Value::Int(n)) => OutputValue::Int(*n),
            Got::Known(Value::AtLeast(n)) => OutputValue::Text(format!(">={n}")),
            Got::Known(Value::Uint(n)) => OutputValue::Uint(*n),
            Got::Known(
                value @ (Value::Ip(_) | Value::Flags(_, _) | Value::Text(_) | Value::List(_) | Value::Any(_)),
            ) => text(&as_text(value)),
        }
    }
}

fn text(text: &Text<'_>) -> OutputValue {
    let shown = String::from_utf8_lossy(&text.bytes);
    match text.cut {
        Cut::None => OutputValue::Text(shown.into_owned()),
        Cut::Back => OutputValue::Cut(format!("{shown}…")),
        Cut::Front => OutputValue::Cut(format!("…{shown}")),
    }
}

/// Fills templates for one event.
pub struct Teller<'r, 'e> {
    arena: &'r Arena,
    reader: Reader<'r, 'e>,
}

impl<'r: 'e, 'e> Teller<'r, 'e> {
    /// `slots` gives every read a place.
    pub fn new(arena: &'r Arena, event: &'e Event, slots: &'r [Slot]) -> Self {
        Teller { arena, reader: Reader::new(event, &arena.operands.reads, slots, slots.len()) }
    }

    fn value(&mut self, read: ReadId) -> OutputValue {
        self.reader.fill(read);
        OutputValue::of(self.reader.got(read))
    }

    /// The first of these that is there, as a text.
    pub fn first(&mut self, reads: &[ReadId]) -> Option<String> {
        reads.iter().map(|read| self.value(*read)).find_map(|value| match value {
            OutputValue::Absent => None,
            value => Some(value.shown().into_owned()),
        })
    }

    pub fn fill(&mut self, template: &[Part]) -> (String, Vec<(String, OutputValue)>) {
        let (mut out, mut fields) = (String::new(), Vec::new());
        for part in template {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value { read, written } => {
                    let value = self.value(*read);
                    out.push_str(&value.shown());
                    if !fields.iter().any(|(name, _)| name == written) {
                        fields.push((written.clone(), value));
                    }
                }
            }
        }
        (out, fields)
    }

    /// The comparisons that made a condition true. Those under a `not` held nothing, so they are no reasons.
    pub fn reasons(&mut self, root: NodeId) -> Vec<Reason> {
        let mut reasons = Vec::new();
        self.explain(root, &mut reasons);
        reasons.truncate(REASONS_MAX);
        reasons
    }

    fn explain(&mut self, id: NodeId, reasons: &mut Vec<Reason>) {
        let arena = self.arena;
        match &arena.nodes[id.0 as usize] {
            Node::Const(_) | Node::Not(_) => {}
            Node::Check(check) => {
                let checked = &arena.checks[check.0 as usize];
                let value = self.value(checked.compare.read).shown().into_owned();
                let telling = checked.telling;
                let reason = Reason { check: checked.shown.clone(), value, telling };
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            Node::And(parts) => parts.iter().for_each(|part| self.explain(*part, reasons)),
            Node::Or(parts) => {
                if let Some(part) = parts.iter().find(|part| self.truth(**part) == Truth::True) {
                    self.explain(*part, reasons);
                }
            }
        }
    }

    /// What a condition says, worked out without a program.
    pub fn truth(&mut self, id: NodeId) -> Truth {
        let arena = self.arena;
        match &arena.nodes[id.0 as usize] {
            Node::Const(value) => (*value).into(),
            Node::Check(check) => match arena.checks[check.0 as usize].fixed {
                Fixed::Types(types) => types.has(self.reader.event.type_name()).into(),
                Fixed::Always(value) => value.into(),
                Fixed::Never => Truth::Undecided,
                Fixed::No => check_truth(arena, &mut self.reader, *check),
            },
            Node::And(parts) => parts.iter().fold(Truth::True, |sum, part| sum.and(self.truth(*part))),
            Node::Or(parts) => parts.iter().fold(Truth::False, |sum, part| sum.or(self.truth(*part))),
            Node::Not(inner) => self.truth(*inner).not(),
        }
    }
}
