//! The key `state` of a rule: how often, of how many values, for the first time, or after what it is to happen before
//! the rule objects. It is ours: Falco warns of it and goes on. What it counts is remembered in `rule::state`.

use super::{Collected, Loader, Macros, RuleDef};
use crate::rule::{
    check::{NodeId, ReadId, types},
    correlate::{Correlation, Feeder, What},
    lang::parse,
    ruleset::Entry,
    sigma::correlation::span,
    source::{Complaint, Content, Node, Place, Reports, Text},
    state::{COUNT_MAX, Kind, Pattern},
};

/// Most fields that `by` or `first` names.
const FIELDS_MAX: usize = 16;
/// Most conditions that `after` names.
const STEPS_MAX: usize = 16;
/// How long a group is only learned from, where `first` comes without `learn`.
const LEARN: &str = "10m";
/// How long what is not seen again is remembered, where `first` comes without `within`.
const REMEMBERED: &str = "30d";

const KEYS: [&str; 7] = ["count", "distinct", "first", "after", "learn", "within", "by"];
const EXAMPLE: &str = "as in `state: {count: 5, within: 1m, by: [container.id]}`";

/// As written.
pub struct StateDef {
    place: Place,
    pattern: Pattern,
    /// For people: `5 times within 1m by container.id`.
    shown: String,
    by: Vec<Text>,
    /// Of what different or new values are counted.
    of: Vec<Text>,
    after: Vec<Text>,
}

/// `None`: what is wrong has been reported.
pub fn read(node: &Node, source: &str, reports: &mut Reports<'_>) -> Option<StateDef> {
    let Content::Mapping(pairs) = &node.content else {
        let complaint = Complaint::new(node.place, format!("`state` must be a mapping, not {}", node.noun()));
        reports.error(complaint.help(EXAMPLE));
        return None;
    };
    let mut fine = true;
    for (key, _) in pairs {
        let word = key.scalar().unwrap_or("");
        if !KEYS.contains(&word) {
            let complaint = Complaint::new(key.place, format!("unknown key `{word}` of `state`"));
            reports.error(complaint.help(KEYS.join(", ")).did_you_mean(word, KEYS));
            fine = false;
        }
    }
    if !fine {
        return None;
    }
    let mut reader = StateReader { node, source, reports, fine };
    let def = reader.def();
    def.filter(|_| reader.fine)
}

struct StateReader<'r, 's> {
    node: &'r Node,
    source: &'r str,
    reports: &'r mut Reports<'s>,
    fine: bool,
}

