//! The command line: arguments in, exit code out. Each command is a file; what a command does to the node goes
//! through `node::Node`, so that this module neither loads programs nor knows the pipeline.

mod doctor;
mod events;
mod exit;
mod fields;
mod generate;
mod node;
mod outputs;
mod record;
mod replay;
mod rules;
mod run;
mod spool;
mod terminal;
mod this_node;

use std::process::ExitCode;

use clap::{Parser, Subcommand, error::ErrorKind};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

pub use self::{
    exit::{Exit, Failure, OrEnd},
    node::{DemoRequest, EachEvent, EventsRequest, Look, Node, ReplayRequest},
    terminal::{Color, Terminal},
    this_node::ThisNode,
};

/// Watches a Linux node through eBPF and raises an alert when a container or the host does what its rules object to
///
/// Rules are written in Falco's language; official rule files load unchanged. Without any configuration nightjar
/// watches the whole node with the rules that are built into it.
#[derive(Debug, Parser)]
#[command(name = "nightjar", version, max_term_width = 110, after_help = EXAMPLES, after_long_help = after_long_help())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Messages")]
struct Global {
    /// Say more of what the agent itself does: -v debug, -vv trace
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,

    /// Least important messages to print, on standard error: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info", global = true)]
    log_level: LevelFilter,

    /// Colour in what is printed
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Demo(run::DemoArgs),
    Events(events::EventsArgs),
    Record(record::RecordArgs),
    Replay(replay::ReplayArgs),
    Rules(rules::RulesArgs),
    Doctor(doctor::DoctorArgs),
    Outputs(outputs::OutputsArgs),
    Spool(spool::SpoolArgs),
    Fields(fields::FieldsArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
    #[command(hide = true)]
    Docs(generate::DocsArgs),
}

const EXAMPLES: &str = "\
Examples:
  sudo nightjar run                        watch this node with the built-in rules
  sudo nightjar demo                       see it catch eight harmless attacks
  sudo nightjar run --rules my-rules.yaml  watch with your own rules
  nightjar rules test rules/               run the tests that rules carry; needs no root
  sudo nightjar doctor                     what works on this node, what does not, and why";

fn after_long_help() -> String {
    let codes: Vec<_> =
        exit::TABLE.iter().map(|row| format!("  {}  {}", row.exit.code(), row.meaning)).collect();
    format!("{EXAMPLES}\n\nExit codes:\n{}", codes.join("\n"))
}

/// The whole program, but for the kernel side and the pipeline, which `node` is.
pub fn main(node: &dyn Node) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return answer_of_clap(&e),
    };
    start_messages(cli.global);
    match cli.command.run(node, Terminal::of_stdout(cli.global.color)) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Done.into(),
        Err(failure) => {
            eprintln!("nightjar: {:#}", failure.error);
            failure.exit.into()
        }
    }
}

/// Help and version are answers, the rest are mistakes. clap prints both itself.
fn answer_of_clap(e: &clap::Error) -> ExitCode {
    let exit = match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    };
    match e.print() {
        Ok(()) => exit.into(),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => exit.into(),
        Err(_) => Exit::Broken.into(),
    }
}

fn start_messages(global: Global) {
    let level = match global.verbose {
        0 => global.log_level,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let color = global
        .color
        .wanted(std::io::IsTerminal::is_terminal(&std::io::stderr()), |name| std::env::var(name).ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .with_target(false)
        .init();
}

/// `debug` is about the agent itself: libraries tell each step of theirs then, so they are heard with `trace` alone.
fn filter(level: LevelFilter) -> EnvFilter {
    let libraries = if level == LevelFilter::DEBUG { LevelFilter::INFO } else { level };
    let own = format!("nightjar={level}").parse().expect("a target and a level are a directive");
    EnvFilter::default().add_directive(libraries.into()).add_directive(own)
}

impl Command {
    fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        match self {
            Command::Run(args) => args.run(node, terminal),
            Command::Demo(args) => args.run(node, terminal),
            Command::Events(args) => args.run(node, terminal),
            Command::Record(args) => args.run(node),
            Command::Replay(args) => args.run(node, terminal),
            Command::Rules(args) => args.run(terminal),
            Command::Doctor(args) => args.run(node, terminal),
            Command::Outputs(args) => args.run(),
            Command::Spool(args) => args.run(),
            Command::Fields(args) => args.run(terminal),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
            Command::Docs(args) => args.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_option_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn the_long_help_names_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        assert!(exit::TABLE.iter().all(|row| help.contains(&format!("  {}  ", row.exit.code()))), "{help}");
    }

    #[test]
    fn debug_is_about_the_agent_and_trace_about_everything() {
        for (level, expected) in [
            (LevelFilter::OFF, "nightjar=off,off"),
            (LevelFilter::INFO, "nightjar=info,info"),
            (LevelFilter::DEBUG, "nightjar=debug,info"),
            (LevelFilter::TRACE, "nightjar=trace,trace"),
        ] {
            assert_eq!(filter(level).to_string(), expected);
        }
    }

    #[test]
    fn several_rule_paths_may_follow_one_flag_or_several() {
        for line in [
            &["nightjar", "run", "--rules", "a", "b"][..],
            &["nightjar", "run", "--rules", "a", "--rules", "b"],
        ] {
            let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("not run") };
            assert_eq!(args.settings.rules.len(), 2);
        }
    }
}
