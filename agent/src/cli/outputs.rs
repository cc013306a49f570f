//! `nightjar outputs`: whether each configured receiver takes an alert.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use nightjar_engine::rule::Priority;

use super::{Exit, Failure, OrEnd, terminal::print};
use crate::{
    alert::{Origin, escape::terminal, notice::Notice},
    config::{Config, OutputConfig, Raw},
    output::{
        self,
        transport::{Failure as Refusal, Item, Verdict},
    },
};

/// As rule names go.
pub const RULE: &str = "Nightjar internal: test of outputs";

/// Try the outputs of a configuration
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sudo nightjar outputs test --config /etc/nightjar.yaml")]
pub struct OutputsArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Test(TestArgs),
}

/// Send one alert through each output and say what came back; exit code 1 if one was not taken
///
/// Neither the spool nor the outputs' filters are used, and nothing is tried twice.
#[derive(Debug, Args)]
struct TestArgs {
    /// The configuration file with the outputs
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Names of outputs [default: all]
    #[arg(value_name = "OUTPUT")]
    outputs: Vec<String>,
}

impl OutputsArgs {
    pub fn run(self) -> Result<Exit, Failure> {
        match self.act {
            Act::Test(args) => args.run(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Nothing {
    #[error("{0} configures no outputs")]
    Configured(PathBuf),
    #[error("no output is named `{0}`")]
    Named(String),
}

impl TestArgs {
    fn run(self) -> Result<Exit, Failure> {
        let raw = Raw::read(&self.config).or_end(Exit::Usage)?;
        let mut outputs = Config::check(raw).or_end(Exit::Usage)?.outputs;
        if outputs.is_empty() {
            return Err(Nothing::Configured(self.config)).or_end(Exit::Usage);
        }
        if let Some(name) =
            self.outputs.iter().find(|name| outputs.iter().all(|output| output.name != **name))
        {
            return Err(Nothing::Named(name.clone())).or_end(Exit::Usage);
        }
        outputs.retain(|output| self.outputs.is_empty() || self.outputs.contains(&output.name));
        let origin = Arc::new(Origin::of_this_node().or_end(Exit::CannotRun)?);
        let mut all_taken = true;
        for output in outputs {
            let (name, kind) = (output.name.clone(), output.to.name());
            let (answer, took) = send(output, &origin)?;
            let took = took.as_secs_f64() * 1e3;
            print(&match answer {
                Ok(()) => format!("{name} ({kind}): taken in {took:.1} ms\n"),
                Err(why) => {
                    all_taken = false;
                    format!("{name} ({kind}): not taken, after {took:.1} ms: {}\n", terminal(&why))
                }
            })?;
        }
        Ok(if all_taken { Exit::Done } else { Exit::Failed })
    }
}

fn send(output: OutputConfig, origin: &Arc<Origin>) -> Result<(Result<(), String>, Duration), Failure> {
    let notice = Notice {
        origin: origin.clone(),
        time: u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default(),
        rule: RULE,
        priority: Priority::Informational,
        message: format!("Test of output {}", output.name),
        fields: Vec::new(),
    };
    let mut item = Item::of(serde_json::to_value(&notice)?);
    item.body = output.format.body(&item);
    let begun = Instant::now();
    let answer = match output::open(output.to, output.timeout) {
        Ok(mut transport) => transport.send(&[item]),
        Err(error) => Err(Refusal::again(error)),
    };
    let answer = match answer {
        Ok(verdicts) => match verdicts.into_iter().next() {
            Some(Verdict::Taken) => Ok(()),
            Some(Verdict::Refused(why) | Verdict::Again(why)) => Err(why),
            None => Err("no answer".to_owned()),
        },
        Err(Refusal::Refused(why) | Refusal::Again(why)) => Err(why),
    };
    Ok((answer, begun.elapsed()))
}