impl StateReader<'_, '_> {
    fn key(&self, name: &str) -> Option<&Node> {
        let Content::Mapping(pairs) = &self.node.content else { return None };
        pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value)
    }

    fn wrong(&mut self, complaint: Complaint) {
        self.reports.error(complaint);
        self.fine = false;
    }

    fn def(&mut self) -> Option<StateDef> {
        let place = self.node.place;
        let given: Vec<&str> = ["count", "distinct", "first", "after"]
            .into_iter()
            .filter(|name| self.key(name).is_some())
            .collect();
        let by = self.texts("by", FIELDS_MAX);
        let mut tail = String::new();
        let (kind, of, after, what) = match given.as_slice() {
            ["count"] => {
                let count = self.count()?;
                (Kind::Count(count), Vec::new(), Vec::new(), format!("{count} times"))
            }
            ["count", "distinct"] => {
                let (count, of) = (self.count(), self.texts("distinct", FIELDS_MAX));
                let what = format!("{} different {}", count.unwrap_or_default(), joined(&of, " with "));
                (Kind::Distinct(count?), of, Vec::new(), what)
            }
            ["distinct"] => {
                let complaint = Complaint::new(place, "`distinct` needs `count`: how many different values");
                self.wrong(complaint.help("as in `state: {distinct: fd.rport, count: 20, within: 10s}`"));
                return None;
            }
            ["first"] => {
                let of = self.texts("first", FIELDS_MAX);
                let (learn, learned) = self.time("learn", Some(LEARN))?;
                tail = format!(", after {learned} of learning");
                let what = format!("new {}", joined(&of, " with "));
                (Kind::First { learn }, of, Vec::new(), what)
            }
            ["after"] => {
                let after = self.texts("after", STEPS_MAX);
                let what = format!("after {}", joined(&after, ", then "));
                (Kind::Sequence(after.len() + 1), Vec::new(), after, what)
            }
            [] => {
                let complaint =
                    Complaint::new(place, "`state` needs `count`, `distinct`, `first` or `after`");
                self.wrong(complaint.help(EXAMPLE));
                return None;
            }
            more => {
                let message = format!("`{}` of `state` exclude each other", more.join("` and `"));
                self.wrong(Complaint::new(place, message));
                return None;
            }
        };
        let first = matches!(kind, Kind::First { .. });
        if let Some(learn) = self.key("learn").map(|node| node.place).filter(|_| !first) {
            self.wrong(Complaint::new(learn, "`learn` goes with `first` alone"));
        }
        let (span, written) = self.time("within", first.then_some(REMEMBERED))?;
        let groups = if by.is_empty() { String::new() } else { format!(" by {}", joined(&by, ", ")) };
        let shown = format!("{what} within {written}{groups}{tail}");
        Some(StateDef { place, pattern: Pattern { kind, span }, shown, by, of, after })
    }

    fn count(&mut self) -> Option<usize> {
        let node = self.key("count")?;
        let count = node.scalar().and_then(|text| text.parse().ok());
        let count = count.filter(|count| (2..=COUNT_MAX).contains(count));
        if count.is_none() {
            let place = node.place;
            self.wrong(Complaint::new(place, format!("`count` must be a number from 2 to {COUNT_MAX}")));
        }
        count
    }

    /// Nanoseconds, and the time as written.
    fn time(&mut self, name: &str, default: Option<&str>) -> Option<(u64, String)> {
        let written = match (self.key(name), default) {
            (Some(node), _) => node.scalar().unwrap_or("").to_owned(),
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                let complaint = Complaint::new(self.node.place, format!("`state` needs `{name}`"));
                self.wrong(complaint.help(EXAMPLE));
                return None;
            }
        };
        // Nothing needs to be learned; but nothing comes within no time.
        let nothing = (name == "learn" && written == "0s").then_some(0);
        let Some(time) = nothing.or_else(|| span(&written)) else {
            let place = self.key(name).map_or(self.node.place, |node| node.place);
            let message =
                format!("`{name}` must be a time such as `30s`, `5m`, `1h` or `7d`, not `{written}`");
            self.wrong(Complaint::new(place, message));
            return None;
        };
        Some((time, written))
    }

    /// One text or a list of them.
    fn texts(&mut self, name: &str, max: usize) -> Vec<Text> {
        let Some(node) = self.key(name).cloned() else { return Vec::new() };
        let nodes = match &node.content {
            Content::Sequence(nodes) => nodes.as_slice(),
            Content::Scalar { .. } | Content::Mapping(_) => std::slice::from_ref(&node),
        };
        if nodes.len() > max {
            self.wrong(Complaint::new(nodes[max].place, format!("more than {max} in `{name}`")));
        }
        if nodes.is_empty() {
            self.wrong(Complaint::new(node.place, format!("`{name}` is empty")));
        }
        let mut texts = Vec::new();
        for node in nodes {
            if node.scalar().is_none() || node.is_null() {
                let message = format!("`{name}` takes a text or a list of texts, not {}", node.noun());
                self.wrong(Complaint::new(node.place, message));
            } else {
                texts.push(node.text(self.source));
            }
        }
        texts
    }
}

fn joined(texts: &[Text], with: &str) -> String {
    texts.iter().map(|text| text.as_str().trim()).collect::<Vec<_>>().join(with)
}

