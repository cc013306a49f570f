//! Whether a rule can fire with what is observed, and if not, what it lacks.

use std::fmt;

use nightjar_events::Kind;

use super::{
    Rule,
    check::{TypeSet, types},
    ruleset::RuleSet,
};

/// A rule that accepts more event types than this is not about particular ones.
const PARTICULAR_MAX: usize = 100;
/// Most names in a list of what is missing.
const NAMES_MAX: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every event type it asks for is observed.
    Full,
    /// It can fire, but not for these event types, and not by way of these fields.
    Partial { types: Vec<String>, fields: Vec<String> },
    /// It can never fire. Without needs: its condition is never true.
    CannotFire { needs: Vec<String> },
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coverage::Full => f.write_str("can fire"),
            Coverage::Partial { types, fields } => {
                let missing: Vec<_> = types.iter().chain(fields).map(String::as_str).collect();
                write!(f, "can fire in part: without {}", missing.join(", "))
            }
            Coverage::CannotFire { needs } if needs.is_empty() => {
                f.write_str("cannot fire: its condition is never true")
            }
            Coverage::CannotFire { needs } => write!(f, "cannot fire: needs {}", needs.join(", ")),
        }
    }
}

impl RuleSet {
    /// `available`: which events are observed on this node. A rule that is not of this set cannot fire.
    pub fn coverage(&self, rule: &Rule, available: &dyn Fn(Kind) -> bool) -> Coverage {
        let Some(entry) = self.entry(&rule.name) else { return Coverage::CannotFire { needs: Vec::new() } };
        let (here, anywhere) =
            (self.arena.here[entry.root.0 as usize].yes, self.arena.anywhere[entry.root.0 as usize].yes);
        let names: Vec<_> =
            types::produced().filter(|(_, kind, _)| available(*kind)).map(|row| row.0).collect();
        let observed = TypeSet::of(|name| names.contains(&name));
        let ours: Vec<_> = types::produced().map(|row| row.0).collect();
        let fields = self.arena.fields_of(entry.root).into_iter().filter(|(_, field)| field.is_none());
        let mut fields: Vec<String> = fields.map(|(name, _)| name).collect();
        fields.retain(|name| !["evt.type", "syscall.type", "evt.dir"].contains(&name.as_str()));
        if anywhere.is_empty() {
            return Coverage::CannotFire { needs: Vec::new() };
        }
        let covered = here.and(observed);
        if covered.is_empty() {
            let mut needs = Vec::new();
            if anywhere.and(observed).is_empty() {
                needs.extend(named(anywhere).into_iter().map(|name| format!("event type {name}")));
            }
            // A field without which it could not fire, whatever else were there; without any such, all of them.
            let vital = |name: &&String| self.arena.without(entry.root, name).and(anywhere).is_empty();
            let vital: Vec<String> = fields.iter().filter(vital).cloned().collect();
            let fields = if vital.is_empty() { fields } else { vital };
            needs.extend(fields.into_iter().map(|name| format!("field {name}")));
            return Coverage::CannotFire { needs };
        }
        let mut missing = anywhere.without(observed);
        if anywhere.len() > PARTICULAR_MAX {
            missing = missing.and(TypeSet::of(|name| ours.contains(&name)));
        }
        if missing.is_empty() && fields.is_empty() {
            return Coverage::Full;
        }
        Coverage::Partial { types: named(missing), fields }
    }

    /// Values of `evt.type` for which a rule's condition can be true.
    pub fn event_types(&self, rule: &Rule) -> Vec<&'static str> {
        let entry = self.entry(&rule.name);
        entry.map_or_else(Vec::new, |entry| self.arena.anywhere[entry.root.0 as usize].yes.names().collect())
    }
}

fn named(set: TypeSet) -> Vec<String> {
    let mut names: Vec<String> = set.names().take(NAMES_MAX).map(str::to_owned).collect();
    if set.len() > NAMES_MAX {
        names.push(format!("{} others", set.len() - NAMES_MAX));
    }
    names
}
