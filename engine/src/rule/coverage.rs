//! Whether a rule can fire with what is observed, and if not, what it lacks.

use std::fmt;

use nightjar_events::Kind as EventKind;

use super::{
    Rule,
    check::{NodeId, TypeSet, operand::Used, types},
    ruleset::RuleSet,
    state::Kind,
};

/// A rule that accepts more event types than this is not about particular ones.
pub(super) const PARTICULAR_MAX: usize = 100;
/// Most names of what is missing that a text has.
const NAMES_MAX: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every event type it asks for is observed.
    Full,
    /// It can fire, but not for these event types, and not by way of these fields.
    Partial { types: Vec<String>, fields: Vec<Lack> },
    /// It can never fire. Without needs: its condition is never true.
    CannotFire { needs: Vec<String> },
}

/// A field, or what stands for one, that no event has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// As the condition names it.
    pub name: String,
    /// As a noun: `field proc.env`, `log of sshd`.
    pub need: String,
}

impl Coverage {
    /// What is missing, each as a noun.
    pub fn needs(&self) -> Vec<String> {
        match self {
            Coverage::Full => Vec::new(),
            Coverage::Partial { types, fields } => {
                let types = types.iter().map(|name| format!("event type {name}"));
                types.chain(fields.iter().map(|used| used.need.clone())).collect()
            }
            Coverage::CannotFire { needs } => needs.clone(),
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coverage::Full => f.write_str("can fire"),
            Coverage::Partial { types, fields } => {
                let fields = fields.iter().map(|lack| lack.name.as_str());
                let missing: Vec<_> = some(types).chain(fields.map(str::to_owned)).collect();
                write!(f, "can fire in part: without {}", missing.join(", "))
            }
            Coverage::CannotFire { needs } if needs.is_empty() => {
                f.write_str("cannot fire: its condition is never true")
            }
            Coverage::CannotFire { needs } => {
                write!(f, "cannot fire: needs {}", some(needs).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl RuleSet {
    /// `available`: which events are observed on this node. A rule that is not of this set cannot fire.
    pub fn coverage(&self, rule: &Rule, available: &dyn Fn(EventKind) -> bool) -> Coverage {
        let Some(entry) = self.entry(&rule.name) else { return Coverage::CannotFire { needs: Vec::new() } };
        match self.correlation(rule) {
            Some(correlation) => {
                let all = matches!(correlation.pattern.kind, Kind::All(_) | Kind::Sequence(_));
                let feeders = correlation.feeders.iter();
                together(feeders.map(|feeder| self.coverage_of(self.fed_by(feeder), available)), all)
            }
            None => self.coverage_of(entry.root, available),
        }
    }

    fn coverage_of(&self, root: NodeId, available: &dyn Fn(EventKind) -> bool) -> Coverage {
        let (here, anywhere) =
            (self.arena.here[root.0 as usize].yes, self.arena.anywhere[root.0 as usize].yes);
        let names: Vec<_> =
            types::produced().filter(|(_, kind, _)| available(*kind)).map(|row| row.0).collect();
        let observed = TypeSet::of(|name| names.contains(&name));
        let ours: Vec<_> = types::produced().map(|row| row.0).collect();
        let mut fields = self.arena.fields_of(root);
        fields.retain(|used| used.row.is_none());
        fields.retain(|used| !["evt.type", "syscall.type", "evt.dir"].contains(&used.name.as_str()));
        if anywhere.is_empty() {
            return Coverage::CannotFire { needs: Vec::new() };
        }
        let covered = here.and(observed);
        if covered.is_empty() {
            let mut needs = Vec::new();
            if anywhere.and(observed).is_empty() {
                needs.extend(anywhere.names().map(|name| format!("event type {name}")));
            }
            // A field without which it could not fire, whatever else were there; without any such, all of them.
            let vital = |used: &&Used| self.arena.without(root, &used.name).and(anywhere).is_empty();
            let vital: Vec<_> = fields.iter().filter(vital).cloned().collect();
            let fields = if vital.is_empty() { fields } else { vital };
            needs.extend(fields.into_iter().map(|used| used.need));
            return Coverage::CannotFire { needs };
        }
        let mut missing = anywhere.without(observed);
        if anywhere.len() > PARTICULAR_MAX {
            missing = missing.and(TypeSet::of(|name| ours.contains(&name)));
        }
        if missing.is_empty() && fields.is_empty() {
            return Coverage::Full;
        }
        let fields = fields.into_iter().map(|Used { name, need, .. }| Lack { name, need }).collect();
        Coverage::Partial { types: missing.names().map(str::to_owned).collect(), fields }
    }

    /// Values of `evt.type` for which a rule's condition can be true.
    pub fn event_types(&self, rule: &Rule) -> Vec<&'static str> {
        let entry = self.entry(&rule.name);
        entry.map_or_else(Vec::new, |entry| self.arena.anywhere[entry.root.0 as usize].yes.names().collect())
    }
}

/// What several rules are worth to a correlation: each of them where it asks for `all`, else any.
fn together(parts: impl Iterator<Item = Coverage>, all: bool) -> Coverage {
    let (mut without, mut lacks, mut needed, mut can, mut cannot) = (vec![], vec![], vec![], false, false);
    for part in parts {
        match part {
            Coverage::Full => can = true,
            Coverage::Partial { types, fields } => {
                can = true;
                without.extend(types);
                lacks.extend(fields);
            }
            Coverage::CannotFire { needs } => {
                cannot = true;
                needed.extend(needs);
            }
        }
    }
    needed.sort_unstable();
    needed.dedup();
    without.sort_unstable();
    without.dedup();
    if !can || (all && cannot) {
        return Coverage::CannotFire { needs: needed };
    }
    lacks.extend(needed.into_iter().map(|need| Lack { name: need.clone(), need }));
    if without.is_empty() && lacks.is_empty() {
        Coverage::Full
    } else {
        Coverage::Partial { types: without, fields: lacks }
    }
}

/// The first of them, and how many more there are.
fn some(names: &[String]) -> impl Iterator<Item = String> {
    let more = names.len().saturating_sub(NAMES_MAX);
    names.iter().take(NAMES_MAX).cloned().chain((more > 0).then(|| format!("{more} others")))
}
