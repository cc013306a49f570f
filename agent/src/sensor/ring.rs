//! The reading end of the ring: batches of records, as bytes.

use std::{io, os::fd::AsRawFd, time::Duration};

use aya::maps::{Map, MapData, RingBuf};
use bytes::{Bytes, BytesMut};
use tokio::io::{Interest, unix::AsyncFd};

use super::SensorError;

/// Most bytes that are copied out of the ring before they are handed on.
pub const BATCH_BYTES: usize = 256 * 1024;

/// Pause between two looks at the ring. The kernel wakes the reader only when it has caught up, and a wakeup costs
/// the process that is being watched more than its record does: the pause turns thousands a second into one.
const NAP: Duration = Duration::from_millis(1);

/// Watches a ring that owns its descriptor.
pub(super) fn watch<T: OwnsFd>(ring: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: what implements `OwnsFd` keeps one descriptor open from its birth to its drop.
    unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }.map_err(io::Error::from)
}

/// aya's readers of ring buffers: each owns its map's descriptor and never changes it.
pub(super) trait OwnsFd: AsRawFd {}
impl OwnsFd for RingBuf<MapData> {}
impl<L> OwnsFd for aya_log::EbpfLogger<L> {}

pub struct Reader {
    ring: AsyncFd<RingBuf<MapData>>,
    /// Whether the last look left the ring empty.
    drained: bool,
}

impl Reader {
    pub(super) fn new(map: Map) -> Result<Self, SensorError> {
        let ring = RingBuf::try_from(map).map_err(|source| SensorError::Map { name: "EVENTS", source })?;
        Ok(Reader { ring: watch(ring).map_err(SensorError::Watch)?, drained: true })
    }

    /// Waits for records and takes as many as make a batch. Each is its own `Bytes` in one shared buffer.
    pub async fn next(&mut self) -> Result<Vec<Bytes>, SensorError> {
        loop {
            if self.drained {
                tokio::time::sleep(NAP).await;
            } else {
                // However much there is to read, signals and timers get their turn.
                tokio::task::yield_now().await;
            }
            let batch = self.take();
            if !batch.is_empty() {
                return Ok(batch);
            }
            let mut ready = self.ring.readable_mut().await.map_err(SensorError::Watch)?;
            ready.clear_ready();
            self.drained = false;
        }
    }

    /// Takes what is there now, without waiting.
    pub fn take(&mut self) -> Vec<Bytes> {
        let mut buffer = BytesMut::with_capacity(BATCH_BYTES);
        let mut batch = Vec::new();
        let mut room = BATCH_BYTES;
        while let Some(record) = self.ring.get_mut().next() {
            room = room.saturating_sub(record.len());
            buffer.extend_from_slice(&record);
            batch.push(buffer.split().freeze());
            if room == 0 {
                self.drained = false;
                return batch;
            }
        }
        self.drained = true;
        batch
    }
}
