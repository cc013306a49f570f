//! Captures: what the kernel said, with identity as it was known then, in a file from which any machine has the same
//! events again, without root and without the node's /proc, cgroups or users.
//!
//! A capture is a row of frames as the spool's are, each with a number and a checksum: a head, blocks of events, an
//! index. A block is MessagePack, compressed; it defines each process and container before the first event that needs
//! it, so it can be read by itself. Deciding which events are recorded is not done here.

pub mod audit;
mod form;
mod layout;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use crate::{sensor::SensorError, spool::frame};

pub use self::{
    form::{Head, Index, IndexRow, MAGIC, Missed},
    read::{Capture, index_of},
    source::{Format, Source, SourceError},
    write::{Recorded, Writer},
};

/// A block is written out when its events and what they need have this many bytes, before compression.
pub const BLOCK_BYTES: usize = 512 * 1024;
/// A block is written out when its events span this many nanoseconds: so much is lost when the recorder is killed.
pub const BLOCK_SPAN: u64 = 1_000_000_000;
/// Most bytes of a block before compression, and most processes and containers it may define: a reader takes no more.
pub const BLOCK_BYTES_MAX: usize = 4 << 20;
pub const BLOCK_DEFINITIONS_MAX: usize = 16_384;
/// Most ancestors of a process in a capture. Identity keeps no more than half as many.
pub const LINEAGE_MAX: u32 = 256;
/// Most blocks of a capture, so that the index fits in a frame: some 10 GiB before compression.
pub const BLOCKS_MAX: usize = 20_000;

/// Why a capture cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("read capture")]
    Read(#[source] io::Error),
    #[error("write capture")]
    Write(#[source] io::Error),
    #[error("this is no capture: it does not begin as one")]
    NotACapture,
    #[error("this capture has version {0} of the form; this nightjar reads version {version}", version = form::VERSION)]
    Version(u8),
    #[error("this capture was recorded on a machine with another byte order")]
    ByteOrder,
    /// Everything before is whole.
    #[error("the capture is damaged at byte {at}: {what}; the {events} events before are whole")]
    Damaged { at: u64, events: u64, what: Damage },
    #[error("the capture was not finished: it ends at byte {at}; the {events} events before are whole")]
    Unfinished { at: u64, events: u64 },
    #[error("look up how records lie in memory")]
    Layout(#[from] SensorError),
    #[error("encode event {number}: {reason}")]
    Encode { number: u64, reason: String },
    #[error("the capture has {BLOCKS_MAX} blocks, and can have no more")]
    Full,
}

/// What is wrong with bytes whose place in a capture is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("a checksum or a length is wrong")]
    Frame,
    #[error("what should be the head is not one")]
    Head,
    #[error("a block cannot be decompressed")]
    Compression,
    #[error("a block holds {0}")]
    Block(String),
    #[error("the index is not one")]
    Index,
    #[error("something follows its end")]
    Trailing,
}

/// What a frame holds: its first byte.
const HEAD: u8 = b'H';
const BLOCK: u8 = b'B';
const INDEX: u8 = b'I';

// A block of the usual size fits in a frame however badly it compresses, with a last event that brings all its ancestors.
const _: () = assert!(BLOCK_BYTES + BLOCK_BYTES / 255 + (256 << 10) < frame::PAYLOAD_MAX);
