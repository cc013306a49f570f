//! What is dropped before any work is done for it. What is dropped here was never `seen`.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;

use crate::setting;

/// Whether the current process is the daemon itself.
#[inline(always)]
pub fn is_self() -> bool {
    bpf_get_current_pid_tgid() >> 32 == setting!(self_pid)
}
