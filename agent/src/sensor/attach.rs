//! Attaches the programs of each event's best hook, and says what came of it.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use aya::{
    Btf, Ebpf,
    programs::{Program, ProgramError},
};
use nightjar_events::{EVENTS, Event, Family, Hook, Kind, Point};
use serde::Serialize;

use super::{
    TRACEFS,
    verify::{self, Verdicts},
};
use crate::timed::timed;

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
    let events = || EVENTS.iter().filter(|event| kinds.contains(&event.kind));
    let likely = events().filter_map(|event| event.hooks.first()).flat_map(|hook| hook.points);
    let verdicts = timed("verify", || verify::all(bpf, btf, likely.filter(|point| exists(point))));
    let mut done = Done { verdicts, states: HashMap::new() };
    timed("attach", || events().flat_map(|event| best(bpf, btf, event, &mut done)).collect())
}

/// What is known of programs already.
struct Done {
    /// Of those that have been verified and not been attached yet.
    verdicts: Verdicts,
    /// Of those that have been tried: several events may share one.
    states: HashMap<&'static str, (HookState, Option<String>)>,
}

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
        let Done { verdicts, states } = &mut *done;
        let attach = || attach_point(bpf, btf, point, verdicts);
        let (state, reason) = states.entry(point.program).or_insert_with(attach).clone();
        let (program, target, family) = (point.program, point.target, family_of(point).name());
        HookStatus { event: event.name, program, target, family, state, reason }
    };
    hook.points.iter().map(status).collect()
}

/// A hook on system calls may lean on a tracepoint of another kind.
fn family_of(point: &Point) -> Family {
    if point.target.contains('/') { Family::SyscallTracepoint } else { Family::BtfTracepoint }
}

fn attach_point(
    bpf: &mut Ebpf,
    btf: &Btf,
    point: &Point,
    verdicts: &mut Verdicts,
) -> (HookState, Option<String>) {
    if !exists(point) {
        return (HookState::Absent, Some("this kernel has no such tracepoint".into()));
    }
    let Some(program) = bpf.program_mut(point.program) else {
        return (HookState::Failed, Some(format!("the eBPF object has no program {}", point.program)));
    };
    let verdict = verdicts.remove(point.program).unwrap_or_else(|| verify::one(program, btf, point));
    match verdict.and_then(|()| attach_program(program, point)) {
        Ok(()) => (HookState::Attached, None),
        Err(error) => (HookState::Failed, Some(explain(&error))),
    }
}

fn attach_program(program: &mut Program, point: &Point) -> Result<(), ProgramError> {
    match (program, point.target.split_once('/')) {
        (Program::BtfTracePoint(program), _) => program.attach().map(drop),
        (Program::TracePoint(program), Some((category, name))) => program.attach(category, name).map(drop),
        (_, _) => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Whether the kernel has the target, as far as that can be told before a program is loaded for it.
fn exists(point: &Point) -> bool {
    !point.target.contains('/') || Path::new(TRACEFS).join("events").join(point.target).is_dir()
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
