//! What stands in a capture: the head and the index as MessagePack maps, and the items of a block.
//!
//! An item is an array whose first element says what it is. Processes and containers are numbered in the order in which
//! their block defines them, each kind from 0.

use nightjar_events::{EVENTS, ledger::Tally};
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::sensor::ledger::ByEvent;

/// The form's version. Another one is refused; members that are added to records are not another version (`layout`).
pub const VERSION: u8 = 1;
/// What every capture begins with; its last byte is the version.
pub const MAGIC: &[u8; 8] = b"NJCAPTR\x01";
/// What a capture that was finished ends with, after the place of its index.
pub const END: &[u8; 8] = b"NJCAPEND";

/// `[PROCESS, parent or nil, process as in a rule's test]`
pub const PROCESS: u8 = 1;
/// `[CONTAINER, container as in a rule's test]`
pub const CONTAINER: u8 = 2;
/// `[EVENT, time, number, process, container, record]`; nil: on the host, false: it could not be told
pub const EVENT: u8 = 3;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Of the nightjar that recorded it.
    pub nightjar: String,
    pub node: String,
    /// The boot in which it was recorded: with it, an alert has the same id when it is replayed.
    pub boot: String,
    /// Nanoseconds since the epoch.
    pub started: u64,
    pub little_endian: bool,
    /// How the records of each event lie in memory.
    pub(super) layouts: Vec<Layout>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub blocks: Vec<IndexRow>,
    pub events: u64,
    /// Events that were too long to be written.
    pub left_out: u64,
    /// What the kernel side saw, shed and lost meanwhile, by event.
    pub ledger: Vec<Missed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexRow {
    /// Where the block's frame begins.
    pub at: u64,
    pub events: u32,
    /// Number of its first event.
    pub first: u64,
    /// Times of the first and the last event, nanoseconds since the epoch.
    pub from: u64,
    pub to: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub event: String,
    pub seen: u64,
    pub shed: u64,
    pub lost: u64,
}

/// The rows of a ledger in which something was seen.
pub fn rows(ledger: &ByEvent) -> Vec<Missed> {
    let seen = ledger.iter().filter(|(_, tally)| tally.seen > 0);
    seen.map(|(kind, Tally { seen, shed, lost, .. })| Missed {
        event: EVENTS[*kind as usize].name.to_owned(),
        seen: *seen,
        shed: *shed,
        lost: *lost,
    })
    .collect()
}
