//! The settings as they are written, on the command line or in the file. Nothing here is checked beyond its form.

use std::{net::SocketAddr, path::PathBuf};

use clap::ValueEnum;
use jiff::SignedDuration;
use nightjar_engine::rule::{self, Priority};
use nightjar_events::Family;
use serde::Deserialize;

use super::{outputs::RawOutput, parse, size::ByteSize};

/// What can be set. Every member is a flag (`--ring-size`) and a key of the configuration file (`ring_size`).
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// Rule files, or folders of them, of Falco and of Sigma; loaded anew when they change and at SIGHUP [default: the rules built into nightjar]
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Rules")]
    pub rules: Vec<PathBuf>,

    /// Switch rules off: a name, a pattern with `*`, or tag=NAME
    #[arg(long, value_name = "WHICH", num_args = 1.., help_heading = "Rules")]
    pub disable: Vec<String>,

    /// Switch rules on, also those that --disable or their file switched off
    #[arg(long, value_name = "WHICH", num_args = 1.., help_heading = "Rules")]
    pub enable: Vec<String>,

    /// Files, or folders of them, of exceptions: what rules find and is not to be reported, each with an author, a reason
    /// and an end; loaded anew with the rules
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Rules")]
    pub exceptions: Vec<PathBuf>,

    /// Ignore rules less severe than this: emergency, alert, critical, error, warning, notice, informational, debug
    #[arg(long, value_name = "PRIORITY", value_parser = parse::priority, help_heading = "Rules")]
    #[serde(deserialize_with = "parse::priority_key")]
    pub min_priority: Option<Priority>,

    /// Report the first rule that matches an event, as Falco does, or all of them [default: first]
    #[arg(long, value_name = "WHICH", help_heading = "Rules")]
    pub matching: Option<Matching>,

    /// Seconds without a finding after which an incident is over; 0: no incidents, each finding is an alert of its own
    /// [default: 300]
    #[arg(long, value_name = "SECONDS", help_heading = "Incidents")]
    pub incident_window_secs: Option<u64>,

    /// Seconds between two alerts of an incident that grows; what is worse than all before comes at once [default: 1]
    #[arg(long, value_name = "SECONDS", help_heading = "Incidents")]
    pub incident_update_secs: Option<u64>,

    /// New findings of one rule in one container that are told in a minute, 0 for no limit; what goes beyond is counted
    /// and told in sum [default: 120]
    #[arg(long, value_name = "FINDINGS", help_heading = "Incidents")]
    pub rule_limit: Option<u32>,

    /// Form of the alerts on standard output [default: human on a terminal, json in a pipe or file]
    #[arg(long, value_name = "FORM", help_heading = "Output")]
    pub output: Option<OutputForm>,

    /// Folder where alerts wait for the outputs [default: /var/lib/nightjar/spool]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub spool_dir: Option<PathBuf>,

    /// Size that the spool may grow to before the oldest alerts are given up, 1MiB to 1TiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Output")]
    pub spool_size: Option<ByteSize>,

    /// Alerts at least this severe are on disk before they are sent, the others within a second [default: critical]
    #[arg(long, value_name = "PRIORITY", value_parser = parse::priority, help_heading = "Output")]
    #[serde(deserialize_with = "parse::priority_key")]
    pub spool_sync: Option<Priority>,

    /// Serve metrics for Prometheus at http://ADDRESS/metrics: IP:PORT, or a port alone for loopback [default: off]
    #[arg(long, value_name = "ADDRESS", value_parser = parse::listen, help_heading = "Output")]
    #[serde(deserialize_with = "parse::listen_key")]
    pub metrics: Option<SocketAddr>,

    /// In the file alone: see docs/outputs.md.
    #[arg(skip)]
    pub outputs: Vec<RawOutput>,

    /// Who is watched: all, containers, or any of container=NAME-OR-ID, pod=NAMESPACE/NAME and cgroup=PATH, in which `*`
    /// stands for any text [default: all]
    #[arg(long, value_name = "SCOPE", num_args = 1.., help_heading = "Events")]
    #[serde(deserialize_with = "parse::one_or_more")]
    pub scope: Vec<String>,

    /// How events that are system calls are watched [default: fentry where the kernel allows it, else tracepoint]
    #[arg(long, value_name = "FAMILY", help_heading = "Events")]
    pub hooks: Option<Hooks>,

    /// Size of the buffer between kernel and agent: a power of two, 256KiB to 1GiB [default: 16MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Events")]
    pub ring_size: Option<ByteSize>,

    /// System calls of a cgroup that are told in a second before the kernel side leaves some out, 0 for no limit; what
    /// it does not use of it is saved up for ten seconds [default: 20000]
    #[arg(long, value_name = "EVENTS", help_heading = "Events")]
    pub bulk_budget: Option<u32>,

    /// How long an event waits for its container's name and image, when they are not known yet; 0s to 60s [default: 2s]
    #[arg(long, value_name = "TIME", help_heading = "Events")]
    #[serde(deserialize_with = "parse::time_key")]
    pub identity_wait: Option<SignedDuration>,

    /// Whether container runtimes are asked, over their own sockets, for what no file tells [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = "Events")]
    pub runtime_sockets: Option<bool>,

    /// Where the node's files are, when the agent itself runs in a container [default: /]
    #[arg(long, value_name = "DIR", help_heading = "Events")]
    pub host_root: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// The first rule that matches an event, as Falco does
    #[default]
    First,
    /// Every rule that matches an event
    All,
}

