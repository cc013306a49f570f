//! What the benches share: the records of a busy node, and sets of rules. It measures nothing itself.

mod replay;
mod rules;

pub use self::{
    replay::{Desk, Replay},
    rules::{RuleKind, rules},
};
