//! Attaches the programs of each event's best hook, and says what came of it.

use std::{
    collections::{BTreeSet, HashMap},
    io::ErrorKind,
    path::Path,
};

use aya::{
    Btf, Ebpf,
    programs::{Program, ProgramError},
};
use nightjar_events::{EVENTS, Event, Family, Hook, Kind, Point};
use serde::Serialize;

use super::TRACEFS;

/// How often a load is tried that a signal breaks off.
const LOAD_TRIES_MAX: usize = 8;

/// One program and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct HookStatus {
    pub event: &'static str,
    pub program: &'static str,
    pub target: &'static str,
    pub family: &'static str,
    pub state: HookState,
    /// Why it is not attached.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    Attached,
    /// The kernel does not have the target; the event may still be whole (creat is no system call on aarch64).
    Absent,
    Failed,
}

pub(super) fn attach(bpf: &mut Ebpf, btf: &Btf, kinds: &BTreeSet<Kind>) -> Vec<HookStatus> {
    let mut done = HashMap::new();
    EVENTS
        .iter()
        .filter(|event| kinds.contains(&event.kind))
        .flat_map(|event| best(bpf, btf, event, &mut done))
        .collect()
}

/// What became of a program at a target: several events may share one, and a program may have several targets.
type Done = HashMap<(&'static str, &'static str), (HookState, Option<String>)>;

/// The statuses of the first hook that works, or else of the last that was tried.
fn best(bpf: &mut Ebpf, btf: &Btf, event: &Event, done: &mut Done) -> Vec<HookStatus> {
    let mut statuses = Vec::new();
    for hook in event.hooks {
        statuses = try_hook(bpf, btf, event, hook, done);
        let attached = statuses.iter().any(|s| s.state == HookState::Attached);
        if attached && statuses.iter().all(|s| s.state != HookState::Failed) {
            break;
        }
    }
    statuses
}

fn try_hook(bpf: &mut Ebpf, btf: &Btf, event: &Event, hook: &Hook, done: &mut Done) -> Vec<HookStatus> {
    let status = |point: &Point| {
        let (state, reason) = done
            .entry((point.program, point.target))
            .or_insert_with(|| attach_point(bpf, btf, point))
            .clone();
        let (program, target, family) = (point.program, point.target, family_of(point).name());
        HookStatus { event: event.name, program, target, family, state, reason }
    };
    hook.points.iter().map(status).collect()
}

/// A hook on system calls may lean on a tracepoint of another kind.
fn family_of(point: &Point) -> Family {
    if point.target.contains('/') { Family::SyscallTracepoint } else { Family::BtfTracepoint }
}

fn attach_point(bpf: &mut Ebpf, btf: &Btf, point: &Point) -> (HookState, Option<String>) {
    let Some(program) = bpf.program_mut(point.program) else {
        return (HookState::Failed, Some(format!("the eBPF object has no program {}", point.program)));
    };
    let result = match program {
        Program::BtfTracePoint(p) => load(|| p.load(point.target, btf)).and_then(|()| p.attach().map(drop)),
        Program::TracePoint(p) => {
            let Some((category, name)) = point.target.split_once('/') else {
                return (HookState::Failed, Some(format!("{} is no category/name", point.target)));
            };
            if !Path::new(TRACEFS).join("events").join(category).join(name).is_dir() {
                return (HookState::Absent, Some("this kernel has no such tracepoint".into()));
            }
            load(|| p.load()).and_then(|()| p.attach(category, name).map(drop))
        }
        other => {
            return (HookState::Failed, Some(format!("unexpected program type {:?}", other.prog_type())));
        }
    };
    match result {
        Ok(()) => (HookState::Attached, None),
        Err(error) => (HookState::Failed, Some(explain(&error))),
    }
}

/// Loads a program, unless it was loaded for an earlier target. The kernel breaks a load off when a signal is waiting
/// for the thread.
fn load(load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    let broken_off = |error: &ProgramError| matches!(error, ProgramError::LoadError { io_error, .. } if io_error.kind() == ErrorKind::WouldBlock);
    match again_while(broken_off, load) {
        Err(ProgramError::AlreadyLoaded) => Ok(()),
        other => other,
    }
}

fn again_while<E>(again: impl Fn(&E) -> bool, mut act: impl FnMut() -> Result<(), E>) -> Result<(), E> {
    for _ in 1..LOAD_TRIES_MAX {
        match act() {
            Err(error) if again(&error) => {}
            other => return other,
        }
    }
    act()
}

/// The error with its causes, in one line; of a verifier's log only the end, where the reason stands.
fn explain(error: &dyn std::error::Error) -> String {
    const REASON_MAX: usize = 600;
    let chain: Vec<String> =
        std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).collect();
    let text = chain.join(": ").split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = text.chars().count().saturating_sub(REASON_MAX);
    if skip == 0 { text } else { format!("…{}", text.chars().skip(skip).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_a_signal_breaks_off_is_tried_again_but_not_for_ever() {
        let tries = |broken_off: usize| {
            let mut tries = 0;
            let done = again_while(
                |_: &()| true,
                || {
                    tries += 1;
                    if tries > broken_off { Ok(()) } else { Err(()) }
                },
            );
            (done.is_ok(), tries)
        };
        assert_eq!(tries(0), (true, 1));
        assert_eq!(tries(2), (true, 3));
        assert_eq!(tries(100), (false, LOAD_TRIES_MAX));
    }

    #[test]
    fn a_program_that_an_earlier_target_loaded_is_loaded() {
        assert!(load(|| Err(ProgramError::AlreadyLoaded)).is_ok());
    }
}