impl Loader<'_> {
    /// What the rule at a place counts. Its condition is the last of the steps.
    pub(super) fn state(
        &mut self,
        state: &StateDef,
        def: &RuleDef,
        place: u32,
        entry: &mut Entry,
        collected: &Collected,
        resolver: &mut Macros<'_>,
    ) -> Option<Correlation> {
        let mut errors = Vec::new();
        let mut steps = Vec::new();
        for step in &state.after {
            let (expr, lists) = self.parse(step, collected);
            entry
                .lists
                .extend(lists.into_iter().filter(|list| !entry.lists.contains(list)).collect::<Vec<_>>());
            let expr = expr.map(|expr| resolver.resolve(&expr, usize::MAX, &mut errors));
            if let Some(problem) = expr.as_ref().and_then(|expr| expr.size().too_large()) {
                errors.push(Complaint::new(state.place, format!("a step of rule `{}` {problem}", def.name)));
                continue;
            }
            let root = expr.as_ref().and_then(|expr| self.arena.add(expr, self.table, &mut errors));
            if let (Some(root), Some(expr)) = (root, expr) {
                self.too_many_types(def, root);
                self.list_hints(&expr, collected);
                steps.push((root, expr));
            }
        }
        errors.into_iter().for_each(|error| self.reports.error(error));
        let roots: Vec<NodeId> = steps.iter().map(|(root, _)| *root).chain([entry.root]).collect();
        let of = self.fields(&state.of, &roots);
        let by = self.fields(&state.by, &roots);
        let (of, by) = (of?, by?);
        if steps.len() < state.after.len() {
            return None;
        }
        let feeder = |what| Feeder { what, by: by.clone(), of: of.clone() };
        let shown: Vec<String> = steps.iter().map(|(_, expr)| expr.to_string()).collect();
        let mut feeders: Vec<Feeder> =
            steps.into_iter().map(|(root, expr)| feeder(What::Step { root, expr: Box::new(expr) })).collect();
        feeders.push(feeder(What::Rule(place)));
        let meaning = (&def.name, &entry.rule.condition, shown);
        Some(Correlation::new(place, state.pattern.clone(), state.shown.clone(), feeders, meaning))
    }

    /// Fields by which events of these conditions are told apart.
    fn fields(&mut self, texts: &[Text], roots: &[NodeId]) -> Option<Vec<Vec<ReadId>>> {
        let mut reads = Some(Vec::new());
        for text in texts {
            let found = parse::only_operand(text);
            let found = found.and_then(|operand| self.arena.operands.add(&operand, self.table));
            match found {
                Ok(read) => {
                    self.useless(read, text, roots);
                    reads = reads.map(|mut all| {
                        all.push(vec![read]);
                        all
                    });
                }
                Err(complaint) => {
                    self.reports.error(complaint);
                    reads = None;
                }
            }
        }
        reads
    }

    /// Warns of a field that events of one of the conditions never have.
    fn useless(&mut self, read: ReadId, text: &Text, roots: &[NodeId]) {
        let info = self.arena.operands.info(read);
        let produced = types::produced().map(|(name, _, _)| name).collect::<Vec<_>>();
        let lacking = |root: &&NodeId| {
            let asked = self.arena.anywhere[root.0 as usize].yes;
            let seen = asked.names().any(|name| produced.contains(&name));
            seen && asked.and(info.has).is_empty()
        };
        if info.fields.iter().any(|used| used.row.is_none()) || roots.iter().any(|root| lacking(&root)) {
            let place = text.place(0..text.as_str().len());
            let message = format!("no event that is counted has `{}`", text.as_str().trim());
            self.reports.warning(Complaint::new(place, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::testing::{errors, event, ip, judge, loaded, text};
    use crate::value::Value;

    fn rule(state: &str) -> String {
        format!(
            "- rule: r\n  desc: d\n  condition: evt.type = connect\n  output: o\n  priority: INFO\n  state: {state}\n"
        )
    }

    #[test]
    fn what_is_wrong_with_a_state_is_said_where_it_stands() {
        for (state, message, place, help) in [
            ("3", "`state` must be a mapping, not", "6:10", "as in `state: {count"),
            ("{}", "`state` needs `count`, `distinct`, `first` or `after`", "6:10", "as in `state: {count"),
            ("{count: 5, withn: 1m}", "unknown key `withn` of `state`", "6:21", "did you mean `within`?"),
            ("{count: 5}", "`state` needs `within`", "6:10", "as in `state: {count"),
            ("{count: 1, within: 1m}", "`count` must be a number from 2 to 10000", "6:18", ""),
            ("{count: many, within: 1m}", "`count` must be a number from 2 to 10000", "6:18", ""),
            ("{count: 5, within: 60}", "`within` must be a time such as `30s`", "6:29", ""),
            ("{count: 5, within: 0s}", "`within` must be a time such as `30s`", "6:29", ""),
            ("{distinct: fd.name, within: 1m}", "`distinct` needs `count`", "6:10", "as in"),
            (
                "{count: 5, after: [evt.num = 1], within: 1m}",
                "`count` and `after` of `state` exclude",
                "6:10",
                "",
            ),
            ("{count: 5, within: 1m, learn: 1m}", "`learn` goes with `first` alone", "6:40", ""),
            ("{count: 5, within: 1m, by: []}", "`by` is empty", "6:37", ""),
            ("{count: 5, within: 1m, by: [[a]]}", "`by` takes a text or a list of texts", "6:38", ""),
            (
                "{count: 5, within: 1m, by: [prc.name]}",
                "unknown field `prc.name`",
                "6:38",
                "did you mean `proc.name`?",
            ),
            ("{count: 5, within: 1m, by: [proc.name x]}", "expected one field alone, found `x`", "6:48", ""),
            ("{count: 5, within: 1m, by: [proc]}", "expected a field, found `proc`", "6:38", ""),
            (
                "{after: [evt.tpe = open], within: 1m}",
                "unknown field `evt.tpe`",
                "6:19",
                "did you mean `evt.type`?",
            ),
            ("{after: [no_macro], within: 1m}", "no_macro", "6:19", ""),
            ("{after: [evt.type], within: 1m}", "expected an operator", "6:27", ""),
        ] {
            let found = errors(&[&rule(state)]);
            assert_eq!(found.len(), 1, "{state}: {found:?}");
            for part in [message, &format!("0.yaml:{place}"), help] {
                assert!(found[0].contains(part), "{state}: {part}\n{}", found[0]);
            }
        }
    }

    #[test]
    fn a_field_that_no_counted_event_has_draws_a_warning() {
        let warnings = |state: &str| loaded(&[&rule(state)]).warnings;
        assert!(warnings("{distinct: fd.sport, count: 5, within: 1m}").is_empty());
        let found = warnings("{first: evt.arg.flags, by: [evt.is_open_write]}");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].message, "no event that is counted has `evt.is_open_write`");
        let found = warnings("{after: [evt.type = open], within: 1m, by: [fd.sport]}");
        assert_eq!(found[0].message, "no event that is counted has `fd.sport`");
    }

    #[test]
    fn what_was_counted_outlives_a_reload_as_long_as_the_rule_says_the_same() {
        let connect = event("connect", &[("fd.sip", ip("9.9.9.9")), ("proc.name", text("x"))]);
        let three = rule("{count: 3, within: 1m, by: [proc.name]}");
        let loaded_twice = |changed: &str| {
            let old = loaded(&[&three]);
            assert!(judge(&old, &connect).is_empty() && judge(&old, &connect).is_empty());
            let mut new = loaded(&["- list: x\n  items: [a]\n", changed]);
            new.rules.adopt(&old.rules);
            judge(&new, &connect).len()
        };
        assert_eq!(loaded_twice(&three), 1);
        assert_eq!(loaded_twice(&three.replace("desc: d", "desc: e")), 1);
        assert_eq!(loaded_twice(&three.replace("by: [proc.name]", "by: [proc.pname]")), 0);
        assert_eq!(loaded_twice(&three.replace("= connect", "in (connect, open)")), 0);
        assert_eq!(loaded_twice(&three.replace("count: 3", "count: 4")), 0);
    }

    #[test]
    fn a_finding_says_what_was_reached_and_the_rule_is_laid_open_with_its_steps() {
        let steps = "{after: [evt.type = open and fd.name = /a], within: 1m, by: [proc.name]}";
        let rules = loaded(&[&rule(steps)]);
        let open = event("openat", &[("fd.name", text("/a"))]);
        let other = event("open", &[("fd.name", text("/a")), ("proc.name", text("x"))]);
        let step = event("open", &[("fd.name", text("/a"))]);
        let connect = event("connect", &[]);
        assert!(
            [&connect, &open, &other, &connect, &step]
                .into_iter()
                .all(|event| judge(&rules, event).is_empty())
        );
        let found = judge(&rules, &connect);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].reasons[0].check,
            "after evt.type = open and fd.name = /a within 1m by proc.name"
        );
        assert_eq!(found[0].reasons[1].check, "evt.type = connect");
        let text = rules.rules.explain("r", &|_| true).unwrap().to_string();
        for part in
            ["after evt.type = open and fd.name = /a within 1m by proc.name", "fd.name: ", "and then\n"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(rules.rules.kinds().len(), 2, "events of the steps are watched too");
    }

    #[test]
    fn a_step_that_a_cut_value_decides_counts_for_nothing_and_is_told() {
        let rules = loaded(&[&rule("{after: [evt.type = open and fd.name = /ab], within: 1m}")]);
        judge(&rules, &event("open", &[("fd.name", text("/a…"))]));
        assert!(judge(&rules, &event("connect", &[("fd.num", Value::Int(1))])).is_empty());
        assert_eq!(rules.rules.undecided().count(), 1);
    }

    #[test]
    fn a_rule_that_is_switched_off_counts_nothing() {
        let mut rules = loaded(&[&rule("{count: 2, within: 1m}")]);
        let off = |enable| {
            let target = crate::rule::Target::Rule("r".to_owned());
            vec![crate::rule::Selection { enable, target }]
        };
        rules.rules.select(&off(false)).unwrap();
        let connect = event("connect", &[]);
        assert!(judge(&rules, &connect).is_empty() && judge(&rules, &connect).is_empty());
        rules.rules.select(&off(true)).unwrap();
        assert!(judge(&rules, &connect).is_empty());
        assert_eq!(judge(&rules, &connect).len(), 1);
    }
}
