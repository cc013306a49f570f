//! Why the kernel side did not load or attach, told from what the kernel said: the sentence that names the cause.

use aya::{EbpfError, maps::MapError};
use rustix::process::{Resource, getrlimit};

use super::{HookState, HookStatus, SensorError};

/// Why the object did not load.
pub(super) fn to_load(error: EbpfError) -> SensorError {
    let refused = matches!(
        &error,
        EbpfError::MapError(MapError::CreateError { io_error, .. }) if io_error.raw_os_error() == Some(libc::EPERM)
    );
    // `None`: there is no limit. From Linux 5.11 on it does not count, and this is not why.
    match getrlimit(Resource::Memlock).current.filter(|_| refused) {
        Some(limit) => SensorError::Memlock { limit, source: error },
        None => SensorError::Load(error),
    }
}

/// Whether an event is not seen at all because programs were refused for reading kernel memory, which lockdown forbids:
/// the verifier names the helper that no program may use then (bpf_tracing_func_proto, kernel/trace/bpf_trace.c, 5.10
/// and 6.18). Programs that do without it load all the same.
pub(super) fn is_locked_down(hooks: &[HookStatus]) -> bool {
    let refused = |reason: &str| {
        let names_it = reason.contains("bpf_probe_read_kernel#");
        names_it && (reason.contains("unknown func") || reason.contains("cannot use helper"))
    };
    let is_seen = |event| hooks.iter().any(|hook| hook.event == event && hook.state == HookState::Attached);
    hooks
        .iter()
        .filter(|hook| hook.state == HookState::Failed && hook.reason.as_deref().is_some_and(refused))
        .any(|hook| !is_seen(hook.event))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn hook(state: HookState, reason: &str) -> HookStatus {
        let (event, reason) = ("exec", Some(reason.to_owned()));
        HookStatus { event, program: event, target: event, family: "tp_btf", state, reason }
    }

    fn not_created(errno: i32) -> EbpfError {
        let io_error = io::Error::from_raw_os_error(errno);
        EbpfError::MapError(MapError::CreateError { name: "EVENTS".into(), io_error })
    }

    #[test]
    fn lockdown_is_told_by_the_helper_that_the_verifier_refuses() {
        let old = "0: (85) call bpf_probe_read_kernel#113 unknown func bpf_probe_read_kernel#113";
        let new = "program of this type cannot use helper bpf_probe_read_kernel#113 processed 5 insns";
        for said in [old, new] {
            let failed = hook(HookState::Failed, said);
            assert!(is_locked_down(std::slice::from_ref(&failed)), "{said}");
            let other_event = HookStatus { event: "listen", ..hook(HookState::Attached, "") };
            assert!(is_locked_down(&[failed.clone(), other_event]), "{said}");
            assert!(!is_locked_down(&[failed, hook(HookState::Attached, "")]), "{said}");
        }
        let other = "call bpf_probe_read_kernel#113 R1 min value is negative";
        assert!(!is_locked_down(&[hook(HookState::Failed, other)]));
        assert!(!is_locked_down(&[]));
    }

    #[test]
    fn a_map_that_is_refused_for_another_reason_is_not_the_limits_fault() {
        assert!(matches!(to_load(not_created(libc::EINVAL)), SensorError::Load(_)));
        let unlimited = getrlimit(Resource::Memlock).current.is_none();
        assert_eq!(matches!(to_load(not_created(libc::EPERM)), SensorError::Load(_)), unlimited);
    }
}
