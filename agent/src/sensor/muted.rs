//! Cgroups whose events the kernel side keeps to itself, but for those that identity needs.

use aya::maps::{HashMap, Map, MapData};

use super::SensorError;

const MAP: &str = "MUTED";

pub struct Muted(HashMap<MapData, u64, u8>);

impl Muted {
    pub(super) fn new(map: Map) -> Result<Self, SensorError> {
        HashMap::try_from(map).map(Muted).map_err(|source| SensorError::Map { name: MAP, source })
    }

    /// Mutes a cgroup, so long as those that were muted later leave it its place.
    pub fn mute(&mut self, cgroup: u64) -> Result<(), SensorError> {
        self.0.insert(cgroup, 1, 0).map_err(|source| SensorError::Map { name: MAP, source })
    }
}
