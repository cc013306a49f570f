//! What the facts of a report mean for the agent.

use std::collections::BTreeSet;

use nightjar_events::{EVENTS, Kind};
use serde::Serialize;

use super::{super::Exit, Report};
use crate::sensor::{HookState, HookStatus};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Healthy,
    Degraded,
    CannotRun,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the agent cannot run because of it.
    pub fatal: bool,
    pub what: String,
    /// What to do about it, where something can be done.
    pub cure: Option<&'static str>,
}

impl Health {
    pub fn of(problems: &[Problem]) -> Self {
        match problems.iter().map(|problem| problem.fatal).max() {
            None => Health::Healthy,
            Some(false) => Health::Degraded,
            Some(true) => Health::CannotRun,
        }
    }

    pub fn exit(self) -> Exit {
        match self {
            Health::Healthy => Exit::Done,
            Health::Degraded => Exit::Failed,
            Health::CannotRun => Exit::CannotRun,
        }
    }
}

/// How an event fares with its programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    Attached,
    Degraded,
    Absent,
}

impl EventState {
    pub fn name(self) -> &'static str {
        match self {
            EventState::Attached => "attached",
            EventState::Degraded => "degraded",
            EventState::Absent => "absent",
        }
    }
}

/// Programs whose system call this machine does not have are no loss, so long as another is attached.
pub fn event_state(hooks: &[HookStatus], kind: Kind) -> EventState {
    let of_event = || hooks.iter().filter(|hook| hook.event == kind.name());
    let attached = of_event().any(|hook| hook.state == HookState::Attached);
    let failed = of_event().any(|hook| hook.state == HookState::Failed);
    match (attached, failed) {
        (true, false) => EventState::Attached,
        (true, true) => EventState::Degraded,
        (false, _) => EventState::Absent,
    }
}

/// Events of which at least something is reported.
pub fn working_kinds(hooks: &[HookStatus]) -> BTreeSet<Kind> {
    EVENTS
        .iter()
        .map(|event| event.kind)
        .filter(|kind| event_state(hooks, *kind) != EventState::Absent)
        .collect()
}

pub fn problems(report: &Report) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |fatal, what: String, cure| found.push(Problem { fatal, what, cure });
    if !report.kernel.btf {
        let cure = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of all large distributions are";
        add(true, "the kernel has no type information at /sys/kernel/btf/vmlinux".into(), Some(cure));
    }
    if report.kernel.lockdown.as_deref() == Some("confidentiality") {
        let cure = "boot with lockdown=integrity";
        add(
            true,
            "lockdown is set to confidentiality, which forbids reading kernel memory".into(),
            Some(cure),
        );
    }
    if let Some(error) = &report.cgroups.error {
        add(true, format!("containers cannot be told apart: {error}"), None);
    }
    if let Some(error) = &report.pid_namespace_error {
        add(true, error.clone(), None);
    }
    for capability in report.capabilities.iter().filter(|capability| !capability.held) {
        let cure = "run as root, or grant the capability";
        add(true, format!("{} is not held, needed to {}", capability.name, capability.why), Some(cure));
    }
    if let Some(error) = &report.hooks_error {
        add(true, format!("the kernel side does not start: {error}"), None);
        return found;
    }
    for event in EVENTS {
        match event_state(&report.hooks, event.kind) {
            EventState::Attached => {}
            // Without exec nobody knows who does what.
            EventState::Absent => add(event.kind == Kind::Exec, format!("{} is not seen", event.name), None),
            EventState::Degraded => add(false, format!("{} is seen only in part", event.name), None),
        }
    }
    if report.kernel.jit == Some(false) {
        let cure = "sysctl net.core.bpf_jit_enable=1";
        add(
            false,
            "kernel programs are interpreted, not compiled: every event costs more".into(),
            Some(cure),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{super::sample::report, *};

    fn hook(event: &'static str, state: HookState) -> HookStatus {
        HookStatus { event, program: event, target: "x", family: "tp_btf", state, reason: None }
    }

    #[test]
    fn a_node_where_everything_attaches_is_healthy() {
        assert_eq!(problems(&report()), []);
        assert_eq!(Health::of(&[]).exit(), Exit::Done);
    }

    #[test]
    fn a_system_call_that_the_machine_lacks_is_no_loss() {
        let hooks = [hook("open", HookState::Attached), hook("open", HookState::Absent)];
        assert_eq!(event_state(&hooks, Kind::Open), EventState::Attached);
        assert_eq!(event_state(&hooks[1..], Kind::Open), EventState::Absent);
        let half = [hook("open", HookState::Attached), hook("open", HookState::Failed)];
        assert_eq!(event_state(&half, Kind::Open), EventState::Degraded);
    }

    #[test]
    fn losing_connect_degrades_and_losing_exec_is_fatal() {
        let mut report = report();
        report.hooks.retain(|hook| hook.event != "connect");
        assert_eq!(Health::of(&problems(&report)), Health::Degraded);
        assert!(!working_kinds(&report.hooks).contains(&Kind::Connect));
        report.hooks.retain(|hook| hook.event != "exec");
        assert_eq!(Health::of(&problems(&report)), Health::CannotRun);
    }

    #[test]
    fn what_forbids_loading_is_fatal_and_says_how_to_mend_it() {
        let mut report = report();
        report.kernel.btf = false;
        report.kernel.lockdown = Some("confidentiality".into());
        report.capabilities[0].held = false;
        let problems = problems(&report);
        assert_eq!(problems.len(), 3);
        assert!(problems.iter().all(|problem| problem.fatal && problem.cure.is_some()));
        assert_eq!(Health::of(&problems).exit(), Exit::CannotRun);
    }

    #[test]
    fn when_nothing_loads_that_is_said_once_and_not_for_every_event() {
        let mut report = report();
        report.hooks.clear();
        report.hooks_error = Some("load the object: operation not permitted".into());
        assert_eq!(problems(&report).len(), 1);
    }
}
