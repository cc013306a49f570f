//! Whether each rule can fire on a node that reports certain events.

use std::collections::BTreeSet;

use nightjar_engine::rule::{Coverage, RuleSet};
use nightjar_events::Kind;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fires {
    Wholly,
    Partly,
    Never,
    /// It is not asked to.
    Off,
}

#[derive(Clone, Debug, Serialize)]
pub struct RuleState {
    pub name: String,
    pub language: &'static str,
    /// Sigma's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub priority: &'static str,
    pub tags: Vec<String>,
    pub fires: Fires,
    /// Whether it is switched on and fires wholly or in part.
    pub can_fire: bool,
    /// What of several events it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<String>,
    /// What it lacks: without it it fires in part only, or never.
    pub needs: Vec<String>,
    /// For a person: `cannot fire: needs …`.
    pub coverage: String,
    pub file: String,
    pub line: u32,
}

/// In the order of the files.
pub fn states(rules: &RuleSet, kinds: &BTreeSet<Kind>) -> Vec<RuleState> {
    let available = |kind| kinds.contains(&kind);
    let state = |rule: &std::sync::Arc<nightjar_engine::rule::Rule>| {
        let coverage = rules.coverage(rule, &available);
        let fires = match coverage {
            _ if !rules.active(rule) => Fires::Off,
            Coverage::Full => Fires::Wholly,
            Coverage::Partial { .. } => Fires::Partly,
            Coverage::CannotFire { .. } => Fires::Never,
        };
        let needs = coverage.needs();
        let coverage = if fires == Fires::Off { "switched off".to_owned() } else { coverage.to_string() };
        RuleState {
            name: rule.name.clone(),
            language: rule.language.name(),
            id: rule.id.clone(),
            priority: rule.priority.name(),
            tags: rule.tags.clone(),
            fires,
            can_fire: matches!(fires, Fires::Wholly | Fires::Partly),
            counts: rules.counted(rule).map(str::to_owned),
            needs,
            coverage,
            file: rule.file.clone(),
            line: rule.line,
        }
    };
    rules.rules().map(state).collect()
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{self, Selection, Source, Target};

    use super::*;

    #[test]
    fn a_rule_fires_wholly_partly_never_or_is_off() {
        let rule = |name: &str, condition: &str| {
            format!("- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: {condition}\n")
        };
        let text = [
            rule("whole", "evt.type = execve"),
            rule("part", "evt.type in (execve, ptrace)"),
            rule("never", "evt.type = connect"),
            rule("off", "evt.type = execve"),
            rule("counted", "evt.type = execve") + "  state: {count: 2, within: 1m}\n",
        ];
        let Ok(loaded) = rule::load(&[Source { name: "a.yaml".into(), text: text.concat() }]) else {
            panic!("loads")
        };
        let mut rules = loaded.rules;
        rules.select(&[Selection { enable: false, target: Target::Rule("off".into()) }]).unwrap();
        let states = states(&rules, &BTreeSet::from([Kind::Exec]));
        let fires: Vec<_> = states.iter().map(|state| state.fires).collect();
        assert_eq!(fires, [Fires::Wholly, Fires::Partly, Fires::Never, Fires::Off, Fires::Wholly]);
        assert_eq!(
            (states[0].counts.as_deref(), states[4].counts.as_deref()),
            (None, Some("2 times within 1m"))
        );
        assert_eq!(states[1].coverage, "can fire in part: without ptrace");
        let needs: Vec<_> = states.iter().map(|state| (state.can_fire, state.needs.join(" "))).collect();
        let row = |can_fire, needs: &str| (can_fire, needs.to_owned());
        let lacks = [row(true, ""), row(true, "event type ptrace"), row(false, "event type connect")];
        assert_eq!(needs[..3], lacks);
        assert!(!needs[3].0);
        assert!(
            states[2].coverage.starts_with("cannot fire: needs event type connect"),
            "{}",
            states[2].coverage
        );
    }
}
