//! The keys of an incident, as docs/alerts.md has them.

use nightjar_engine::{
    incident::{End, State, Step},
    rule::Reason,
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    super::{
        json::{Ancestor, Why},
        rfc3339,
    },
    id, named,
};

#[derive(Serialize)]
pub struct IncidentView<'a> {
    id: String,
    update: u32,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<String>,
    first: String,
    last: String,
    findings: u64,
    score: u8,
    /// Steps that were in no alert before.
    new: usize,
    steps: Vec<StepView<'a>>,
    tree: Vec<NodeView<'a>>,
    /// Findings of processes that are not in the tree, which was full.
    #[serde(skip_serializing_if = "is_zero")]
    tree_left_out: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct StepView<'a> {
    uuid: String,
    rule: &'a str,
    priority: &'static str,
    tags: &'a [String],
    count: u64,
    first: String,
    last: String,
    message: &'a str,
    /// Of the same step, where the message was another.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    examples: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    process: Ancestor<'a>,
    why: Vec<Why<'a>>,
}

#[derive(Serialize)]
struct NodeView<'a> {
    depth: usize,
    parent: Option<u32>,
    #[serde(flatten)]
    process: Ancestor<'a>,
    findings: u64,
}

impl<'a> IncidentView<'a> {
    pub fn of(state: &'a State) -> Self {
        let node = |(depth, node): (usize, &'a nightjar_engine::incident::Node)| NodeView {
            depth,
            parent: state.tree.parent(node),
            process: Ancestor::of(&node.process),
            findings: node.findings,
        };
        IncidentView {
            id: id(state).to_string(),
            update: state.update,
            state: if state.end.is_some() { "closed" } else { "open" },
            closed: state.end.map(End::word),
            continues: state.continues.map(|first| named(first).to_string()),
            first: rfc3339(state.first),
            last: rfc3339(state.last),
            findings: state.findings,
            score: state.score(),
            new: state.new,
            steps: state.steps.iter().map(StepView::of).collect(),
            tree: state.tree.rows().into_iter().map(node).collect(),
            tree_left_out: state.tree.left_out,
        }
    }
}

impl<'a> StepView<'a> {
    fn of(step: &'a Step) -> Self {
        let (message, examples) =
            step.examples.split_first().map_or(("", [].as_slice()), |(one, more)| (one, more));
        StepView {
            uuid: Uuid::from_u128(step.id).to_string(),
            rule: &step.rule.name,
            priority: step.rule.priority.name(),
            tags: &step.rule.tags,
            count: step.count,
            first: rfc3339(step.first),
            last: rfc3339(step.last),
            message,
            examples,
            path: &step.path,
            process: Ancestor::of(&step.process),
            why: step.reasons.iter().map(|reason: &'a Reason| Why::of(reason)).collect(),
        }
    }
}
