//! What the kernel side could not deliver, as a fact to be told: the ledger is looked at again and again, and what has
//! been shed or lost since becomes a `Loss`. Counting is the kernel side's.

use std::{sync::Arc, time::Duration};

use nightjar_events::{EVENTS, Kind, control::Tally, schema::Lane};

use crate::alert::{
    Origin,
    loss::{Loss, Missed},
};

/// How often the ledger is looked at.
pub const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Losses that go on are told no more often than this, in nanoseconds. None goes untold: the next one adds them up.
const TELL_PERIOD: u64 = 10_000_000_000;

/// The ledger as it was told last.
pub struct Losses {
    origin: Arc<Origin>,
    told: Vec<(Kind, Tally)>,
    /// Nanoseconds since the epoch.
    told_at: u64,
    ever: bool,
}

impl Losses {
    /// Of a ledger that starts with nothing at `now`, nanoseconds since the epoch.
    pub fn new(origin: Arc<Origin>, now: u64) -> Self {
        let told = EVENTS.iter().map(|event| (event.kind, Tally::default())).collect();
        Losses { origin, told, told_at: now, ever: false }
    }

    /// What is to be told now: the first loss at once, further ones added up.
    pub fn look(&mut self, ledger: Vec<(Kind, Tally)>, now: u64) -> Option<Loss> {
        if self.ever && now.saturating_sub(self.told_at) < TELL_PERIOD {
            return None;
        }
        self.tell(ledger, now)
    }

    /// What has not been told yet, however little time has passed.
    pub fn tell(&mut self, ledger: Vec<(Kind, Tally)>, now: u64) -> Option<Loss> {
        let missed: Vec<Missed> = ledger
            .iter()
            .zip(&self.told)
            .map(|((kind, now), (_, told))| missed(*kind, *now, *told))
            .filter(|missed| missed.shed + missed.lost > 0)
            .collect();
        if missed.is_empty() {
            return None;
        }
        let since = std::mem::replace(&mut self.told_at, now);
        self.told = ledger;
        self.ever = true;
        Some(Loss { origin: self.origin.clone(), time: now, since, missed })
    }
}

fn missed(kind: Kind, now: Tally, told: Tally) -> Missed {
    Missed {
        event: kind.name(),
        vital: kind.event().lane == Lane::Priority,
        seen: now.seen - told.seen,
        shed: now.shed - told.shed,
        lost: now.lost - told.lost,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn ledger(shed: u64, lost: u64) -> Vec<(Kind, Tally)> {
        let tally = |kind| match kind {
            Kind::Open => Tally { seen: 100 + shed, submitted: 100, shed, lost: 0 },
            Kind::Exec => Tally { seen: 10 + lost, submitted: 10, shed: 0, lost },
            _ => Tally::default(),
        };
        EVENTS.iter().map(|event| (event.kind, tally(event.kind))).collect()
    }

    fn losses() -> Losses {
        let origin = Origin { node: "n".into(), boot: Uuid::from_u128(1) };
        Losses::new(Arc::new(origin), SECOND)
    }

    #[test]
    fn without_a_loss_there_is_nothing_to_tell() {
        assert!(losses().look(ledger(0, 0), 2 * SECOND).is_none());
    }

    #[test]
    fn the_first_loss_is_told_at_once_and_what_follows_is_added_up() {
        let mut losses = losses();
        let first = losses.look(ledger(1, 0), 2 * SECOND).unwrap();
        let open = Missed { event: "open", vital: false, seen: 101, shed: 1, lost: 0 };
        assert_eq!((first.since, first.time, first.missed), (SECOND, 2 * SECOND, vec![open]));

        assert!(losses.look(ledger(2, 0), 3 * SECOND).is_none());
        assert!(losses.look(ledger(3, 1), 4 * SECOND).is_none());
        let next = losses.look(ledger(3, 1), 12 * SECOND).unwrap();
        let exec = Missed { event: "exec", vital: true, seen: 1, shed: 0, lost: 1 };
        let open = Missed { event: "open", vital: false, seen: 2, shed: 2, lost: 0 };
        assert_eq!((next.since, next.missed), (2 * SECOND, vec![exec, open]));
    }

    #[test]
    fn the_end_tells_what_is_left() {
        let mut losses = losses();
        losses.look(ledger(1, 0), 2 * SECOND).unwrap();
        assert_eq!(losses.tell(ledger(4, 0), 3 * SECOND).unwrap().missed[0].shed, 3);
        assert!(losses.tell(ledger(4, 0), 4 * SECOND).is_none());
    }
}
