//! What watching costs those who are watched: each loop with nothing attached, and with the agent.
//!
//! On the running kernel, which has other things to do too, rounds with and without the agent take turns. The numbers
//! that are promised come from `counted`, in a machine of its own.

mod counted;
mod cpu;
mod loops;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

pub use self::counted::measure as measure_counted;
use self::loops::LOOPS;
use crate::{Row, agent::Scene, percentile};

/// Pairs of a round without the agent and one with it.
const ROUNDS: usize = 5;
/// A batch is so many times that of `counted`, whose machine is slower.
const LONGER: u32 = 4;
/// The family of hooks that every kernel allows.
const FAMILY: &str = "tracepoint";

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let mut ratios = BTreeMap::<&str, (Vec<f64>, Vec<f64>)>::new();
    for _ in 0..ROUNDS {
        let without = round()?;
        let mut agent = scene.agent_by(FAMILY, None)?;
        agent.until_it_watches()?;
        let with = round()?;
        agent.end()?;
        for (name, cpu, wall) in with {
            let (_, cpu_without, wall_without) =
                without.iter().find(|(other, ..)| *other == name).context("every round has every loop")?;
            let (of_cpu, of_wall) = ratios.entry(name).or_default();
            of_cpu.push(cpu / cpu_without);
            of_wall.push(wall / wall_without);
        }
    }
    let mut rows = Vec::new();
    for one in &LOOPS {
        let (of_cpu, of_wall) = ratios.get_mut(one.name).context("every loop was measured")?;
        rows.push(Row::new(format!("{}, CPU time of the loop", one.name), percentile(of_cpu, 50), "times"));
        rows.push(Row::new("  by the clock", percentile(of_wall, 50), "times"));
    }
    Ok(rows)
}

/// Each loop once, after one that warms up: its CPU time and the time by the clock.
fn round() -> Result<Vec<(&'static str, f64, f64)>> {
    let dir = tempfile::tempdir().context("make a folder")?;
    let batch = |one: &loops::Loop| {
        (one.batch)(dir.path(), one.times)?;
        let took = (one.batch)(dir.path(), one.times * LONGER)?;
        Ok((one.name, took.cpu.as_secs_f64(), took.wall.as_secs_f64()))
    };
    LOOPS.iter().map(batch).collect()
}
