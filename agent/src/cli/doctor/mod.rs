//! `nightjar doctor`: what works on this node, what does not, and what that costs.
//!
//! Gathering (here and in the files beside) knows no judgement; `verdict` judges; `human` prints.

mod cgroups;
mod human;
mod kernel;
mod runtimes;
mod verdict;

use std::path::PathBuf;

use clap::ValueEnum;
use nightjar_events::{EVENTS, Kind};
use serde::Serialize;

use self::{
    cgroups::Cgroups,
    kernel::Kernel,
    runtimes::Runtime,
    verdict::{Health, Problem},
};
use super::{
    Exit, Failure, Node, OrEnd, Terminal,
    rules::{RuleState, configured, states},
    terminal::print,
};
use crate::{
    alert::json,
    config::{Config, Hooks, Raw},
    privilege,
    sensor::HookStatus,
};

/// Say what works on this node, what does not, and why
///
/// Loads and attaches every program for a moment and lets go again. Exit code 0: everything works; 1: it runs, but
/// something is missing, and some rules may not fire; 3: it cannot run here.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo nightjar doctor\n  sudo nightjar doctor --format json | jq .problems\n  sudo nightjar doctor --rules my-rules.yaml"
)]
pub struct DoctorArgs {
    /// Rule files, or folders of them, to say of which rules can fire [default: the built-in rules]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,

    /// How events that are system calls are watched [default: fentry where the kernel allows it, else tracepoint]
    #[arg(long, value_name = "FAMILY")]
    hooks: Option<Hooks>,

    /// Where the node's files are, when nightjar itself runs in a container [default: /]
    #[arg(long, value_name = "DIR")]
    host_root: Option<PathBuf>,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// To read
    Human,
    /// One JSON object
    Json,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    version: &'static str,
    health: Health,
    problems: Vec<Problem>,
    kernel: Kernel,
    capabilities: Vec<CapabilityState>,
    /// Why processes cannot be told by their numbers here.
    pid_namespace_error: Option<String>,
    cgroups: Cgroups,
    runtimes: Vec<Runtime>,
    hooks: Vec<HookStatus>,
    /// Events that no rule asks for: `run` with these rules leaves them out.
    not_asked_for: Vec<&'static str>,
    /// Why no program could even be tried.
    hooks_error: Option<String>,
    rules: Vec<RuleState>,
}

#[derive(Clone, Debug, Serialize)]
struct CapabilityState {
    name: String,
    held: bool,
    why: &'static str,
}

impl DoctorArgs {
    pub fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        let config = Config::check(Raw {
            rules: self.rules,
            host_root: self.host_root,
            hooks: self.hooks,
            ..Raw::default()
        })
        .or_end(Exit::Usage)?;
        let report = Report::gather(node, &config)?;
        let text = match self.format {
            Format::Human => human::text(&report, terminal.look),
            Format::Json => json::to_line(&report)? + "\n",
        };
        print(&text)?;
        Ok(report.health.exit())
    }
}

impl Report {
    fn gather(node: &dyn Node, config: &Config) -> Result<Report, Failure> {
        let kernel = Kernel::look("/".as_ref());
        let (hooks, hooks_error) = match node.probe(config) {
            Ok(hooks) => (hooks, None),
            Err(failure) => (Vec::new(), Some(format!("{:#}", failure.error))),
        };
        let kinds = verdict::working_kinds(&hooks);
        let rules = configured(config)?;
        let asked_for = rules.kinds();
        let is_asked_for = |kind: Kind| kind.is_for_identity() || asked_for.contains(&kind);
        let not_asked_for = EVENTS.iter().filter(|event| !is_asked_for(event.kind));
        let held = privilege::held()?;
        let capabilities = privilege::needed(kernel.version())
            .map(|need| CapabilityState {
                name: need.capability.to_string(),
                held: held.contains(&need.capability),
                why: need.why,
            })
            .collect();
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION"),
            health: Health::Healthy,
            problems: Vec::new(),
            kernel,
            capabilities,
            pid_namespace_error: privilege::in_initial_pid_namespace().err().map(|e| e.to_string()),
            cgroups: cgroups::look(&config.host_root),
            runtimes: runtimes::look(&config.host_root),
            hooks,
            not_asked_for: not_asked_for.map(|event| event.name).collect(),
            hooks_error,
            rules: states(&rules, &kinds),
        };
        report.problems = verdict::problems(&report);
        report.health = Health::of(&report.problems);
        Ok(report)
    }
}

#[cfg(test)]
mod sample;
