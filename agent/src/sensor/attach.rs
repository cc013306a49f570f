//! Attaches the programs of each event's best hook, and says what came of it.

use std::collections::{BTreeSet, HashMap};

use aya::{Btf, Ebpf};
use nightjar_events::{EVENTS, Event, Family, Hook, Kind, Point};
use serde::Serialize;

use super::{
    program::{self, AttachError},
    verify,
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
    /// It failed, or was let go since a point of its hook failed, and the event's next hook is attached instead.
    PassedOver,
}

/// Attaches the best hook that works of each event. With a family, an event that has hooks of it gets no other.
pub(super) fn attach(
    bpf: &mut Ebpf,
    btf: &Btf,
    kinds: &BTreeSet<Kind>,
    family: Option<Family>,
) -> Vec<HookStatus> {
    let events = || EVENTS.iter().filter(|event| kinds.contains(&event.kind));
    timed("verify", || verify::ahead(bpf, btf, events().map(|event| candidates(event, family))));
    let mut programs = Programs { bpf, btf, done: HashMap::new() };
    timed("attach", || events().flat_map(|event| programs.attach_event(event, family)).collect())
}

/// The hooks that an event may be watched by, best first.
fn candidates(event: &Event, family: Option<Family>) -> Vec<&'static Hook> {
    let of_family: Vec<_> = event.hooks.iter().filter(|hook| Some(hook.family) == family).collect();
    if of_family.is_empty() { event.hooks.iter().collect() } else { of_family }
}

struct Programs<'a> {
    bpf: &'a mut Ebpf,
    btf: &'a Btf,
    /// What became of each point: several events may share one, and a program may have several.
    done: HashMap<Point, Outcome>,
}

#[derive(Clone)]
struct Outcome {
    target: &'static str,
    state: HookState,
    reason: Option<String>,
}

impl Programs<'_> {
    /// The statuses of the first hook that works and of those that did not; of the last one tried also what works in
    /// part.
    fn attach_event(&mut self, event: &Event, family: Option<Family>) -> Vec<HookStatus> {
        let mut passed_over = Vec::new();
        let candidates = candidates(event, family);
        for (n, hook) in candidates.iter().enumerate() {
            let is_last = n + 1 == candidates.len();
            let known: BTreeSet<Point> = self.done.keys().copied().collect();
            let mut statuses = Vec::new();
            for point in hook.points {
                statuses.push(self.status(event, point));
                // Of the last one at least a part may work.
                if !is_last && statuses.iter().any(|s| s.state == HookState::Failed) {
                    break;
                }
            }
            let attached = statuses.iter().any(|s| s.state == HookState::Attached);
            let works = attached && statuses.iter().all(|s| s.state != HookState::Failed);
            if works || is_last {
                statuses.extend(passed_over);
                return statuses;
            }
            hook.points.iter().filter(|point| !known.contains(point)).for_each(|point| self.let_go(point));
            let failed = statuses.into_iter().filter(|status| status.state == HookState::Failed);
            passed_over.extend(failed.map(|status| HookStatus { state: HookState::PassedOver, ..status }));
        }
        passed_over
    }

    fn status(&mut self, event: &Event, point: &Point) -> HookStatus {
        let Outcome { target, state, reason } = match self.done.get(point) {
            Some(outcome) => outcome.clone(),
            None => {
                let outcome = self.attach_point(point);
                self.done.insert(*point, outcome.clone());
                outcome
            }
        };
        let family = self.bpf.program(point.program).map_or("", program::family);
        HookStatus { event: event.name, program: point.program, target, family, state, reason }
    }

    /// Takes a point back, and with it the others of its program.
    fn let_go(&mut self, point: &Point) {
        if let Some(program) = self.bpf.program_mut(point.program) {
            program::let_go(program);
        }
        self.done.retain(|done, _| done.program != point.program);
    }

    fn attach_point(&mut self, point: &Point) -> Outcome {
        let failed = |target, reason| Outcome { target, state: HookState::Failed, reason: Some(reason) };
        let newest = point.targets.first().copied().unwrap_or_default();
        let Some(program) = self.bpf.program_mut(point.program) else {
            return failed(newest, format!("the eBPF object has no program {}", point.program));
        };
        for target in point.targets {
            let loaded = program::load(program, target, self.btf);
            match loaded.and_then(|()| program::attach(program, target)) {
                Ok(()) => return Outcome { target, state: HookState::Attached, reason: None },
                Err(AttachError::NoTracepoint) => {
                    let reason = Some("this kernel has no such tracepoint".into());
                    return Outcome { target, state: HookState::Absent, reason };
                }
                Err(AttachError::NoFunction) => {}
                Err(AttachError::Other(reason)) => return failed(target, reason),
            }
        }
        let reason = format!("this kernel has no function {}", point.targets.join(" or "));
        if point.targets.iter().all(|target| is_call(target)) {
            return Outcome { target: newest, state: HookState::Absent, reason: Some(reason) };
        }
        failed(newest, reason)
    }
}

/// Whether it is the function of a system call: where that is not there, nor is the call.
fn is_call(target: &str) -> bool {
    ["__x64_sys_", "__arm64_sys_"].iter().any(|prefix| target.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use nightjar_events::event::{exec, open};

    use super::*;

    fn families(event: &Event, family: Option<Family>) -> Vec<Family> {
        candidates(event, family).iter().map(|hook| hook.family).collect()
    }

    #[test]
    fn a_family_that_is_asked_for_leaves_no_other_but_to_events_that_do_not_have_it() {
        let both = [Family::Fentry, Family::SyscallTracepoint];
        assert_eq!(families(&open::EVENT, None), both);
        for family in both {
            assert_eq!(families(&open::EVENT, Some(family)), [family]);
            assert_eq!(families(&exec::EVENT, Some(family)), [Family::BtfTracepoint]);
        }
    }
}
