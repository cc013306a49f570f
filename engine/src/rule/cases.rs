//! Tests that rules carry: an event, and whether the rule must match it. The key `tests` is one that Falco ignores.

use super::source::{Complaint, Content, Node, Reports};

/// One test of one rule.
#[derive(Clone, Debug)]
pub struct RuleTest {
    pub rule: String,
    pub name: String,
    /// Read it into an event's case with `event.read()`.
    pub event: Node,
    /// `true`: the rule must match.
    pub expect: bool,
    pub file: String,
    pub line: u32,
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
        reports.error(complaint.help("a test has `name`, `event` and `expect`"));
        return None;
    };
    let known = ["name", "event", "expect"];
    for (key, _) in pairs {
        let word = key.scalar().unwrap_or("");
        if !known.contains(&word) {
            let complaint = Complaint::new(key.place, format!("unknown key `{word}` of a test"));
            reports.error(complaint.did_you_mean(word, known));
        }
    }
    let mut get = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value);
        if found.is_none() {
            reports.error(Complaint::new(node.place, format!("a test of rule `{rule}` needs `{name}`")));
        }
        found
    };
    let (name, event, expect) = (get("name"), get("event"), get("expect"));
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
        event: event?.clone(),
        expect,
        file: file.to_owned(),
        line,
    })
}
