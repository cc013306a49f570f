//! What is remembered across events: how often something happened, how many values it had, whether several things
//! came together. By group, within a span of time, and bounded: what must go before its time is counted.
//!
//! It knows no rules and no events, and time comes with what it is told. Whatever language a rule is written in, this
//! is the one place that remembers.

use std::{
    collections::{BTreeSet, VecDeque},
    hash::{BuildHasher, Hash},
};

use foldhash::{HashMap, fast::RandomState};

/// Most groups that are remembered at once, of all rules.
pub const GROUPS_MAX: usize = 65_536;
/// Most moments and values that are remembered at once, of all groups: 16 bytes each.
pub const MOMENTS_MAX: usize = 1 << 20;
/// Highest count that may be asked for.
pub const COUNT_MAX: usize = 10_000;
/// Most values that `First` knows of one group: what comes beyond stays new.
pub const KNOWN_MAX: usize = 10_000;

/// What must come together, of what is told one by one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    pub kind: Kind,
    /// Nanoseconds within which it must.
    pub span: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// So many times.
    Count(usize),
    /// So many different values.
    Distinct(usize),
    /// Each of so many things, in any order.
    All(usize),
    /// Each of so many things, one after the other.
    Sequence(usize),
    /// A value that was not there within the span, in a group that has been known for so many nanoseconds.
    First { learn: u64 },
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence {
    /// Whose pattern it is for: the same as long as the pattern is the same.
    pub owner: u64,
    /// A hash of what groups it, made by `State::hash`.
    pub group: u64,
    /// Nanoseconds.
    pub time: u64,
    /// Which of the things of `All` and `Sequence`.
    pub which: usize,
    /// A hash of the value of `Distinct` and `First`.
    pub value: u64,
}

#[derive(Default)]
pub struct State {
    groups: HashMap<Key, Group>,
    /// By when they are forgotten.
    expiry: BTreeSet<(u64, Key)>,
    moments: usize,
    counts: Counts,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub groups: usize,
    /// Groups that went before their time, since there were too many or they remembered too much, and values that
    /// were not kept since their group knows too many.
    pub evicted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    owner: u64,
    group: u64,
}

struct Group {
    expires: u64,
    seen: Seen,
}

enum Seen {
    /// The latest moments, no more than are asked for.
    Times(VecDeque<u64>),
    /// Values and when each was seen last.
    Values(HashMap<u64, u64>),
    /// When each thing was seen last.
    Each(Vec<Option<u64>>),
    /// By how far a sequence has come: when the latest of that length began.
    Begun(Vec<Option<u64>>),
    /// Values and when each was seen last, of a group that is known since then.
    Known { since: u64, values: HashMap<u64, u64>, cleared: u64 },
}

impl State {
    /// The same for equal values as long as this state, or what adopted it, lives.
    pub fn hash(&self, value: impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }

    pub fn counts(&self) -> Counts {
        Counts { groups: self.groups.len(), ..self.counts }
    }

    /// Goes on with what another state remembers for these owners.
    pub fn adopt(&mut self, old: State, owners: &BTreeSet<u64>) {
        *self = old;
        let gone: Vec<_> =
            self.expiry.iter().filter(|(_, key)| !owners.contains(&key.owner)).copied().collect();
        gone.into_iter().for_each(|(expires, key)| self.forget(expires, key));
    }

    /// Whether the pattern is complete with this; then the group begins anew, but for `First`, which knows one more.
    pub fn observe(&mut self, pattern: &Pattern, occurrence: Occurrence) -> bool {
        let Occurrence { owner, group, time, which, value } = occurrence;
        while let Some((expires, key)) = self.expiry.first().copied().filter(|(expires, _)| *expires < time) {
            self.forget(expires, key);
        }
        let key = Key { owner, group };
        let mut entry = match self.groups.remove(&key) {
            Some(entry) => {
                self.expiry.remove(&(entry.expires, key));
                self.moments -= entry.seen.moments();
                entry
            }
            None => Group { expires: 0, seen: Seen::new(&pattern.kind, time) },
        };
        let since = time.saturating_sub(pattern.span);
        let full = matches!(&entry.seen, Seen::Known { values, .. } if values.len() >= KNOWN_MAX);
        let complete = entry.seen.complete(&pattern.kind, since, time, which, value);
        match &entry.seen {
            Seen::Known { values, .. } => {
                self.counts.evicted += u64::from(full && !values.contains_key(&value));
            }
            Seen::Times(_) | Seen::Values(_) | Seen::Each(_) | Seen::Begun(_) if complete => return true,
            Seen::Times(_) | Seen::Values(_) | Seen::Each(_) | Seen::Begun(_) => {}
        }
        // Time may be set back: what is there is kept as long as it would have been.
        entry.expires = entry.expires.max(time.saturating_add(pattern.span));
        self.moments += entry.seen.moments();
        self.expiry.insert((entry.expires, key));
        self.groups.insert(key, entry);
        while self.groups.len() > GROUPS_MAX || self.moments > MOMENTS_MAX {
            let Some((expires, key)) = self.expiry.first().copied() else { break };
            self.forget(expires, key);
            self.counts.evicted += 1;
        }
        complete
    }

