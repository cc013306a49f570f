//! Every limit of identity's tables, in one place. What is dropped for a limit is counted in `IdentityStats`.

/// What the tables may grow to. The defaults fit a node with some hundred containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processes in the table, running and exited.
    pub processes: usize,
    /// Bytes of those processes' own strings and structs, without those of ancestors that have left the table.
    pub process_bytes: usize,
    /// Exited processes among them.
    pub exited_processes: usize,
    /// How long an exited process stays, for records that come after its exit.
    pub exited_grace_secs: u64,
    /// Cgroups in the table, removed ones included. A container's details stay as long as one of its cgroups.
    pub cgroups: usize,
    /// How long a removed cgroup stays.
    pub removed_grace_secs: u64,
    /// Containers whose passwd and group files are kept.
    pub passwd_files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            processes: 32_768,
            process_bytes: 32 << 20,
            exited_processes: 8_192,
            exited_grace_secs: 60,
            cgroups: 16_384,
            removed_grace_secs: 60,
            passwd_files: 256,
        }
    }
}

/// Longest argument vector that the table keeps, in bytes. The event of an exec carries up to `wire::ARGV_MAX`;
/// later events of the same process and its descendants see this much, marked as cut.
pub const ARGS_KEPT: usize = 4 * 1024;
/// Most bytes that one process may hold on to in ancestors; above it, the eldest are let go.
pub const LINEAGE_BYTES: usize = 64 * 1024;
/// Most descendants whose view of an ancestor is renewed when that ancestor execs.
pub const RENEWED_PER_EXEC: usize = 1_024;
/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;
