//! `cargo xtask vm`: the kernel tests inside other kernels, and a table of what each event did on each of them.
//!
//! Kernels are Debian's, emulated in software, so that it runs wherever QEMU does. What is fetched and built lies
//! under target/vm.

mod initrd;
mod kernels;
mod matrix;
mod qemu;
mod results;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, bail};

use self::{
    kernels::{Kernel, SERIES, Series},
    matrix::{Column, Outcome},
};
use crate::{
    debian::{self, Need},
    sh,
};

/// How often a guest is booted that dies before its tests begin: QEMU's emulation of two CPUs that patch their code
/// now and then makes a kernel panic.
const BOOTS_MAX: usize = 3;

#[derive(clap::Args)]
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
}

pub fn run(args: &Args) -> Result<()> {
    debian::provide(&[Need::Vm])?;
    let initrd = initrd::build(args.only.as_deref())?;
    let chosen = SERIES.iter().filter(|s| args.series.is_empty() || args.series.iter().any(|n| n == s.name));
    let columns =
        chosen.map(|series| try_kernel(series, &initrd, args.refresh)).collect::<Result<Vec<_>>>()?;
    let faults = matrix::report(&columns, args.only.is_some());
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
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
    for _ in 1..BOOTS_MAX {
        match qemu::boot(&kernel.image, initrd, console)? {
            Outcome::Broken(fault, results) if !results.begun() => println!("{fault}; booting it again"),
            outcome => return Ok(outcome),
        }
    }
    qemu::boot(&kernel.image, initrd, console)
}

fn dir() -> PathBuf {
    sh::root().join("target/vm")
}
