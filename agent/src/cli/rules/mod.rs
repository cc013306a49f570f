//! `nightjar rules`: what a detection engineer does with rule files, on a laptop or in CI. Nothing here needs root or
//! a kernel.

mod bench;
mod check;
mod exceptions;
mod explain;
mod list;
mod state;
mod test;

use std::path::PathBuf;

use clap::Subcommand;
use nightjar_engine::rule::{self, Diagnostic, Loaded, RuleSet, Source};

pub use self::state::{Fires, RuleState, states};
use super::{Exit, Failure, OrEnd, Terminal};
use crate::{
    config::{
        Config,
        rules::{self, RulesError},
    },
    timed::timed,
};

/// Check, list, test, explain and time rules, and list exceptions
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    Check(check::CheckArgs),
    List(list::ListArgs),
    Test(test::TestArgs),
    Explain(explain::ExplainArgs),
    Exceptions(exceptions::ExceptionsArgs),
    Bench(bench::BenchArgs),
}

impl RulesArgs {
    pub fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.command {
            RulesCommand::Check(args) => args.run(),
            RulesCommand::List(args) => args.run(terminal),
            RulesCommand::Test(args) => args.run(),
            RulesCommand::Explain(args) => args.run(),
            RulesCommand::Exceptions(args) => args.run(terminal),
            RulesCommand::Bench(args) => args.run(terminal),
        }
    }
}

/// The rules of these paths, or those that are built in where none is given.
fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    rules::of(paths).or_end(Exit::Usage)
}

/// Loads rules for another purpose than to check them: an error ends the program, a warning is a message.
fn load(paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let Loaded { rules, warnings } =
        rule::load(&sources(paths)?).map_err(|wrong| unusable(RulesError::Wrong(wrong)))?;
    warn(&warnings);
    Ok(rules)
}

fn warn(warnings: &[Diagnostic]) {
    for Diagnostic { file, line, column, message, .. } in warnings {
        tracing::warn!("{file}:{line}:{column}: {message}");
    }
}

/// The rules that a configuration asks for, switched on and off as it says.
pub fn configured(config: &Config) -> Result<RuleSet, Failure> {
    let (rules, warnings) = timed("rules", || rules::configured(config)).map_err(unusable)?;
    warn(&warnings);
    if !rules.rules().any(|rule| rules.active(rule)) {
        tracing::warn!("no rule is switched on: nothing can raise an alert");
    }
    Ok(rules)
}

fn unusable(error: RulesError) -> Failure {
    if let RulesError::Wrong(diagnostics) = &error {
        diagnostics.iter().for_each(|diagnostic| eprintln!("{diagnostic}\n"));
    }
    Failure { exit: Exit::Usage, error: error.into() }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
