//! Rules about several events: which rules feed them, what groups their events, and what `state` says of it.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    hash::{BuildHasher, Hash},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::FixedState;

use super::{
    Finding, Reason, Rule,
    check::{NodeId, ReadId},
    lang::Expr,
    ruleset::RuleSet,
    run::output::Teller,
    state::{Counts, Occurrence, Pattern, State},
};
use crate::event::Event;

/// What a rule about several events counts.
pub struct Correlation {
    /// Its own place among the rules.
    pub rule: u32,
    pub pattern: Pattern,
    /// As written, for people.
    pub shown: String,
    /// What feeds it, in its order.
    pub feeders: Vec<Feeder>,
    /// The same as long as it and its feeders say the same.
    owner: u64,
}

pub struct Feeder {
    pub what: What,
    /// What groups the events: of each field the first value that is there counts.
    pub by: Vec<Vec<ReadId>>,
    /// The values of which different ones are counted. An event that has none of them does not count.
    pub of: Vec<Vec<ReadId>>,
}

/// Whose matches count.
pub enum What {
    Rule(u32),
    /// A condition that is no rule.
    Step {
        root: NodeId,
        expr: Box<Expr>,
    },
}

impl Correlation {
    /// `meaning`: everything that its groups depend on.
    pub fn new(
        rule: u32,
        pattern: Pattern,
        shown: String,
        feeders: Vec<Feeder>,
        meaning: impl Hash,
    ) -> Correlation {
        let owner = FixedState::default().hash_one((&pattern, &shown, meaning));
        Correlation { rule, pattern, shown, feeders, owner }
    }
}

/// That the feeder at a place of a correlation matched an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    correlation: usize,
    /// Later steps of a sequence first: one event is not two of them.
    which: Reverse<usize>,
}

impl Hit {
    pub fn correlation(&self) -> usize {
        self.correlation
    }
}

/// A condition that is no rule, and what it feeds.
pub struct Step {
    pub root: NodeId,
    pub hit: Hit,
}

pub fn steps(correlations: &[Correlation]) -> Vec<Step> {
    let of = |(correlation, what): (usize, &Correlation)| {
        let steps = what.feeders.iter().enumerate().filter_map(move |(which, feeder)| match &feeder.what {
            What::Step { root, .. } => {
                Some(Step { root: *root, hit: Hit { correlation, which: Reverse(which) } })
            }
            What::Rule(_) => None,
        });
        steps.collect::<Vec<_>>()
    };
    correlations.iter().enumerate().flat_map(of).collect()
}

/// What of a rule feeds correlations, by the rule's place.
pub fn fed(correlations: &[Correlation], rules: usize) -> Vec<Vec<Hit>> {
    let mut fed = vec![Vec::new(); rules];
    for (correlation, what) in correlations.iter().enumerate() {
        for (which, feeder) in what.feeders.iter().enumerate() {
            if let What::Rule(rule) = feeder.what
                && let Some(hits) = fed.get_mut(rule as usize)
            {
                hits.push(Hit { correlation, which: Reverse(which) });
            }
        }
    }
    fed
}

impl RuleSet {
    /// What a rule counts, when it is about several events.
    pub(super) fn correlation(&self, rule: &Rule) -> Option<&Correlation> {
        self.correlations.iter().find(|one| self.rules[one.rule as usize].rule.name == rule.name)
    }

    /// What of several events a rule asks for, for people; `None` when it is about single ones.
    pub fn counted(&self, rule: &Rule) -> Option<&str> {
        self.correlation(rule).map(|correlation| correlation.shown.as_str())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it is left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered across events, and what was forgotten before its time.
    pub fn remembered(&self) -> Counts {
        self.state().counts()
    }

    /// Nothing has been, as far as this set knows.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
    }

    /// The condition of what feeds a correlation.
    pub(super) fn fed_by(&self, feeder: &Feeder) -> NodeId {
        match &feeder.what {
            What::Rule(rule) => self.rules[*rule as usize].root,
            What::Step { root, .. } => *root,
        }
    }

    /// Goes on with what another set remembers for the correlations that are in both.
    pub(super) fn adopt_state(&self, old: &RuleSet) {
        let owners: BTreeSet<u64> = self.correlations.iter().map(|correlation| correlation.owner).collect();
        let before = std::mem::take(&mut *old.state());
        self.state().adopt(before, &owners);
    }

    /// Tells the state what matched; adds a finding for each correlation that this completes.
    pub(super) fn correlate<'e>(
        &'e self,
        mut hits: Vec<Hit>,
        event: &'e Event,
        teller: &mut Teller<'e, 'e>,
        findings: &mut Vec<Finding>,
    ) {
        hits.sort_unstable();
        for Hit { correlation, which: Reverse(which) } in hits {
            let correlation = &self.correlations[correlation];
            let entry = &self.rules[correlation.rule as usize];
            if !self.active(&entry.rule) || self.excepts(entry, event, teller) {
                continue;
            }
            let feeder = &correlation.feeders[which];
            let group: Vec<_> = feeder.by.iter().map(|reads| teller.first(reads)).collect();
            let value: Vec<_> = feeder.of.iter().map(|reads| teller.first(reads)).collect();
            if !value.is_empty() && value.iter().all(Option::is_none) {
                continue;
            }
            let mut state = self.state();
            let (group, value) = (state.hash(group), state.hash(value));
            let occurrence = Occurrence { owner: correlation.owner, group, time: event.time, which, value };
            if !state.observe(&correlation.pattern, occurrence) {
                continue;
            }
            drop(state);
            let (output, fields) = teller.fill(&entry.output);
            let (check, value) = (correlation.shown.clone(), "reached".to_owned());
            let mut reasons = vec![Reason { check, value, telling: true }];
            reasons.extend(teller.reasons(self.fed_by(feeder)));
            findings.push(Finding { rule: Arc::clone(&entry.rule), output, fields, reasons });
        }
    }
}

/// A state that the rules of one set share.
pub type Shared = Mutex<State>;