    fn forget(&mut self, expires: u64, key: Key) {
        self.expiry.remove(&(expires, key));
        if let Some(group) = self.groups.remove(&key) {
            self.moments -= group.seen.moments();
        }
    }
}

impl Seen {
    fn new(kind: &Kind, now: u64) -> Seen {
        match kind {
            Kind::Count(_) => Seen::Times(VecDeque::new()),
            Kind::Distinct(_) => Seen::Values(HashMap::default()),
            Kind::All(count) => Seen::Each(vec![None; *count]),
            Kind::Sequence(count) => Seen::Begun(vec![None; *count]),
            Kind::First { .. } => Seen::Known { since: now, values: HashMap::default(), cleared: now },
        }
    }

    fn moments(&self) -> usize {
        match self {
            Seen::Times(times) => times.len(),
            Seen::Values(values) | Seen::Known { values, .. } => values.len(),
            Seen::Each(times) | Seen::Begun(times) => times.len(),
        }
    }

    fn complete(&mut self, kind: &Kind, since: u64, time: u64, which: usize, value: u64) -> bool {
        let fresh = |then: &u64| *then >= since;
        match (self, kind) {
            (Seen::Times(times), Kind::Count(count)) => {
                times.push_back(time);
                while times.front().is_some_and(|then| !fresh(then)) {
                    times.pop_front();
                }
                times.len() >= *count
            }
            (Seen::Values(values), Kind::Distinct(count)) => {
                values.insert(value, time);
                if values.len() >= *count {
                    values.retain(|_, then| fresh(then));
                }
                values.len() >= *count
            }
            (Seen::Each(times), Kind::All(_)) => {
                if let Some(then) = times.get_mut(which) {
                    *then = Some(time);
                }
                times.iter().all(|then| then.as_ref().is_some_and(fresh))
            }
            (Seen::Begun(begun), Kind::Sequence(count)) => {
                let began = match which.checked_sub(1) {
                    None => Some(time),
                    Some(before) => begun.get(before).copied().flatten().filter(fresh),
                };
                if let (Some(place), Some(began)) = (begun.get_mut(which), began) {
                    *place = Some(began);
                }
                began.is_some() && which + 1 == *count
            }
            (Seen::Known { since: begun, values, cleared }, Kind::First { learn }) => {
                let new = values.get(&value).is_none_or(|then| !fresh(then));
                // Looked through now and then: who makes up values must not make each of them dear.
                if values.len() >= KNOWN_MAX && new && *cleared < since {
                    values.retain(|_, then| fresh(then));
                    *cleared = time;
                }
                if values.len() < KNOWN_MAX || values.contains_key(&value) {
                    values.insert(value, time);
                }
                new && time.saturating_sub(*begun) >= *learn
            }
            // A pattern that changed has another owner.
            (Seen::Times(_) | Seen::Values(_) | Seen::Each(_) | Seen::Begun(_) | Seen::Known { .. }, _) => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(kind: Kind) -> Pattern {
        Pattern { kind, span: 10 }
    }

    fn at(time: u64, which: usize, value: u64) -> Occurrence {
        Occurrence { owner: 1, group: 1, time, which, value }
    }

    #[test]
    fn a_count_is_reached_within_its_span_and_begins_anew() {
        let (mut state, count) = (State::default(), pattern(Kind::Count(3)));
        let fires: Vec<bool> =
            [1, 5, 20, 22, 30, 31, 32, 33].map(|time| state.observe(&count, at(time, 0, 0))).to_vec();
        assert_eq!(fires, [false, false, false, false, true, false, false, true]);
    }

    #[test]
    fn values_are_counted_once() {
        let (mut state, distinct) = (State::default(), pattern(Kind::Distinct(3)));
        let fires: Vec<bool> = [(1, 7), (2, 7), (3, 8), (4, 8), (12, 9), (13, 7)]
            .map(|(time, value)| state.observe(&distinct, at(time, 0, value)))
            .to_vec();
        // At 12 the 7 of 2 is still there.
        assert_eq!(fires, [false, false, false, false, true, false]);
    }

    #[test]
    fn things_come_together_in_any_order_or_in_theirs() {
        let mut state = State::default();
        let (all, sequence) = (pattern(Kind::All(2)), pattern(Kind::Sequence(2)));
        assert!(!state.observe(&all, at(1, 1, 0)));
        assert!(state.observe(&all, at(5, 0, 0)));
        assert!(!state.observe(&all, at(5, 0, 0)));
        assert!(!state.observe(&all, at(16, 1, 0)), "too late");
        let mut state = State::default();
        assert!(!state.observe(&sequence, at(1, 1, 0)));
        assert!(!state.observe(&sequence, at(2, 0, 0)));
        assert!(state.observe(&sequence, at(12, 1, 0)));
        assert!(!state.observe(&sequence, at(13, 1, 0)), "it began anew");
    }

    #[test]
    fn what_is_forgotten_before_its_time_is_counted_and_what_has_had_its_time_is_not() {
        let (mut state, count) = (State::default(), pattern(Kind::Count(2)));
        for group in 0..GROUPS_MAX as u64 + 5 {
            state.observe(&count, Occurrence { group, ..at(1, 0, 0) });
        }
        assert_eq!(state.counts(), Counts { groups: GROUPS_MAX, evicted: 5 });
        state.observe(&count, at(100, 0, 0));
        assert_eq!(state.counts(), Counts { groups: 1, evicted: 5 });
    }

    #[test]
    fn owners_that_are_gone_take_their_groups_with_them() {
        let (mut state, count) = (State::default(), pattern(Kind::Count(2)));
        state.observe(&count, at(1, 0, 0));
        state.observe(&count, Occurrence { owner: 2, ..at(1, 0, 0) });
        let mut new = State::default();
        new.adopt(state, &BTreeSet::from([1]));
        assert_eq!(new.counts().groups, 1);
        assert!(new.observe(&count, at(2, 0, 0)));
        assert!(!new.observe(&count, Occurrence { owner: 2, ..at(2, 0, 0) }));
    }

    #[test]
    fn what_a_full_group_does_not_keep_stays_new_and_is_counted() {
        let (mut state, first) = (State::default(), pattern(Kind::First { learn: 0 }));
        for value in 0..KNOWN_MAX as u64 {
            assert!(state.observe(&first, at(1, 0, value)));
        }
        assert!(!state.observe(&first, at(2, 0, 0)));
        assert!(state.observe(&first, at(2, 0, u64::MAX)) && state.observe(&first, at(2, 0, u64::MAX)));
        assert_eq!(state.counts(), Counts { groups: 1, evicted: 2 });
        assert!(state.observe(&first, at(12, 0, u64::MAX)) && !state.observe(&first, at(12, 0, u64::MAX)));
        assert_eq!(state.counts().evicted, 2);
    }

    /// What has happened in a group since it began anew, in full: nothing is forgotten, and nothing is clever.
    #[derive(Default)]
    struct Naive {
        seen: Vec<Occurrence>,
    }

    impl Naive {
        fn observe(&mut self, pattern: &Pattern, now: Occurrence) -> bool {
            let since = now.time.saturating_sub(pattern.span);
            // A group in which nothing happened for a span is as if it had never been.
            if self.seen.last().is_some_and(|last| last.time < since) {
                self.seen.clear();
            }
            let known = self.seen.iter().any(|then| then.time >= since && then.value == now.value);
            self.seen.push(now);
            let within: Vec<_> = self.seen.iter().filter(|then| then.time >= since).collect();
            let complete = match pattern.kind {
                Kind::Count(count) => within.len() >= count,
                Kind::Distinct(count) => {
                    within.iter().map(|then| then.value).collect::<BTreeSet<_>>().len() >= count
                }
                Kind::All(count) => {
                    within.iter().map(|then| then.which).collect::<BTreeSet<_>>().len() >= count
                }
                // The first that comes after the one before it, again and again: if any such chain is within the
                // span and ends here, this one does too.
                Kind::Sequence(count) => {
                    let mut next = 0;
                    for then in &within {
                        next += usize::from(then.which == next);
                    }
                    next >= count && now.which + 1 == count
                }
                Kind::First { learn } => return !known && now.time - self.seen[0].time >= learn,
            };
            if complete {
                self.seen.clear();
            }
            complete
        }
    }

    proptest! {
        /// Whatever happens in whatever groups, what is remembered in short says the same as all of it.
        #[test]
        fn it_says_what_a_memory_of_everything_says(
            events in proptest::collection::vec((0..5u64, 0..2u64, 0..6u64, 0..3usize, 0..4u64), 0..120),
        ) {
            let kinds =
                [Kind::Count(3), Kind::Distinct(3), Kind::All(3), Kind::Sequence(3), Kind::First { learn: 7 }];
            let (mut state, mut naive) = (State::default(), HashMap::<(u64, u64), Naive>::default());
            let mut time = 0;
            for (owner, group, later, which, value) in events {
                time += later;
                let pattern = pattern(kinds[owner as usize].clone());
                let now = Occurrence { owner, group, time, which, value };
                let expected = naive.entry((owner, group)).or_default().observe(&pattern, now);
                prop_assert_eq!(state.observe(&pattern, now), expected, "{:?} {:?}", pattern.kind, now);
            }
        }

        /// What is remembered is what its groups hold, whatever comes.
        #[test]
        fn the_sum_stays_true(events in proptest::collection::vec((0..3u64, 0..4u64, 0..50u64, 0..3usize, 0..5u64), 0..200)) {
            let kinds = [Kind::Count(3), Kind::Distinct(3), Kind::Sequence(3)];
            let mut state = State::default();
            for (owner, group, time, which, value) in events {
                let pattern = pattern(kinds[owner as usize].clone());
                state.observe(&pattern, Occurrence { owner, group, time, which, value });
                let sum: usize = state.groups.values().map(|group| group.seen.moments()).sum();
                prop_assert_eq!(sum, state.moments);
                prop_assert_eq!(state.expiry.len(), state.groups.len());
                prop_assert!(sum <= 3 * state.groups.len());
            }
        }
    }
}
