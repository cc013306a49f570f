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

#[cfg(test)]
mod tests {
    use crate::rule::testing::{errors, loaded, rule};

    fn with(tests: &str) -> String {
        format!("{}  tests: {tests}\n", rule("evt.type = open"))
    }

    #[test]
    fn a_test_that_cannot_be_is_refused_where_it_stands() {
        for (tests, message) in [
            ("[{name: x, expect: match}]", "a test of rule `r` needs `event`"),
            ("[{name: x, events: [], expect: match}]", "`events` must be a list of 1 to 1024 events"),
            (
                "[{name: x, events: {type: open}, expect: match}]",
                "`events` must be a list of 1 to 1024 events",
            ),
            (
                "[{name: x, event: {}, events: [{}], expect: match}]",
                "`event` and `events` exclude each other",
            ),
            ("[{name: x, evnts: [{}], event: {}, expect: match}]", "did you mean `events`?"),
            ("[{event: {}, expect: match}]", "a test of rule `r` needs `name`"),
            ("[3]", "expected a test, found"),
        ] {
            let found = errors(&[&with(tests)]);
            assert!(found.iter().any(|error| error.contains(message)), "{tests}: {found:?}");
        }
    }

    #[test]
    fn a_file_may_add_tests_to_a_rule_of_another_and_nothing_else() {
        let more = "- rule: r\n  tests: [{name: more, event: {type: open}, expect: match}]\n";
        let set = loaded(&[&with("[{name: own, event: {type: close}, expect: no_match}]"), more]).rules;
        let names: Vec<_> = set.tests().iter().map(|test| (test.name.as_str(), test.file.as_str())).collect();
        assert_eq!(names, [("own", "0.yaml"), ("more", "1.yaml")]);
        assert_eq!(set.rules().next().unwrap().desc, "d");
        let lost = errors(&[&with("[]"), &more.replace("rule: r", "rule: q")]);
        assert!(
            lost[0].contains("no rule `q` is defined above") && lost[0].contains("1.yaml:1:9"),
            "{lost:?}"
        );
    }

    #[test]
    fn the_last_event_must_be_the_one_and_what_cannot_be_is_no_pass() {
        let tried = |events: &str, expect: &str| {
            let set = loaded(&[&with(&format!("[{{name: x, events: {events}, expect: {expect}}}]"))]).rules;
            set.try_test(&set.tests()[0]).map(|tried| (tried.passed, tried.finding.is_some()))
        };
        assert_eq!(tried("[{type: execve}, {type: open}]", "match"), Ok((true, true)));
        assert_eq!(
            tried("[{type: open}, {type: open}]", "match"),
            Ok((false, true)),
            "it was the first already"
        );
        assert_eq!(tried("[{type: execve}, {type: execve}]", "match"), Ok((false, false)));
        assert_eq!(tried("[{type: execve}, {type: open}]", "no_match"), Ok((false, true)));
        assert_eq!(tried("[{type: execve}]", "no_match"), Ok((true, false)));
        let wrong = tried("[{type: execve}, {type: opn}]", "no_match").unwrap_err();
        assert!(wrong.starts_with("event 2 cannot be: unknown event type `opn`"), "{wrong}");
    }
}
