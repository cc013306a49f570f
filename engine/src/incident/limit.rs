//! How many new findings of one rule in one container are told in a minute. What goes beyond is held back, counted, and
//! told in sum.

use std::{collections::BTreeMap, sync::Arc};

use super::{Found, SECOND, step::TEXT_MAX};
use crate::{Container, rule::Rule};

/// Most pairs of rule and container that are counted at once.
pub const BUCKETS_MAX: usize = 4096;
const MINUTE: u64 = 60 * SECOND;
/// How long what is held back is added up before it is told.
const GATHER: u64 = 10 * SECOND;

/// What was held back of one rule in one container.
#[derive(Clone, Debug)]
pub struct Held {
    pub rule: Arc<Rule>,
    /// `None`: on the host.
    pub container: Option<Arc<Container>>,
    pub count: u64,
    /// Nanoseconds since the epoch.
    pub first: u64,
    pub last: u64,
    /// The message of the first.
    pub example: String,
}

struct Bucket {
    since: u64,
    taken: u32,
    held: Option<Held>,
}

/// Rule, and the container's id or nothing.
type Pair = (String, String);

pub struct Limit {
    per_minute: u32,
    buckets: BTreeMap<Pair, Bucket>,
    /// When what is held back is to be told.
    due: Option<u64>,
    /// Held back in buckets that had to make room, since it was told last.
    others: u64,
    pub evicted: u64,
}

impl Limit {
    pub fn new(per_minute: u32) -> Limit {
        Limit { per_minute, buckets: BTreeMap::new(), due: None, others: 0, evicted: 0 }
    }

    /// Whether it is told; otherwise it is held back.
    pub fn admits(&mut self, found: &Found) -> bool {
        if self.per_minute == 0 {
            return true;
        }
        let (event, rule) = (&found.event, &found.finding.rule);
        let time = event.time;
        let place = event.container.as_ref().map_or("", |container| &container.id);
        let pair = (rule.name.clone(), place.to_owned());
        if !self.buckets.contains_key(&pair) && self.buckets.len() >= BUCKETS_MAX {
            self.make_room(time);
        }
        let bucket = self.buckets.entry(pair).or_insert(Bucket { since: time, taken: 0, held: None });
        // Also when the clock was set back.
        if time.abs_diff(bucket.since) >= MINUTE {
            (bucket.since, bucket.taken) = (time, 0);
        }
        if bucket.taken < self.per_minute {
            bucket.taken += 1;
            return true;
        }
        let held = bucket.held.get_or_insert_with(|| Held {
            rule: Arc::clone(rule),
            container: event.container.clone(),
            count: 0,
            first: time,
            last: time,
            example: found.finding.output.chars().take(TEXT_MAX).collect(),
        });
        held.count += 1;
        held.last = held.last.max(time);
        self.due.get_or_insert(time.saturating_add(GATHER));
        false
    }

    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// What was held back since this was asked last, and how much of which it is not known any more.
    pub fn held(&mut self) -> (Vec<Held>, u64) {
        self.due = None;
        let held = self.buckets.values_mut().filter_map(|bucket| bucket.held.take()).collect();
        (held, std::mem::take(&mut self.others))
    }

    /// Forgets whose minute is over; else the eldest that holds nothing back, else the eldest but for how much it holds.
    fn make_room(&mut self, time: u64) {
        self.buckets.retain(|_, bucket| bucket.held.is_some() || time.abs_diff(bucket.since) < MINUTE);
        while self.buckets.len() >= BUCKETS_MAX {
            let eldest = self.buckets.iter().min_by_key(|(_, bucket)| (bucket.held.is_some(), bucket.since));
            let Some(pair) = eldest.map(|(pair, _)| pair.clone()) else { return };
            let held = self.buckets.remove(&pair).and_then(|bucket| bucket.held);
            self.others += held.map_or(0, |held| held.count);
            self.evicted += 1;
        }
    }
}
