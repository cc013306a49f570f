//! `cargo xtask vm`: the kernel tests inside other kernels, and a table of what each event did on each of them.
//!
//! Kernels are Debian's, emulated in software, so that it runs wherever QEMU does. What is fetched and built lies
//! under target/vm.

pub mod initrd;
pub mod kernels;
mod matrix;
pub mod qemu;
mod results;
mod verified;
mod work;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use self::{
    kernels::{Kernel, SERIES, Series},
    matrix::{Column, Outcome},
    qemu::{Guest, Machine},
    results::Results,
};
use crate::{
    debian::{self, Need},
    sh,
    test::Report,
};

/// How often a guest is booted that dies before its tests begin: QEMU's emulation of two CPUs that patch their code
/// now and then makes a kernel panic.
const BOOTS_MAX: usize = 3;

/// A kernel takes about a minute when nothing is wrong, and five where ten other things want the CPUs.
const GUEST_LIMIT: Duration = Duration::from_secs(600);

#[derive(Default, clap::Args)]
pub struct Args {
    /// Which kernels; all when none is named.
    #[arg(value_name = "SERIES", value_parser = clap::builder::PossibleValuesParser::new(SERIES.map(|s| s.name)))]
    series: Vec<String>,
    /// Ask for newer kernels where some are here already.
    #[arg(long)]
    refresh: bool,
    /// Run only tests whose names contain this.
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Write how many instructions the verifier walked through into the committed table, instead of comparing. With
    /// `--only verified` no other test is run.
    #[arg(long)]
    bless_verified: bool,
}

/// Gives how many tests passed, failed and were skipped, on all kernels together.
pub fn run(args: &Args) -> Result<Report> {
    debian::provide(&[Need::Vm])?;
    let initrd = work::pack(args.only.as_deref())?;
    let chosen = SERIES.iter().filter(|s| args.series.is_empty() || args.series.iter().any(|n| n == s.name));
    let columns =
        chosen.map(|series| try_kernel(series, &initrd, args.refresh)).collect::<Result<Vec<_>>>()?;
    let mut faults = matrix::report(&columns, args.only.is_some());
    if args.bless_verified {
        verified::bless(&columns)?;
    } else {
        faults.extend(verified::compare(&columns, args.only.is_some())?);
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(matrix::sum(&columns))
}

fn try_kernel(series: &Series, initrd: &Path, refresh: bool) -> Result<Column> {
    let kernel = match kernels::provide(series, refresh) {
        Ok(kernel) => kernel,
        Err(error) if series.optional => {
            return Ok(Column {
                series: series.name,
                version: None,
                outcome: Outcome::Skipped(format!("{error:#}")),
            });
        }
        Err(error) => return Err(error),
    };
    println!("\n==> Linux {} ({})", kernel.version, series.name);
    let start = Instant::now();
    let initrd = initrd::for_kernel(&kernel, initrd)?;
    let outcome = boot(&kernel, &initrd, &dir().join(format!("{}.console", series.name)))?;
    println!("{:.0} s", start.elapsed().as_secs_f64());
    Ok(Column { series: series.name, version: Some(kernel.version), outcome })
}

/// Boots until the tests have begun.
fn boot(kernel: &Kernel, initrd: &Path, console: &Path) -> Result<Outcome> {
    let guest =
        Guest { machine: Machine::TwoCpus, image: &kernel.image, initrd, console, limit: GUEST_LIMIT };
    let mut boots = 0;
    loop {
        boots += 1;
        let mut results = Results::default();
        let fault = guest.run(|line| {
            println!("{line}");
            results.read(line);
        })?;
        match fault {
            None => return Ok(Outcome::Ran(results)),
            Some(fault) if !results.begun() && boots < BOOTS_MAX => println!("{fault}; booting it again"),
            Some(fault) => return Ok(Outcome::Broken(fault, results)),
        }
    }
}

pub fn dir() -> PathBuf {
    sh::root().join("target/vm")
}
