//! `nightjar replay`: rules judge what was recorded.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::info;

use super::{Exit, Failure, Node, OrEnd, ReplayRequest, Terminal, rules, run::way_out};
use crate::{
    alert::Message,
    capture::{Format, Source},
    config::{Config, Matching, OutputForm, Raw},
    output::{Output, OutputError},
    replay::{Pace, Replayed},
};

/// How often the bar is drawn anew.
const BAR_HZ: u8 = 10;
const BAR: &str = "{elapsed} {wide_bar} {bytes}/{total_bytes} {msg}";

/// Judge what was recorded by rules, and print an alert for each thing that they object to
///
/// Needs no root and no particular machine: the same file and the same rules give the same alerts everywhere, with the
/// time and the node of the recording. Reads what `nightjar record` wrote, and logs of Linux audit. Of a file that is damaged, all before the damage is judged; exit code 1.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar replay build.njc\n  nightjar replay build.njc --rules my-rules.yaml --speed 1\n  nightjar replay /var/log/audit/audit.log --rules sigma/rules/linux"
)]
pub struct ReplayArgs {
    /// File to read
    file: PathBuf,

    /// What the file is [default: what its first bytes say]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// How fast: 1 as it was recorded, 10 ten times as fast [default: as fast as it can be judged]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    speed: Option<f64>,

    /// Rule files, or folders of them, of Falco and of Sigma [default: the rules built into nightjar]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,

    /// Switch rules off: a name, a pattern with `*`, or tag=NAME
    #[arg(long, value_name = "WHICH", num_args = 1..)]
    disable: Vec<String>,

    /// Switch rules on, also those that --disable or their file switched off
    #[arg(long, value_name = "WHICH", num_args = 1..)]
    enable: Vec<String>,

    /// Ignore rules less severe than this: emergency, alert, critical, error, warning, notice, informational, debug
    #[arg(long, value_name = "PRIORITY", value_parser = crate::config::priority)]
    min_priority: Option<nightjar_engine::rule::Priority>,

    /// Report the first rule that matches an event, as Falco does, or all of them [default: first]
    #[arg(long, value_name = "WHICH")]
    matching: Option<Matching>,

    /// Files, or folders of them, of exceptions: what rules find and is not to be reported
    #[arg(long, value_name = "PATH", num_args = 1..)]
    exceptions: Vec<PathBuf>,

    /// Seconds without a finding after which an incident is over; 0: each finding is an alert of its own [default: 300]
    #[arg(long, value_name = "SECONDS")]
    incident_window_secs: Option<u64>,

    /// New findings of one rule in one container that are told in a minute, 0 for no limit [default: 120]
    #[arg(long, value_name = "FINDINGS")]
    rule_limit: Option<u32>,

    /// Form of the alerts [default: human on a terminal, json in a pipe or file]
    #[arg(long, value_name = "FORM")]
    output: Option<OutputForm>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed.is_finite() => Ok(speed),
        Ok(_) | Err(_) => Err("a number above zero was expected, such as 1 or 0.5".to_owned()),
    }
}

impl ReplayArgs {
    pub fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        let config = Config::check(Raw {
            rules: self.rules,
            disable: self.disable,
            enable: self.enable,
            min_priority: self.min_priority,
            matching: self.matching,
            exceptions: self.exceptions,
            incident_window_secs: self.incident_window_secs,
            rule_limit: self.rule_limit,
            output: self.output,
            ..Raw::default()
        })
        .or_end(Exit::Usage)?;
        let rules = rules::configured(&config)?;
        let source = Source::open(&self.file, self.format).or_end(Exit::Usage)?;
        let (output, _spool) =
            way_out(&config, terminal, Arc::new(source.origin())).or_end(Exit::CannotRun)?;
        let bar = bar(source.size());
        let output = Box::new(Beside { bar: bar.clone(), output });
        let mut look = |source: &Source, done: Replayed| {
            bar.set_position(source.position());
            bar.set_message(format!("{} events, {} alerts", done.events, done.alerts));
        };
        let pace = self.speed.map(Pace::new);
        let replayed = node.replay(ReplayRequest { config, rules, source, output, pace }, &mut look);
        bar.finish_and_clear();
        let replayed = replayed?;
        info!(events = replayed.events, alerts = replayed.alerts, "replayed");
        Ok(Exit::Done)
    }
}

/// Takes the bar away while alerts are printed: both may be on one terminal.
struct Beside {
    bar: ProgressBar,
    output: Box<dyn Output>,
}

impl Output for Beside {
    fn start(&mut self) -> Result<(), OutputError> {
        self.output.start()
    }

    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.bar.suspend(|| self.output.write(messages))
    }

    fn end(&mut self) {
        self.output.end();
    }
}

/// For a person who sees standard error.
fn bar(size: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(BAR_HZ));
    bar.enable_steady_tick(Duration::from_millis(1000 / u64::from(BAR_HZ)));
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        // The template is checked by a test.
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_above_zero() {
        assert_eq!(speed("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }
}
