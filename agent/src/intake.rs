//! Bytes from the ring → records whose every length has been checked.

use bytes::Bytes;
use nightjar_events::{Body, Header, WireError, wire};

/// A record that owns its tail.
#[derive(Clone, Debug)]
pub struct Intake {
    pub header: Header,
    pub body: Body,
    pub tail: Bytes,
}

impl Intake {
    pub fn decode(bytes: &Bytes) -> Result<Intake, WireError> {
        let (header, body, tail) = wire::decode(bytes)?;
        Ok(Intake { header, body, tail: bytes.slice_ref(tail) })
    }

    pub fn record(&self) -> nightjar_events::Record<'_> {
        nightjar_events::Record { header: &self.header, body: &self.body, tail: &self.tail }
    }
}
