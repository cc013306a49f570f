//! What the kernel side could not deliver, as a fact to be told: the ledger is looked at again and again, and what has
//! been shed or lost since becomes a `Loss`. Counting is the kernel side's.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};

use nightjar_events::{
    EVENTS, Kind,
    ledger::{Counts, Row, Tally},
    schema::Lane,
};

use crate::{
    alert::{
        Origin,
        loss::{Loser, Loss, Missed},
    },
    identity::Place,
    sensor::ledger::{ByCgroup, ByEvent, Reading},
};

/// How often the ledger is looked at.
pub const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Losses that go on are told no more often than this, in nanoseconds. None goes untold: the next one adds them up.
const TELL_PERIOD: u64 = 10_000_000_000;
/// Most cgroups that a loss names.
pub const LOSERS_NAMED_MAX: usize = 8;

/// The ledger as it was told last.
pub struct Losses {
    origin: Arc<Origin>,
    told: Reading,
    /// Nanoseconds since the epoch.
    told_at: u64,
    ever: bool,
}

impl Losses {
    /// Of a ledger that starts with nothing at `now`, nanoseconds since the epoch.
    pub fn new(origin: Arc<Origin>, now: u64) -> Self {
        let events = EVENTS.iter().map(|event| (event.kind, Tally::default())).collect();
        let told = Reading { events, cgroups: BTreeMap::new() };
        Losses { origin, told, told_at: now, ever: false }
    }

    /// Whether there is something to tell now: the first loss at once, further ones added up.
    pub fn is_due(&self, events: &ByEvent, now: u64) -> bool {
        (!self.ever || now.saturating_sub(self.told_at) >= TELL_PERIOD) && !self.missed(events).is_empty()
    }

    /// What has not been told yet, however little time has passed. `place` says what a cgroup is.
    pub fn tell(&mut self, reading: Reading, now: u64, mut place: impl FnMut(u64) -> Place) -> Option<Loss> {
        let missed = self.missed(&reading.events);
        if missed.is_empty() {
            return None;
        }
        let losers = self.losers(&reading.cgroups).into_iter();
        let named = losers.map(|(cgroup, missed)| Loser { cgroup, place: place(cgroup), missed });
        let cgroups: Vec<Loser> = named.collect();
        let others =
            missed.iter().map(|all| rest(*all, &cgroups)).filter(|rest| rest.refused() > 0).collect();
        let since = std::mem::replace(&mut self.told_at, now);
        self.told = reading;
        self.ever = true;
        Some(Loss { origin: self.origin.clone(), time: now, since, missed, cgroups, others })
    }

    fn missed(&self, events: &ByEvent) -> Vec<Missed> {
        let rows = events.iter().zip(&self.told.events).map(|((kind, now), (_, told))| {
            let counts = |t: &Tally| Counts { seen: t.seen, shed: t.shed, lost: t.lost };
            since(*kind, counts(now), counts(told))
        });
        rows.filter(|missed| missed.refused() > 0).collect()
    }

    /// The cgroups that lost most since, and what.
    fn losers(&self, rows: &ByCgroup) -> Vec<(u64, Vec<Missed>)> {
        let mut losers: Vec<_> = rows
            .iter()
            .map(|(id, row)| (*id, missed_of(row, self.told.cgroups.get(id))))
            .filter(|(_, missed)| !missed.is_empty())
            .collect();
        losers.sort_by_key(|(_, missed)| Reverse(missed.iter().map(Missed::refused).sum::<u64>()));
        losers.truncate(LOSERS_NAMED_MAX);
        losers
    }
}

/// A row that was made anew since counts from nothing; what the earlier one still counted is in no row.
fn missed_of(row: &Row, told: Option<&Row>) -> Vec<Missed> {
    let told = told.filter(|told| told.made == row.made).unwrap_or(&Row::BLANK);
    let kinds = EVENTS.iter().map(|event| event.kind).zip(row.counts.iter().zip(&told.counts));
    kinds.map(|(kind, (now, told))| since(kind, *now, *told)).filter(|missed| missed.refused() > 0).collect()
}

fn since(kind: Kind, now: Counts, told: Counts) -> Missed {
    Missed {
        event: kind.name(),
        vital: kind.event().lane == Lane::Priority,
        seen: now.seen.saturating_sub(told.seen),
        shed: now.shed.saturating_sub(told.shed),
        lost: now.lost.saturating_sub(told.lost),
    }
}

