//! What the benches share: the records of a busy node, sets of rules, alerts and receivers. It measures nothing itself.

mod alerts;
mod replay;
mod rules;
pub mod sinks;

pub use self::{
    alerts::{alerts, items},
    replay::{Desk, Replay},
    rules::{RuleKind, rules},
};
