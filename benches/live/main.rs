//! The agent on the running kernel: how soon it sees, what it needs, how much it takes and how late it tells.
//!
//! Needs root and the agent's release build, whose path `NIGHTJAR_BIN` gives; `cargo xtask bench` sees to both.
//! `counted-overhead` is for a machine of its own, and only measured when it is named.

mod agent;
mod flood;
mod latency;
mod memory;
mod overhead;
mod start;

use anyhow::Result;

use self::agent::Scene;

/// One number, with the promise it is held to where there is one.
pub struct Row {
    what: String,
    number: f64,
    unit: &'static str,
    promise: &'static str,
}

impl Row {
    pub fn new(what: impl Into<String>, number: f64, unit: &'static str) -> Row {
        Row { what: what.into(), number, unit, promise: "" }
    }

    pub fn promised(self, promise: &'static str) -> Row {
        Row { promise, ..self }
    }
}

type Measure = fn(&Scene) -> Result<Vec<Row>>;

const MEASURES: [(&str, Measure); 5] = [
    ("start", start::measure),
    ("memory", memory::measure),
    ("latency", latency::measure),
    ("flood", flood::measure),
    ("overhead", overhead::measure),
];

const COUNTED: &str = "counted-overhead";

fn main() -> Result<()> {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if wanted.as_deref() == Some(COUNTED) {
        return overhead::measure_counted(&Scene::new()?);
    }
    let chosen =
        MEASURES.iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| name.contains(wanted)));
    for (name, measure) in chosen {
        println!("\n{name}");
        for Row { what, number, unit, promise } in measure(&Scene::new()?)? {
            let promise = if promise.is_empty() { String::new() } else { format!("promise: {promise}") };
            println!("  {what:<58} {number:>10.1} {unit:<6} {promise}");
        }
    }
    Ok(())
}

/// The value that so many of a hundred do not exceed.
pub fn percentile(values: &mut [f64], of_hundred: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get((values.len() * of_hundred / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}
