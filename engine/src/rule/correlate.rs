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
    check::ReadId,
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
    /// The rules that feed it, in its order.
    pub feeders: Vec<Feeder>,
    /// The same as long as it and its feeders say the same.
    owner: u64,
}

pub struct Feeder {
    pub rule: u32,
    /// What groups the events: of each field the first value that is there counts.
    pub by: Vec<Vec<ReadId>>,
    /// The value of which different ones are counted.
    pub of: Vec<ReadId>,
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

/// What of a rule feeds correlations, by the rule's place.
pub fn fed(correlations: &[Correlation], rules: usize) -> Vec<Vec<Hit>> {
    let mut fed = vec![Vec::new(); rules];
    for (correlation, what) in correlations.iter().enumerate() {
        for (which, feeder) in what.feeders.iter().enumerate() {
            if let Some(hits) = fed.get_mut(feeder.rule as usize) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it is left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered across events, and what was forgotten before its time.
    pub fn remembered(&self) -> Counts {
        self.state().counts()
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
            let value = teller.first(&feeder.of);
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
            reasons.extend(teller.reasons(self.rules[feeder.rule as usize].root));
            findings.push(Finding { rule: Arc::clone(&entry.rule), output, fields, reasons });
        }
    }
}

/// A state that the rules of one set share.
pub type Shared = Mutex<State>;
