//! `cargo xtask test`: every check and test, cheap ones first, and a table at the end.
//!
//! A step that fails does not stop the others: one run shows all that is wrong. Only a failed build ends it, since
//! nothing after it could run.

mod harness;
mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use self::{
    harness::{Report, closing_line},
    steps::{CORPUS_VARIABLE, Part, corpus, kernel},
};
use crate::{debian, sh};

#[derive(clap::Args)]
pub struct Args {
    /// A part (format, digests, tidy, clippy, build, docs, unit, rules, ebpf, kernel, containers, vm, spool, outputs), `lint`
    /// for those that run no tests, or a piece of the names of the tests to run.
    selection: Option<String>,
    /// How often the tests of the spool kill the agent.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    rounds: u32,
    /// Install nothing and mount nothing.
    #[arg(long)]
    skip_setup: bool,
}

struct Outcome {
    part: Part,
    report: Result<Report>,
    took: Duration,
}

pub fn run(args: &Args) -> Result<()> {
    let (parts, filter) = steps::select(args.selection.as_deref());
    if !args.skip_setup && sh::is_root() {
        set_up(&parts)?;
    }
    match steps::corpus() {
        Some(path) => println!("rule corpus: {}", path.display()),
        None => println!("rule corpus: none; NIGHTJAR_CORPUS may name a directory with falco/ and sigma/"),
    }
    let mut steps = steps::Steps::new(filter, args.rounds);
    let mut outcomes = Vec::new();
    for part in parts {
        println!("\n==> {}: {}", part.name(), part.doc());
        let start = Instant::now();
        let report = steps.run(part);
        let outcome = Outcome { part, report, took: start.elapsed() };
        if let Err(error) = &outcome.report {
            println!("{}: {error:#}", part.name());
        }
        let over = part == Part::Build && outcome.report.is_err();
        outcomes.push(outcome);
        if over {
            break;
        }
    }
    let report = summary(&outcomes);
    if report.failed > 0 {
        bail!("{} failed", report.failed);
    }
    Ok(())
}

fn set_up(parts: &[Part]) -> Result<()> {
    let needs: Vec<_> = parts.iter().flat_map(|part| part.needs()).copied().collect();
    debian::provide(&needs)?;
    if [Part::Kernel, Part::Containers, Part::Outputs].iter().any(|part| parts.contains(part)) {
        debian::mount_tracefs()?;
    }
    Ok(())
}

/// Prints the table; a step that runs no tests counts as one.
fn summary(outcomes: &[Outcome]) -> Report {
    let mut total = Report::default();
    println!("\n{:<11}{:>9}{:>9}{:>9}{:>10}", "step", "passed", "failed", "ignored", "seconds");
    for outcome in outcomes {
        let report = match &outcome.report {
            Ok(report) => *report,
            Err(_) => Report { failed: 1, ..Report::default() },
        };
        let seconds = outcome.took.as_secs_f64();
        println!(
            "{:<11}{:>9}{:>9}{:>9}{seconds:>10.1}",
            outcome.part.name(),
            report.passed,
            report.failed,
            report.ignored
        );
        total.add(report);
    }
    println!("\n{} passed, {} failed, {} ignored", total.passed, total.failed, total.ignored);
    total
}
