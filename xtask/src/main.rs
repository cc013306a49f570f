//! `cargo xtask`: the one door to building, testing and checking Nightjar.
//!
//! It starts other programs and compares files. Nothing that ships depends on it.

mod apt;
mod artifacts;
mod bench;
mod debian;
mod docs;
mod ebpf;
mod fuzz;
mod receivers;
mod sh;
mod test;
mod tidy;
mod victoria;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, test and check Nightjar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check and test; as root it first installs what they need.
    ///
    /// Cheap checks come first. All steps run even when one fails; the table at the end says which.
    Test(test::Args),
    /// Build the kernel side, or check that the committed object is what its sources make.
    #[command(subcommand)]
    Ebpf(ebpf::Command),
    /// Check the house rules: what no compiler and no clippy lint looks at.
    Tidy {
        /// Repair what can be repaired: formatting and generated pages.
        #[arg(long)]
        fix: bool,
    },
    /// Write the generated references in docs/.
    Docs {
        /// Write nothing; fail when a page is not what the code says.
        #[arg(long)]
        check: bool,
    },
    /// Run the kernel tests inside other kernels, in virtual machines.
    Vm(vm::Args),
    /// Measure what the project promises.
    Bench(bench::Args),
    /// Run a fuzz target; stable Rust is enough.
    Fuzz(fuzz::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Ebpf(ebpf::Command::Build) => ebpf::build(),
        Command::Ebpf(ebpf::Command::Check) => ebpf::check(),
        Command::Tidy { fix } => tidy::run(fix),
        Command::Docs { check } => docs::run(check),
        Command::Vm(args) => vm::run(&args).map(drop),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
