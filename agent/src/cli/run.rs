//! `nightjar run` and `nightjar demo`: settings and rules are made ready here; the watching is the node's.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{DemoRequest, Exit, Failure, Node, OrEnd, Terminal, rules};
use crate::{
    alert::Origin,
    config::{Config, OutputForm, Raw},
    metrics::{Metered, Metrics},
    output::{
        Output,
        spooled::Spooled,
        stdout::{Form, Stdout},
    },
    spool::{Spool, SpoolError},
};

/// Watch this node and print an alert for each thing that a rule objects to
///
/// Needs root, or the capabilities that `nightjar doctor` lists. Alerts go to standard output, messages of the agent
/// itself to standard error. Ends in order on Ctrl-C and SIGTERM, and when the reader of its output goes away.
#[derive(Debug, clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    #[command(flatten)]
    pub settings: Raw,

    /// Read settings from a YAML file: the same names with `_` for `-`; what is given here wins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const RUN_EXAMPLES: &str = "\
Examples:
  sudo nightjar run
  sudo nightjar run --rules /etc/falco/falco_rules.yaml rules/ --min-priority warning
  sudo nightjar run --disable 'Read *' tag=network --scope containers
  sudo nightjar run --output json | jq .rule
  sudo nightjar run --config /etc/nightjar.yaml --metrics 9464";

/// Do eight harmless versions of real attacks in a container of nightjar's own and show that each raises its alert
///
/// Needs root but no container runtime: nightjar makes the container itself and removes it again. Nothing leaves it.
/// Ends with a table of deed, rule and milliseconds; exit code 1 if a deed raised no alert.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// How long after a deed its alert may come
    #[arg(long, value_name = "TIME", default_value = "5s")]
    deadline: SignedDuration,
}

impl RunArgs {
    pub fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        let config = self.config()?;
        let rules = rules::configured(&config)?;
        let origin = Arc::new(Origin::of_this_node().or_end(Exit::CannotRun)?);
        let (output, spool) = way_out(&config, terminal, origin.clone()).or_end(Exit::CannotRun)?;
        let (output, metrics): (Box<dyn Output>, _) = match config.metrics {
            Some(address) => {
                let bound = Metered::bind(address, output, spool);
                let (metered, metrics) =
                    bound.map_err(|source| Bind { address, source }).or_end(Exit::CannotRun)?;
                (Box::new(metered), metrics)
            }
            None => (output, Metrics::off()),
        };
        node.run(&config, rules, origin, output, metrics)?;
        Ok(Exit::Done)
    }

    fn config(&self) -> Result<Config, Failure> {
        let file =
            self.config.as_deref().map_or_else(|| Ok(Raw::default()), Raw::read).or_end(Exit::Usage)?;
        Config::check(self.settings.clone().or(file)).or_end(Exit::Usage)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("serve metrics on {address}")]
struct Bind {
    address: SocketAddr,
    source: io::Error,
}

/// Alerts go there; the spool, if there is one, can be asked how they fare.
pub type WayOut = (Box<dyn Output>, Option<Arc<Spool>>);

/// Standard output, or the spool with standard output beside it.
pub fn way_out(config: &Config, terminal: Terminal, origin: Arc<Origin>) -> Result<WayOut, SpoolError> {
    let form = match config.output {
        Some(OutputForm::Human) => Some(Form::Human(terminal.look)),
        Some(OutputForm::Json) => Some(Form::Json),
        Some(OutputForm::None) => None,
        None if terminal.interactive => Some(Form::Human(terminal.look)),
        None => Some(Form::Json),
    };
    let stdout = form.map(|form| Box::new(Stdout::new(form)) as Box<dyn Output>);
    match stdout {
        Some(stdout) if config.outputs.is_empty() => Ok((stdout, None)),
        beside => {
            let (spool, outputs) = (config.spool.clone(), config.outputs.clone());
            let spooled = Spooled::open(spool, outputs, beside, origin)?;
            let spool = spooled.spool();
            Ok((Box::new(spooled), Some(spool)))
        }
    }
}

impl DemoArgs {
    pub fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        let deadline = Duration::try_from(self.deadline).or_end(Exit::Usage)?;
        let config = Config::check(Raw::default()).or_end(Exit::Usage)?;
        let rules = rules::configured(&config)?;
        let origin = Arc::new(Origin::of_this_node().or_end(Exit::CannotRun)?);
        let request = DemoRequest { config, rules, origin, deadline, terminal };
        let all_seen = node.demo(request)?;
        Ok(if all_seen { Exit::Done } else { Exit::Failed })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::scope::{Scope, Target};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArgs,
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nightjar.yaml");
        std::fs::write(&file, "scope: containers\nring_size: 1MiB\n").unwrap();
        let line = Line::parse_from(["run", "--config", file.to_str().unwrap(), "--ring-size", "2MiB"]);
        let config = line.run.config().unwrap();
        assert_eq!((config.scope, config.ring_size), (Scope::Only(vec![Target::Containers]), 2 << 20));
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_a_mistake_of_usage() {
        let line = Line::parse_from(["run", "--ring-size", "3MiB"]);
        assert_eq!(line.run.config().unwrap_err().exit, Exit::Usage);
        let line = Line::parse_from(["run", "--config", "/nonexistent.yaml"]);
        assert_eq!(line.run.config().unwrap_err().exit, Exit::Usage);
    }
}
