//! What is dropped before any work is done for it. What is dropped here was never `seen`.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::LruHashMap};
use nightjar_events::control::MUTED_MAX;

use crate::setting;

/// Cgroups out of scope, as the agent has found. One that is unknown here is in scope: a new one, and one that was
/// evicted until the agent sees an event of it.
#[map]
static MUTED: LruHashMap<u64, u8> = LruHashMap::with_max_entries(MUTED_MAX, 0);

/// Whether the current process is the daemon itself.
#[inline(always)]
pub fn is_self() -> bool {
    bpf_get_current_pid_tgid() >> 32 == setting!(self_pid)
}

/// Whether the agent has found a cgroup to be out of scope.
#[inline(always)]
pub fn is_muted(cgroup: u64) -> bool {
    setting!(scoped) != 0 && MUTED.get_ptr(cgroup).is_some()
}
