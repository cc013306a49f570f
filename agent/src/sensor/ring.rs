//! The reading end of the ring: batches of records, as bytes.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use aya::maps::Map;
use bytes::{Bytes, BytesMut};
use tokio::io::{Interest, unix::AsyncFd};

use super::{SensorError, pages::Pages};

/// Most bytes that are copied out of the ring before they are handed on.
pub const BATCH_BYTES: usize = 256 * 1024;

/// Pause between two looks at the ring. The kernel wakes the reader only when it has caught up, and a wakeup costs
/// the process that is being watched more than its record does: the pause turns thousands a second into one.
const NAP: Duration = Duration::from_millis(1);

/// Watches what owns its descriptor.
pub(crate) fn watch<T: OwnsFd>(ring: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: what implements `OwnsFd` keeps one descriptor open from its birth to its drop.
    unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }.map_err(io::Error::from)
}

/// What owns its descriptor and never changes it.
pub(crate) trait OwnsFd: AsRawFd {}
impl OwnsFd for OwnedFd {}
impl OwnsFd for Pages {}
impl<L> OwnsFd for aya_log::EbpfLogger<L> {}

pub struct Reader {
    ring: AsyncFd<Pages>,
    /// Where records are copied to. What a batch left of it, or gave back, serves the next.
    buffer: BytesMut,
    /// Whether the last look left the ring empty.
    drained: bool,
}

impl Reader {
    pub(super) fn new(map: Map, ring_bytes: u32) -> Result<Self, SensorError> {
        let Map::RingBuf(map) = map else { return Err(SensorError::NoMap("EVENTS")) };
        let ring = map.fd().as_fd().try_clone_to_owned().and_then(|map| Pages::new(map, ring_bytes as usize));
        let ring = ring.and_then(watch).map_err(SensorError::Watch)?;
        Ok(Reader { ring, buffer: BytesMut::new(), drained: true })
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
        let pages = self.ring.get_mut();
        self.buffer.reserve(BATCH_BYTES);
        let mut batch = Vec::new();
        let mut room = BATCH_BYTES;
        loop {
            while room > 0
                && let Some(len) = pages.take(&mut self.buffer)
            {
                room = room.saturating_sub(len);
                batch.push(self.buffer.split().freeze());
            }
            self.drained = !pages.give_back();
            if self.drained || room == 0 {
                return batch;
            }
        }
    }
}
