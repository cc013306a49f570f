//! The kernel side's counters: `seen = submitted + shed + lost`, by event.

use aya::maps::{Map, MapData, PerCpuArray};
use nightjar_events::{EVENTS, Kind, control::Tally};

use super::SensorError;

const NAME: &str = "LEDGER";

/// `Tally` as the words that the map holds.
type Words = [u64; size_of::<Tally>() / 8];

pub struct Ledger(PerCpuArray<MapData, Words>);

impl Ledger {
    pub(super) fn new(map: Map) -> Result<Self, SensorError> {
        let map = PerCpuArray::try_from(map).map_err(|source| SensorError::Map { name: NAME, source })?;
        Ok(Ledger(map))
    }

    /// The column of an event, summed over CPUs.
    pub fn tally(&self, kind: Kind) -> Result<Tally, SensorError> {
        let per_cpu =
            self.0.get(&(kind as u32), 0).map_err(|source| SensorError::Map { name: NAME, source })?;
        Ok(per_cpu.iter().map(tally_of).fold(Tally::default(), add))
    }

    /// Every event's column, by `Kind`.
    pub fn all(&self) -> Result<Vec<(Kind, Tally)>, SensorError> {
        EVENTS.iter().map(|event| Ok((event.kind, self.tally(event.kind)?))).collect()
    }
}

fn tally_of(&[seen, submitted, shed, lost]: &Words) -> Tally {
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
