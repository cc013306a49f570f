//! `cargo xtask bench`: builds the agent as it ships and measures what the project promises.
//!
//! The measuring is in benches/; what each number is held to stands beside it. No number fails the command, but those of
//! `overhead`: machines differ, and a shared one differs from itself.

mod overhead;

use anyhow::{Result, bail};

use crate::{sh, test};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    own: Option<Own>,
    /// A piece of a measurement's name: decode, identity, judge, send, schema, spool, start, memory, latency,
    /// flood. All when left out.
    name: Option<String>,
}

/// What has a machine of its own.
#[derive(clap::Subcommand)]
enum Own {
    /// What watching costs those who are watched: instructions of some loops in a virtual machine, against budgets.
    Overhead(overhead::Args),
}

/// The measurements that start the agent; they need root.
const LIVE: [&str; 5] = ["start", "memory", "latency", "flood", "overhead"];

pub fn run(args: &Args) -> Result<()> {
    let name = match &args.own {
        Some(Own::Overhead(args)) if !args.native => return overhead::run(args),
        Some(Own::Overhead(_)) => Some("overhead"),
        None => args.name.as_deref(),
    };
    let live = name.is_none_or(|name| LIVE.iter().any(|live| live.contains(name)));
    let pure = name.is_none_or(|_| !live);
    if live && !sh::is_root() {
        bail!(
            "the agent loads eBPF programs: run as root, or choose decode, identity, judge, send, schema or spool"
        );
    }
    let corpus = test::corpus().map(|path| (test::CORPUS_VARIABLE, path.into_os_string()));
    let bench = |target: &str| {
        let mut command = sh::cargo();
        command.args(["bench", "--package", "nightjar-benches", "--bench", target, "--"]);
        command.args(name).envs(corpus.clone());
        command
    };
    if pure {
        sh::run(&mut bench("pure"))?;
        sh::run(&mut bench("outputs"))?;
    }
    if live {
        sh::run(sh::cargo().args(["build", "--release", "--package", "nightjar"]))?;
        sh::run(bench("live").env("NIGHTJAR_BIN", sh::root().join("target/release/nightjar")))?;
    }
    Ok(())
}
