//! `cargo xtask bench overhead`: what watching costs those who are watched, in instructions, on old and new kernels.
//!
//! The measuring is in benches/live/overhead/counted.rs, which runs in a machine whose clock counts instructions: the numbers
//! repeat wherever it is emulated, so unlike those of the other benches they are held to budgets.

mod budgets;
mod empty;
mod result;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use self::{budgets::Budgets, result::Measured};
use crate::{
    artifacts,
    debian::{self, Need},
    sh,
    vm::{
        self,
        initrd::{Root, static_cargo},
        kernels::{self, SERIES, Series},
        qemu::{Guest, Machine},
    },
};

#[derive(clap::Args)]
pub struct Args {
    /// Which kernels
    #[arg(
        value_name = "SERIES",
        default_values = ["6.12", "5.10"],
        value_parser = clap::builder::PossibleValuesParser::new(SERIES.map(|s| s.name))
    )]
    series: Vec<String>,
    /// Compare on the running kernel instead, by tracepoints, with the noise of a machine that does other things too
    #[arg(long, conflicts_with = "series")]
    pub native: bool,
}

/// A kernel takes two minutes on an idle CPU.
const GUEST_LIMIT: Duration = Duration::from_secs(1200);

pub fn run(args: &Args) -> Result<()> {
    debian::provide(&[Need::Vm])?;
    let budgets = Budgets::read()?;
    let chosen = SERIES.iter().filter(|series| args.series.iter().any(|name| name == series.name));
    let provide = |series| kernels::provide(series, false).map(|kernel| (series, kernel));
    let kernels: Vec<_> = chosen.map(provide).collect::<Result<_>>()?;
    let initrd = pack()?;
    let (mut tables, mut faults) = (Vec::new(), Vec::new());
    for (series, kernel) in kernels {
        println!("\n==> Linux {} ({})", kernel.version, series.name);
        let measured = measure(series, &kernel.image, &initrd)?;
        let (table, more) = result::report(&measured, series.name, &budgets)?;
        tables
            .push(format!("Linux {}: instructions an operation, median of batches\n{table}", kernel.version));
        faults.extend(more);
    }
    tables.iter().for_each(|table| println!("\n{table}"));
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

/// The agent as it ships and the bench, linked statically, and the agent's kernel side without its programs.
fn pack() -> Result<PathBuf> {
    let mut cargo = static_cargo();
    cargo.args(["--release", "--package", "nightjar", "--package", "nightjar-benches"]);
    cargo.args(["--bin", "nightjar", "--bench", "live"]);
    let (nightjar, live) = artifacts::build_agent_and(&mut cargo, "live")?;
    let root = Root::new("overhead", include_str!("guest.sh"))?;
    root.copy(&nightjar, "nightjar")?;
    root.copy(&live, "live")?;
    let object = sh::root().join("agent-ebpf/prebuilt/nightjar.bpf.o");
    let object = std::fs::read(&object).with_context(|| format!("read {}", object.display()))?;
    root.write("empty.o", empty::empty(&object)?)?;
    root.pack()
}

fn measure(series: &Series, image: &std::path::Path, initrd: &std::path::Path) -> Result<Vec<Measured>> {
    let console = vm::dir().join(format!("overhead-{}.console", series.name));
    let guest =
        Guest { machine: Machine::CountsInstructions, image, initrd, console: &console, limit: GUEST_LIMIT };
    let (mut measured, mut all_read, mut status) = (Vec::new(), Ok(()), None);
    let fault = guest.run(|line| {
        println!("{line}");
        if let Some(word) = line.strip_prefix("guest: the bench ended with ") {
            status = Some(word.to_owned());
        }
        if line.starts_with('{') && all_read.is_ok() {
            all_read = result::read(&mut measured, line);
        }
    })?;
    match (fault, status.as_deref()) {
        (None, Some("0")) => all_read.map(|()| measured),
        (None, Some(status)) => bail!("the bench ended with {status}"),
        (None, None) => bail!("the bench did not run"),
        (Some(fault), _) => bail!("{fault}"),
    }
}