impl From<Matching> for rule::Matching {
    fn from(matching: Matching) -> Self {
        match matching {
            Matching::First => rule::Matching::First,
            Matching::All => rule::Matching::All,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputForm {
    /// A block to read
    Human,
    /// One line of JSON per alert
    Json,
    /// Nothing: alerts go to the configured outputs alone
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hooks {
    /// At kernel functions: names cannot be raced, and other system calls do not pay
    Fentry,
    /// At the exits of system calls
    Tracepoint,
}

impl From<Hooks> for Family {
    fn from(hooks: Hooks) -> Self {
        match hooks {
            Hooks::Fentry => Family::Fentry,
            Hooks::Tracepoint => Family::SyscallTracepoint,
        }
    }
}

impl Raw {
    /// What `self` says, and what `other` says where `self` says nothing.
    pub fn or(self, other: Raw) -> Raw {
        fn list<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
            if first.is_empty() { second } else { first }
        }
        Raw {
            rules: list(self.rules, other.rules),
            exceptions: list(self.exceptions, other.exceptions),
            disable: list(self.disable, other.disable),
            enable: list(self.enable, other.enable),
            min_priority: self.min_priority.or(other.min_priority),
            matching: self.matching.or(other.matching),
            incident_window_secs: self.incident_window_secs.or(other.incident_window_secs),
            incident_update_secs: self.incident_update_secs.or(other.incident_update_secs),
            rule_limit: self.rule_limit.or(other.rule_limit),
            output: self.output.or(other.output),
            spool_dir: self.spool_dir.or(other.spool_dir),
            spool_size: self.spool_size.or(other.spool_size),
            spool_sync: self.spool_sync.or(other.spool_sync),
            metrics: self.metrics.or(other.metrics),
            outputs: list(self.outputs, other.outputs),
            scope: list(self.scope, other.scope),
            hooks: self.hooks.or(other.hooks),
            ring_size: self.ring_size.or(other.ring_size),
            bulk_budget: self.bulk_budget.or(other.bulk_budget),
            identity_wait: self.identity_wait.or(other.identity_wait),
            runtime_sockets: self.runtime_sockets.or(other.runtime_sockets),
            host_root: self.host_root.or(other.host_root),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_setting_by_setting() {
        let line = Raw { scope: vec!["containers".into()], rules: vec!["a".into()], ..Raw::default() };
        let file = Raw {
            scope: vec!["all".into()],
            rules: vec!["b".into()],
            disable: vec!["x".into()],
            ..Raw::default()
        };
        let both = line.or(file);
        assert_eq!(both.scope, ["containers"]);
        assert_eq!(both.rules, [PathBuf::from("a")]);
        assert_eq!(both.disable, ["x"]);
    }
}
