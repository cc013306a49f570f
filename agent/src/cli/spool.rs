//! `nightjar spool`: what waits for the outputs, whether it is whole, and sending again what was refused.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, presets::NOTHING};

use super::{Exit, Failure, OrEnd, terminal::print};
use crate::{
    alert::rfc3339,
    config::{ByteSize, Config, Raw},
    spool::report,
};

/// Look at the alerts that wait on disk for the outputs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SpoolArgs {
    #[command(subcommand)]
    act: Act,
}

const EXAMPLES: &str = "\
Examples:
  sudo nightjar spool status
  sudo nightjar spool verify --config /etc/nightjar.yaml
  sudo nightjar spool requeue siem       send what the receiver refused once more";

#[derive(Debug, Subcommand)]
enum Act {
    Status(StatusArgs),
    Verify(VerifyArgs),
    Requeue(RequeueArgs),
}

/// Which spool.
#[derive(Debug, Args)]
struct Which {
    /// The spool's folder [default: /var/lib/nightjar/spool]
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,

    /// Read the folder from a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Print how many alerts wait for each output, and what became of the others
#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    which: Which,

    /// How to print it
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    format: Form,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Form {
    /// A table to read
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Check every byte of the spool; exit code 1 if alerts are damaged or missing
#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    which: Which,
}

/// Have alerts that a receiver refused sent again: by the agent that runs, else by the next one
#[derive(Debug, Args)]
struct RequeueArgs {
    #[command(flatten)]
    which: Which,

    /// Names of outputs
    #[arg(required = true, value_name = "OUTPUT")]
    outputs: Vec<String>,
}

impl Which {
    fn dir(self) -> Result<PathBuf, Failure> {
        let file =
            self.config.as_deref().map_or_else(|| Ok(Raw::default()), Raw::read).or_end(Exit::Usage)?;
        let spool_dir = self.spool_dir.or(file.spool_dir);
        let config = Config::check(Raw { spool_dir, ..Raw::default() }).or_end(Exit::Usage)?;
        Ok(config.spool.dir)
    }
}

fn unreadable(dir: PathBuf) -> impl FnOnce(std::io::Error) -> anyhow::Error {
    move |error| anyhow::Error::from(error).context(format!("look at spool {}", dir.display()))
}

impl SpoolArgs {
    pub fn run(self) -> Result<Exit, Failure> {
        match self.act {
            Act::Status(args) => args.run(),
            Act::Verify(args) => args.run(),
            Act::Requeue(args) => args.run(),
        }
    }
}

impl StatusArgs {
    fn run(self) -> Result<Exit, Failure> {
        let dir = self.which.dir()?;
        let report = report::status(&dir).map_err(unreadable(dir)).or_end(Exit::Usage)?;
        print(&match self.format {
            Form::Human => human(&report),
            Form::Json => format!("{}\n", serde_json::to_string(&report)?),
        })?;
        Ok(Exit::Done)
    }
}

fn human(report: &report::Report) -> String {
    let (segments, size) = (report.segments, ByteSize(report.bytes));
    let mut text = format!("{segments} segments, {size} bytes; next alert is number {}\n\n", report.next);
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "output",
        "waiting",
        "delivered",
        "filtered",
        "refused",
        "kept",
        "evicted",
        "damaged",
        "tries",
    ]);
    for output in &report.outputs {
        let counts = &output.counts;
        let numbers = [counts.delivered, counts.filtered, counts.refused, output.put_aside as u64];
        let more = [counts.evicted, counts.damaged, counts.tries];
        let cells = [output.waiting].into_iter().chain(numbers).chain(more).map(|number| number.to_string());
        table.add_row([output.name.clone()].into_iter().chain(cells));
    }
    text.push_str(&table.trim_fmt());
    text.push('\n');
    for output in &report.outputs {
        if let Some(trouble) = &output.trouble {
            let said = crate::alert::escape::terminal(&trouble.text);
            text.push_str(&format!("\n{}, last trouble at {}: {said}\n", output.name, rfc3339(trouble.time)));
        }
    }
    text
}

impl VerifyArgs {
    fn run(self) -> Result<Exit, Failure> {
        let dir = self.which.dir()?;
        let verified = report::verify(&dir).map_err(unreadable(dir)).or_end(Exit::Usage)?;
        let mut text = String::new();
        for segment in &verified {
            let report::Verified { name, bytes, entries, missing, damaged_bytes, open_bytes } = segment;
            text.push_str(&format!(
                "{name}: {bytes} bytes, {entries} alerts, {missing} missing, {damaged_bytes} bytes damaged, {open_bytes} not written to the end\n"
            ));
        }
        let whole = verified.iter().all(|segment| segment.missing == 0 && segment.damaged_bytes == 0);
        text.push_str(if whole { "the spool is whole\n" } else { "the spool is damaged\n" });
        print(&text)?;
        Ok(if whole { Exit::Done } else { Exit::Failed })
    }
}

impl RequeueArgs {
    fn run(self) -> Result<Exit, Failure> {
        let dir = self.which.dir()?;
        for output in &self.outputs {
            let alerts =
                report::request_requeue(&dir, output).map_err(unreadable(dir.clone())).or_end(Exit::Usage)?;
            print(&match alerts {
                0 => format!("{output}: nothing was refused\n"),
                alerts => format!("{output}: {alerts} alerts will be sent again\n"),
            })?;
        }
        Ok(Exit::Done)
    }
}
