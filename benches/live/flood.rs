//! How many events a second of one cgroup the agent takes, without a budget, before its ledger shows one that was shed
//! or lost, and what it does when two threads open files without a pause. The threads share the machine's CPUs with the agent.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    Row,
    agent::{Agent, Scene, value},
};

const THREADS: u32 = 2;
const STEP: Duration = Duration::from_secs(4);
/// A step may fail so often: on a shared machine a pause of the agent need not be its own.
const TRIES: usize = 3;
/// Events a second with which it begins; each step asks for a fourth more.
const FIRST: f64 = 40_000.0;
const MORE: f64 = 1.25;
const TICK: Duration = Duration::from_millis(1);

/// The ledger's row of opens.
struct Tally {
    seen: f64,
    refused: f64,
}

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let (mut rate, mut best) = (FIRST, 0.0);
    while let Some(seen) = none_refused(scene, rate)? {
        best = seen;
        rate *= MORE;
    }
    let Tally { seen, refused } = flood(scene.agent_without_budget()?, scene, None)?;
    let within = flood(scene.agent()?, scene, None)?;
    Ok(vec![
        Row::new("opens a second, none shed or lost", best / 1e3, "k/s"),
        Row::new("two threads without a pause: opens seen", seen / 1e3, "k/s"),
        Row::new("  of those judged", (seen - refused) / 1e3, "k/s"),
        Row::new("  of those shed or lost, and counted", refused / 1e3, "k/s"),
        Row::new("the same within the default budget: opens seen", within.seen / 1e3, "k/s"),
        Row::new("  of those judged", (within.seen - within.refused) / 1e3, "k/s"),
    ])
}

/// Events seen a second when none was refused; `None` when some were, or the rate could not be reached.
fn none_refused(scene: &Scene, rate: f64) -> Result<Option<f64>> {
    for _ in 0..TRIES {
        let Tally { seen, refused } = flood(scene.agent_without_budget()?, scene, Some(rate))?;
        if refused == 0.0 && seen >= 0.9 * rate {
            return Ok(Some(seen));
        }
    }
    Ok(None)
}

/// What the ledger says a second, of opens alone.
fn flood(mut agent: Agent, scene: &Scene, rate: Option<f64>) -> Result<Tally> {
    agent.until_it_watches()?;
    let begun = Instant::now();
    let rate = rate.map(|rate| rate / f64::from(THREADS));
    let opens = || pace(rate, || begun.elapsed() < STEP, || scene.open_marker());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(opens)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("the deed does not panic").map(drop))
    })?;
    let took = begun.elapsed().as_secs_f64();
    let said = agent.end()?;
    let line = said.iter().find(|line| value(line, "event") == Some("open"));
    let line = line.with_context(|| format!("no count of opens in {said:?}"))?;
    let count = |key| -> Result<f64> {
        let count = value(line, key).with_context(|| format!("no {key} in {line}"))?;
        Ok(count.parse::<f64>().with_context(|| format!("read {key}"))? / took)
    };
    Ok(Tally { seen: count("seen")?, refused: count("shed")? + count("lost")? })
}

/// Does a deed so often a second, or without a pause, while it is wanted. Gives how many a second it were.
#[expect(clippy::disallowed_methods, reason = "the pause is what makes the rate")]
pub fn pace(
    rate: Option<f64>,
    wanted: impl Fn() -> bool,
    mut deed: impl FnMut() -> Result<()>,
) -> Result<f64> {
    let (begun, mut done) = (Instant::now(), 0.0);
    while wanted() {
        let due = rate.map_or(done + 1000.0, |rate| rate * begun.elapsed().as_secs_f64());
        while done < due {
            deed()?;
            done += 1.0;
        }
        if rate.is_some() {
            thread::sleep(TICK);
        }
    }
    Ok(done / begun.elapsed().as_secs_f64())
}
