//! The report for a person: the verdict first, then the facts it rests on.

use anstyle::{AnsiColor, Style};
use nightjar_events::EVENTS;

use super::{
    super::rules::Fires,
    Report,
    runtimes::Runtime,
    verdict::{EventState, Health, event_state},
};
use crate::{
    alert::{escape::terminal, human::Look, wrap::wrap},
    sensor::HookState,
};

/// Columns in front of every row's text.
const INDENT: usize = 18;

pub fn text(report: &Report, look: Look) -> String {
    let mut page = Page { out: String::new(), look };
    page.verdict(report);
    page.facts(report);
    page.hooks(report);
    page.rules(report);
    page.out
}

struct Page {
    out: String,
    look: Look,
}

impl Page {
    fn row(&mut self, label: &str, text: &str) {
        let text = wrap(&terminal(text), self.look.width, INDENT);
        self.out.push_str(&format!("  {label:<width$}{text}\n", width = INDENT - 2));
    }

    fn paint(&self, text: &str, color: AnsiColor) -> String {
        let style = Style::new().bold().fg_color(Some(color.into()));
        if self.look.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn verdict(&mut self, report: &Report) {
        let (text, color) = match report.health {
            Health::Healthy => ("healthy: everything works", AnsiColor::Green),
            Health::Degraded => ("degraded: it runs, but not everything is seen", AnsiColor::Yellow),
            Health::CannotRun => ("nightjar cannot run here", AnsiColor::Red),
        };
        let title = self.paint(text, color);
        self.out.push_str(&format!("{title}\n"));
        for problem in &report.problems {
            self.row(if problem.fatal { "fatal" } else { "problem" }, &problem.what);
            if let Some(cure) = problem.cure {
                self.row("", &format!("→ {cure}"));
            }
        }
    }

    fn facts(&mut self, report: &Report) {
        let kernel = &report.kernel;
        self.out.push_str("\nnode\n");
        self.row("kernel", &format!("{} {}", kernel.release, kernel.arch));
        self.row("types (BTF)", if kernel.btf { "yes" } else { "no" });
        self.row("tracefs", kernel.tracefs.as_deref().unwrap_or("not mounted; run mounts it"));
        self.row("lockdown", kernel.lockdown.as_deref().unwrap_or("not known: securityfs is not mounted"));
        self.row("cgroups", &report.cgroups.text());
        let missing: Vec<_> =
            report.capabilities.iter().filter(|c| !c.held).map(|c| c.name.as_str()).collect();
        let capabilities = if missing.is_empty() {
            "all that are needed".to_owned()
        } else {
            format!("without {}", missing.join(", "))
        };
        self.row("capabilities", &capabilities);
        if report.runtimes.is_empty() {
            self.row("runtimes", "none found");
        }
        for (n, runtime) in report.runtimes.iter().enumerate() {
            self.row(if n == 0 { "runtimes" } else { "" }, &runtime_text(runtime));
        }
    }

    fn hooks(&mut self, report: &Report) {
        if report.hooks.is_empty() {
            return;
        }
        self.out.push_str("\nevents\n");
        for event in EVENTS {
            let state = event_state(&report.hooks, event.kind);
            let of_event = || report.hooks.iter().filter(|hook| hook.event == event.name);
            let mut attached: Vec<_> =
                of_event().filter(|hook| hook.state == HookState::Attached).map(|hook| hook.family).collect();
            attached.dedup();
            let by = if attached.is_empty() { String::new() } else { format!(" by {}", attached.join(", ")) };
            let unasked = report.not_asked_for.contains(&event.name);
            let unasked = if unasked { "; no rule asks for it: run leaves it out" } else { "" };
            self.row(event.name, &format!("{}{by}{unasked}", state.name()));
            let explain = |hook: &&crate::sensor::HookStatus| match hook.state {
                HookState::Attached => false,
                HookState::Absent | HookState::Failed => state != EventState::Attached,
                HookState::PassedOver => true,
            };
            for hook in of_event().filter(explain) {
                let reason = hook.reason.as_deref().unwrap_or("this kernel does not have it");
                let better = if hook.state == HookState::PassedOver {
                    format!("not by {}: ", hook.family)
                } else {
                    String::new()
                };
                self.row("", &format!("{better}{} on {}: {reason}", hook.program, hook.target));
            }
        }
    }

    fn rules(&mut self, report: &Report) {
        let count = |fires: Fires| report.rules.iter().filter(|rule| rule.fires == fires).count();
        let (whole, partly, never) = (count(Fires::Wholly), count(Fires::Partly), count(Fires::Never));
        self.out.push_str(&format!("\nrules: {whole} can fire, {partly} can fire in part, {never} cannot\n"));
        for rule in report.rules.iter().filter(|rule| rule.fires != Fires::Wholly) {
            let line = format!("{}: {}", rule.name, rule.coverage);
            let line = wrap(&terminal(&line), self.look.width, 4);
            self.out.push_str(&format!("  {line}\n"));
        }
    }
}

fn runtime_text(runtime: &Runtime) -> String {
    let parts =
        [("program", &runtime.program), ("listens at", &runtime.socket), ("state in", &runtime.state)];
    let known: Vec<_> =
        parts.iter().filter_map(|(what, at)| at.as_ref().map(|at| format!("{what} {at}"))).collect();
    format!("{}: {}", runtime.name, known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{sample::report, verdict::problems},
        *,
    };

    const PLAIN: Look = Look { color: false, width: None };

    #[test]
    fn a_healthy_node_reads_from_verdict_to_facts() {
        let text = text(&report(), PLAIN);
        let expected = "\
healthy: everything works

node
  kernel          6.12.1 x86_64
  types (BTF)     yes
  tracefs         /sys/kernel/tracing
  lockdown        integrity
  cgroups         v2; containers are told apart by /sys/fs/cgroup
  capabilities    all that are needed
  runtimes        containerd: listens at /run/containerd/containerd.sock

events
  exec            attached by tp_btf
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("\nrules: 0 can fire, 0 can fire in part, 0 cannot\n"), "{text}");
    }

    #[test]
    fn why_a_better_hook_is_not_used_is_said_though_all_is_well() {
        let mut report = report();
        let at = report.hooks.iter().position(|hook| hook.event == "open").unwrap();
        let reason = Some("the kernel refuses to load it".into());
        let better = report.hooks[at].clone();
        let state = HookState::PassedOver;
        let better = crate::sensor::HookStatus { family: "fentry", state, reason, ..better };
        report.hooks.insert(at + 1, better);
        assert_eq!(problems(&report), []);
        let text = text(&report, PLAIN);
        let expected = "  open            attached by tp_btf\n                  not by fentry: open on sched_process_exec: the kernel refuses to load it\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn an_event_that_no_rule_asks_for_is_said_to_be_left_out() {
        let mut report = report();
        report.not_asked_for.push("connect");
        let text = text(&report, PLAIN);
        let expected = "  connect         attached by tp_btf; no rule asks for it: run leaves it out\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let mut report = report();
        for hook in report.hooks.iter_mut().filter(|hook| hook.event == "open") {
            hook.state = HookState::Failed;
            hook.reason = Some("attach: permission denied".into());
        }
        report.problems = problems(&report);
        report.health = Health::of(&report.problems);
        let text = text(&report, PLAIN);
        assert!(
            text.starts_with(
                "degraded: it runs, but not everything is seen\n  problem         open is not seen\n"
            ),
            "{text}"
        );
        assert!(text.contains("  open            absent\n                  open on sched_process_exec: attach: permission denied\n"), "{text}");
    }
}