/// What is left of an event's numbers without those of the named cgroups.
fn rest(all: Missed, named: &[Loser]) -> Missed {
    let same = named.iter().flat_map(|loser| &loser.missed).filter(|missed| missed.event == all.event);
    same.fold(all, |rest, named| Missed {
        seen: rest.seen.saturating_sub(named.seen),
        shed: rest.shed.saturating_sub(named.shed),
        lost: rest.lost.saturating_sub(named.lost),
        ..rest
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A ledger in which cgroup 7 has everything.
    fn reading(shed: u64, lost: u64) -> Reading {
        let mut row = Row { made: 1, ..Row::BLANK };
        row.counts[Kind::Open as usize] = Counts { seen: 100 + shed, shed, lost: 0 };
        row.counts[Kind::Exec as usize] = Counts { seen: 10 + lost, shed: 0, lost };
        of_rows(BTreeMap::from([(7, row)]))
    }

    /// A ledger in which every event is in a row.
    fn of_rows(cgroups: ByCgroup) -> Reading {
        let all = |kind: Kind| {
            cgroups.values().map(|row| row.counts[kind as usize]).fold(Tally::default(), |all, row| Tally {
                seen: all.seen + row.seen,
                submitted: all.submitted + row.seen - row.shed - row.lost,
                shed: all.shed + row.shed,
                lost: all.lost + row.lost,
            })
        };
        Reading { events: EVENTS.iter().map(|event| (event.kind, all(event.kind))).collect(), cgroups }
    }

    fn losses() -> Losses {
        let origin = Origin { node: "n".into(), boot: Uuid::from_u128(1) };
        Losses::new(Arc::new(origin), SECOND)
    }

    fn look(losses: &mut Losses, reading: Reading, now: u64) -> Option<Loss> {
        if losses.is_due(&reading.events, now) {
            losses.tell(reading, now, |_| Place::default())
        } else {
            None
        }
    }

    fn open(seen: u64, shed: u64) -> Missed {
        Missed { event: "open", vital: false, seen, shed, lost: 0 }
    }

    #[test]
    fn without_a_loss_there_is_nothing_to_tell() {
        assert!(look(&mut losses(), reading(0, 0), 2 * SECOND).is_none());
        assert!(losses().tell(reading(0, 0), 2 * SECOND, |_| Place::default()).is_none());
    }

    #[test]
    fn the_first_loss_is_told_at_once_and_what_follows_is_added_up() {
        let mut losses = losses();
        let first = look(&mut losses, reading(1, 0), 2 * SECOND).unwrap();
        assert_eq!((first.since, first.time, first.missed), (SECOND, 2 * SECOND, vec![open(101, 1)]));

        assert!(look(&mut losses, reading(2, 0), 3 * SECOND).is_none());
        assert!(look(&mut losses, reading(3, 1), 4 * SECOND).is_none());
        let next = look(&mut losses, reading(3, 1), 12 * SECOND).unwrap();
        let exec = Missed { event: "exec", vital: true, seen: 1, shed: 0, lost: 1 };
        assert_eq!((next.since, &next.missed), (2 * SECOND, &vec![exec, open(2, 2)]));
        let place = Place::default();
        assert_eq!(next.cgroups, [Loser { cgroup: 7, place, missed: next.missed.clone() }]);
        assert_eq!(next.others, []);
    }

    #[test]
    fn the_end_tells_what_is_left() {
        let mut losses = losses();
        look(&mut losses, reading(1, 0), 2 * SECOND).unwrap();
        let mut tell = |now| losses.tell(reading(4, 0), now, |_| Place::default());
        assert_eq!(tell(3 * SECOND).unwrap().missed[0].shed, 3);
        assert!(tell(4 * SECOND).is_none());
    }

    /// A row of opens of which some were shed.
    fn shedding(made: u64, seen: u64, shed: u64) -> Row {
        let mut row = Row { made, ..Row::BLANK };
        row.counts[Kind::Open as usize] = Counts { seen, shed, lost: 0 };
        row
    }

    #[test]
    fn those_that_lost_most_are_named_and_the_rest_is_summed_up() {
        let rows = (1..=LOSERS_NAMED_MAX as u64 + 2).map(|id| (id, shedding(1, 100, id)));
        let loss = look(&mut losses(), of_rows(rows.chain([(99, shedding(1, 50, 0))]).collect()), 2 * SECOND);
        let loss = loss.unwrap();
        let named: Vec<u64> = loss.cgroups.iter().map(|loser| loser.cgroup).collect();
        assert_eq!(named, [10, 9, 8, 7, 6, 5, 4, 3]);
        // Two that lost one and two of a hundred, and one that lost nothing of fifty.
        assert_eq!(loss.others, [open(250, 3)]);
    }

    #[test]
    fn a_row_that_was_made_anew_counts_from_nothing() {
        let mut losses = losses();
        look(&mut losses, of_rows(BTreeMap::from([(7, shedding(1, 100, 40))])), 2 * SECOND).unwrap();
        let mut again = of_rows(BTreeMap::from([(7, shedding(2, 60, 50))]));
        // The row before was given away with a hundred and ten.
        let (_, all) = &mut again.events[Kind::Open as usize];
        *all = Tally { seen: all.seen + 110, submitted: all.submitted + 69, shed: all.shed + 41, lost: 0 };
        let loss = losses.tell(again, 3 * SECOND, |_| Place::default()).unwrap();
        assert_eq!(loss.cgroups[0].missed, [open(60, 50)]);
        assert_eq!((loss.missed, loss.others), (vec![open(70, 51)], vec![open(10, 1)]));
    }
}
