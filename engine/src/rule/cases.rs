//! Tests that rules carry: an event, or several one after the other, and whether the rule must object to the last.
//! The key `tests` is one that Falco ignores.

use super::{
    Finding,
    ruleset::{Matching, RuleSet},
    source::{Complaint, Content, Node, Reports},
};
use crate::event::{Case, Event};

/// Most events of one test.
const EVENTS_MAX: usize = 1024;

/// One test of one rule.
#[derive(Clone, Debug)]
pub struct RuleTest {
    pub rule: String,
    pub name: String,
    /// One after the other; each is read into an event's case with `read()`.
    pub events: Vec<Node>,
    /// `true`: the rule must object to the last, and to none before it; else to none.
    pub expect: bool,
    pub file: String,
    pub line: u32,
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct Tried {
    pub passed: bool,
    /// The event at which the rule objected first, or else the last.
    pub event: Event,
    /// What the rule said to it.
    pub finding: Option<Finding>,
    /// The other rules that object to it.
    pub others: Vec<String>,
}

impl RuleSet {
    /// Judges the events of a test as if nothing had been before them, and forgets them. The error says which cannot
    /// be.
    pub fn try_test(&self, test: &RuleTest) -> Result<Tried, String> {
        self.forget();
        let tried = self.try_events(test);
        self.forget();
        tried
    }

    fn try_events(&self, test: &RuleTest) -> Result<Tried, String> {
        let mut tried = None;
        for (place, node) in (1..).zip(&test.events) {
            let which =
                if test.events.len() == 1 { "the event".to_owned() } else { format!("event {place}") };
            let case: Case = node.read().map_err(|e| format!("{which} cannot be read: {e}"))?;
            let event = case.into_event().map_err(|e| format!("{which} cannot be: {e}"))?;
            let mut findings = Vec::new();
            self.judge(&event, Matching::All, &mut findings);
            let (own, others): (Vec<_>, Vec<_>) =
                findings.into_iter().partition(|finding| finding.rule.name == test.rule);
            let finding = own.into_iter().next();
            let last = place == test.events.len();
            let passed = if test.expect { last && finding.is_some() } else { finding.is_none() };
            let objected = finding.is_some();
            let others = others.into_iter().map(|finding| finding.rule.name.clone()).collect();
            tried = Some(Tried { passed, event, finding, others });
            if objected {
                break;
            }
        }
        tried.ok_or_else(|| "there is no event".to_owned())
    }
}

pub(super) fn read(
    node: &Node,
    rule: &str,
    file: &str,
    line: u32,
    reports: &mut Reports<'_>,
) -> Option<RuleTest> {
    let Content::Mapping(pairs) = &node.content else {
        let complaint = Complaint::new(node.place, format!("expected a test, found {}", node.noun()));
        reports.error(complaint.help("a test has `name`, `event` or `events`, and `expect`"));
        return None;
    };
    let known = ["name", "event", "events", "expect"];
    for (key, _) in pairs {
        let word = key.scalar().unwrap_or("");
        if !known.contains(&word) {
            let complaint = Complaint::new(key.place, format!("unknown key `{word}` of a test"));
            reports.error(complaint.did_you_mean(word, known));
        }
    }
    let find = |name: &str| pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value);
    let mut lacks = |name: &str| {
        reports.error(Complaint::new(node.place, format!("a test of rule `{rule}` needs `{name}`")));
    };
    let (name, expect) = (find("name"), find("expect"));
    name.is_none().then(|| lacks("name"));
    expect.is_none().then(|| lacks("expect"));
    let events = match (find("event"), find("events").map(|node| (node, &node.content))) {
        (Some(event), None) => Some(vec![event.clone()]),
        (None, Some((_, Content::Sequence(events)))) if (1..=EVENTS_MAX).contains(&events.len()) => {
            Some(events.clone())
        }
        (None, Some((node, _))) => {
            let message = format!("`events` must be a list of 1 to {EVENTS_MAX} events");
            reports.error(Complaint::new(node.place, message));
            None
        }
        (Some(_), Some((node, _))) => {
            reports.error(Complaint::new(node.place, "`event` and `events` exclude each other"));
            None
        }
        (None, None) => {
            lacks("event");
            None
        }
    };
    let expect = expect?;
    let expect = match expect.scalar() {
        Some("match") => true,
        Some("no_match") => false,
        Some(_) | None => {
            let complaint = Complaint::new(expect.place, "expected `match` or `no_match`");
            reports.error(complaint.did_you_mean(expect.scalar().unwrap_or(""), ["match", "no_match"]));
            return None;
        }
    };
    let name = name?;
    let Some(text) = name.scalar() else {
        reports.error(Complaint::new(name.place, "a test's `name` must be a text"));
        return None;
    };
    Some(RuleTest {
        rule: rule.to_owned(),
        name: text.to_owned(),
        events: events?,
        expect,
        file: file.to_owned(),
        line,
    })
}
