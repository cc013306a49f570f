//! What the programs count, by event and by cgroup. Words of maps: the daemon reads them, nobody else writes them.

use crate::event::Kind;

/// What became of an event type's events: `seen = submitted + shed + lost`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
)]
pub struct Tally {
    pub seen: u64,
    pub submitted: u64,
    /// Refused before any work was done: beyond the budget of its cgroup, or because bulk records may not fill the ring.
    pub shed: u64,
    /// The ring was full, or no slot was free to build the record in.
    pub lost: u64,
}

/// Cgroups that have a row at the same time. Beyond it the row that was not used for longest is given to another
/// cgroup; what it counted is in the ledger by event alone then.
pub const ROWS_MAX: u32 = 16 * 1024;

/// A cgroup's row of the ledger, and its budget for bulk events.
///
/// What was submitted is not counted a second time: it is what was seen and neither shed nor lost. So an event that
/// gets through touches the row once, at its beginning, and needs no pointer to it afterwards.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
)]
pub struct Row {
    /// CLOCK_BOOTTIME of the row's making, which tells it from an earlier row of the same cgroup; 0: in the making.
    pub made: u64,
    /// Up to when the budget was lowered by what time has earned.
    pub earned: u64,
    /// Bulk events on the budget.
    pub spent: u64,
    /// By `Kind`.
    pub counts: [Counts; Kind::COUNT],
}

/// A cgroup's events of one type.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
)]
pub struct Counts {
    pub seen: u64,
    pub shed: u64,
    pub lost: u64,
}

impl Row {
    pub const BLANK: Row =
        Row { made: 0, earned: 0, spent: 0, counts: [Counts { seen: 0, shed: 0, lost: 0 }; Kind::COUNT] };
}
