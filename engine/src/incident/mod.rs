//! Findings that belong together are one incident that grows: those of one process tree in one container, as long as each
//! follows another within the window. What is found again is counted, what is new is told soon, and the first at once.
//!
//! Pure bookkeeping: time comes with the findings and from whoever calls `advance`. It writes and sends nothing; a
//! `Report` is what is to be told.

mod key;
mod limit;
mod score;
mod step;
mod table;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

pub use self::{
    limit::{BUCKETS_MAX, Held},
    step::{EXAMPLES_MAX, STEP_REASONS_MAX, Step, TEXT_MAX},
    table::{AGE_MAX, BYTES_MAX, Counts, INCIDENTS_MAX, Incidents, STEPS_MAX},
    tree::{NODES_MAX, Node, Tree},
};
use crate::{
    event::Event,
    rule::{Finding, Rule},
};

pub const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Nanoseconds without a finding after which an incident is over; 0: each finding stands for itself.
    pub window: u64,
    /// Nanoseconds between two reports of one incident, while it grows.
    pub pause: u64,
    /// New findings of one rule in one container that are told in a minute; 0: all.
    pub per_minute: u32,
}

/// A finding, the event it is about, and a name for the two of them that is never used again.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: u128,
    pub event: Event,
    pub finding: Finding,
}

/// What is to be told.
#[derive(Clone, Debug)]
pub enum Report {
    /// A finding that stands for itself.
    Alone(Arc<Found>),
    /// An incident begins, grows or ends. With it the worst that was found, of equals the first.
    Incident(Arc<Found>, Box<State>),
    /// Findings that went beyond their rule's limit and are in no incident; and how many more, of which it is not known
    /// any more.
    Held(Vec<Held>, u64),
}

/// An incident as it is now.
#[derive(Clone, Debug)]
pub struct State {
    /// `Found::id` of the first finding: the incident's name.
    pub id: u128,
    /// The incident that this one goes on with, since that one was full or old.
    pub continues: Option<u128>,
    /// Counts its reports, from 0.
    pub update: u32,
    pub end: Option<End>,
    /// Nanoseconds since the epoch.
    pub first: u64,
    pub last: u64,
    pub findings: u64,
    /// What was found, each once, in order.
    pub steps: Vec<Step>,
    /// How many of the steps, the last of them, were in no report before this one.
    pub new: usize,
    pub tree: Tree,
}

/// Why an incident is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing more was found within the window.
    Quiet,
    /// It has as many steps as one may have; another goes on.
    Full,
    /// It lasts for longer than one may; another goes on.
    Old,
    /// Others needed the room.
    Evicted,
    /// The clock was set back.
    Clock,
    /// The agent ends.
    Stopped,
}

impl End {
    pub fn word(self) -> &'static str {
        match self {
            End::Quiet => "quiet",
            End::Full => "full",
            End::Old => "old",
            End::Evicted => "evicted",
            End::Clock => "clock",
            End::Stopped => "stopped",
        }
    }
}

impl State {
    /// From 1 to 100; it never falls.
    pub fn score(&self) -> u8 {
        score::of(self)
    }

    /// The rules that were broken, each once, in order.
    pub fn rules(&self) -> Vec<&Arc<Rule>> {
        let mut rules: Vec<&Arc<Rule>> = Vec::new();
        for step in &self.steps {
            if !rules.iter().any(|rule| rule.name == step.rule.name) {
                rules.push(&step.rule);
            }
        }
        rules
    }

    /// Their tags, each once, in order.
    pub fn tags(&self) -> Vec<&str> {
        let mut tags = Vec::new();
        for tag in self.steps.iter().flat_map(|step| &step.rule.tags) {
            if !tags.contains(&tag.as_str()) {
                tags.push(tag);
            }
        }
        tags
    }
}
