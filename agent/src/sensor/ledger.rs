//! The kernel side's counters: `seen = submitted + shed + lost`, by event and by cgroup.
//!
//! Counting by event never forgets. The rows of cgroups are limited: what a row had counted that was given to another
//! cgroup, and what found no row, is the difference between the two.

use std::collections::BTreeMap;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use nightjar_events::{
    EVENTS, Kind,
    failure::Place,
    ledger::{ROWS_MAX, Row, Tally},
};
use zerocopy::{FromBytes, IntoBytes};

use super::SensorError;

const EVENTS_MAP: &str = "LEDGER";
const CGROUPS_MAP: &str = "CGROUPS";
const MADE_MAP: &str = "ROWS_MADE";
const FAILURES_MAP: &str = "FAILURES";

/// `Tally` and `Row` as the words that the maps hold.
type TallyWords = [u64; size_of::<Tally>() / 8];
type RowWords = [u64; size_of::<Row>() / 8];

/// Every event's column, by `Kind`.
pub type ByEvent = Vec<(Kind, Tally)>;
/// The rows of cgroups, by their ids.
pub type ByCgroup = BTreeMap<u64, Row>;

pub struct Ledger {
    events: PerCpuArray<MapData, TallyWords>,
    cgroups: HashMap<MapData, u64, RowWords>,
    rows_made: Array<MapData, u64>,
    failures: PerCpuArray<MapData, u64>,
}

/// Both views at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub events: ByEvent,
    pub cgroups: ByCgroup,
}

impl Ledger {
    pub(super) fn new(
        mut take: impl FnMut(&'static str) -> Result<Map, SensorError>,
    ) -> Result<Self, SensorError> {
        Ok(Ledger {
            events: PerCpuArray::try_from(take(EVENTS_MAP)?).map_err(failed(EVENTS_MAP))?,
            cgroups: HashMap::try_from(take(CGROUPS_MAP)?).map_err(failed(CGROUPS_MAP))?,
            rows_made: Array::try_from(take(MADE_MAP)?).map_err(failed(MADE_MAP))?,
            failures: PerCpuArray::try_from(take(FAILURES_MAP)?).map_err(failed(FAILURES_MAP))?,
        })
    }

    /// The column of an event, summed over CPUs.
    pub fn tally(&self, kind: Kind) -> Result<Tally, SensorError> {
        let per_cpu = self.events.get(&(kind as u32), 0).map_err(failed(EVENTS_MAP))?;
        Ok(per_cpu.iter().map(tally_of).fold(Tally::default(), add))
    }

    /// Every event's column.
    pub fn by_event(&self) -> Result<ByEvent, SensorError> {
        EVENTS.iter().map(|event| Ok((event.kind, self.tally(event.kind)?))).collect()
    }

    /// Every cgroup's row.
    pub fn by_cgroup(&self) -> Result<ByCgroup, SensorError> {
        let mut rows = ByCgroup::new();
        // The walk begins anew where a row goes away under it, so a cgroup may come twice.
        for id in self.cgroups.keys().take(2 * ROWS_MAX as usize) {
            let id = id.map_err(failed(CGROUPS_MAP))?;
            match self.cgroups.get(&id, 0) {
                Ok(words) => rows.extend(row_of(&words).map(|row| (id, row))),
                Err(MapError::KeyNotFound) => {}
                Err(source) => return Err(failed(CGROUPS_MAP)(source)),
            }
        }
        Ok(rows)
    }

    /// Both views. The rows first: an event is counted by event before it is counted by cgroup, so no cgroup has more
    /// than all events together.
    pub fn read(&self) -> Result<Reading, SensorError> {
        let cgroups = self.by_cgroup()?;
        Ok(Reading { events: self.by_event()?, cgroups })
    }

    /// Rows that were given to other cgroups.
    pub fn rows_evicted(&self) -> Result<u64, SensorError> {
        let there = self.by_cgroup()?.len() as u64;
        let made = self.rows_made.get(&0, 0).map_err(failed(MADE_MAP))?;
        Ok(made.saturating_sub(there))
    }

    /// Where programs could not do what they wanted, and how often.
    pub fn failures(&self) -> Result<Vec<(Place, u64)>, SensorError> {
        let times = |place: Place| {
            let per_cpu = self.failures.get(&(place as u32), 0).map_err(failed(FAILURES_MAP))?;
            Ok((place, per_cpu.iter().sum()))
        };
        let all = Place::ALL.iter().map(|place| times(*place)).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|(_, times)| *times > 0).collect())
    }
}

fn failed(name: &'static str) -> impl Fn(MapError) -> SensorError {
    move |source| SensorError::Map { name, source }
}

/// `None`: it is being made.
fn row_of(words: &RowWords) -> Option<Row> {
    Row::read_from_bytes(words.as_bytes()).ok().filter(|row| row.made != 0)
}

fn tally_of(&[seen, submitted, shed, lost]: &TallyWords) -> Tally {
    Tally { seen, submitted, shed, lost }
}

fn add(a: Tally, b: Tally) -> Tally {
    Tally {
        seen: a.seen + b.seen,
        submitted: a.submitted + b.submitted,
        shed: a.shed + b.shed,
        lost: a.lost + b.lost,
    }
}
