//! From the kernel's event to the alert's line: the time in the alert against the time of its arrival.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use crate::{
    Row,
    agent::{Agent, Scene},
    flood::pace,
    percentile,
};

const DEEDS: u64 = 2_000;

/// Opens of others in a second, without a budget.
const OTHERS: f64 = 200_000.0;

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let (mut idle, _) = late(scene, scene.agent_for_marker(&[])?, None)?;
    let loaded = scene.agent_for_marker(&["--bulk-budget=0"])?;
    let (mut loaded, reached) = late(scene, loaded, Some(OTHERS))?;
    let beside = OTHERS / 1e3;
    let mut row = |what: &str, of_hundred| {
        let idle = Row::new(format!("event to alert, {what}"), percentile(&mut idle, of_hundred), "ms");
        let what = format!("  beside {beside:.0} k opens a second");
        (idle, Row::new(what, percentile(&mut loaded, of_hundred), "ms"))
    };
    let (median, median_loaded) = row("median", 50);
    let (most, most_loaded) = row("95 of 100", 95);
    let (worst, worst_loaded) = row("99 of 100", 99);
    Ok(vec![
        median.promised("<= 1 ms"),
        median_loaded,
        most,
        most_loaded,
        worst.promised("<= 5 ms"),
        worst_loaded,
        Row::new("  opens a second that there were beside it", reached / 1e3, "k/s"),
    ])
}

/// How late each alert came, in milliseconds, while others open files at a rate, and the rate that they reached.
fn late(scene: &Scene, mut agent: Agent, others: Option<f64>) -> Result<(Vec<f64>, f64)> {
    agent.until_it_watches()?;
    let (mut late, mut reached, over) = (Vec::new(), 0.0, AtomicBool::new(false));
    thread::scope(|scope| {
        let noise = scope.spawn(|| match others {
            None => Ok(0.0),
            Some(_) => pace(others, || !over.load(Relaxed), || scene.open_other()),
        });
        let deeds = scope.spawn(|| (0..DEEDS).try_for_each(|n| deed(scene, n)));
        let read: Result<()> = (0..DEEDS).try_for_each(|_| {
            let line = agent.alerts.next().context("the alerts ended")?.context("read an alert")?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
            late.push(now.as_nanos().saturating_sub(time_of(&line)?.into()) as f64 / 1e6);
            Ok(())
        });
        over.store(true, Relaxed);
        reached = noise.join().expect("the noise does not panic")?;
        deeds.join().expect("the deed does not panic")?;
        read
    })?;
    agent.end()?;
    Ok((late, reached))
}

/// The pauses take turns between one and six milliseconds, so that no rhythm of the agent's hides in them.
#[expect(clippy::disallowed_methods, reason = "deeds one after another would measure the queue")]
fn deed(scene: &Scene, n: u64) -> Result<()> {
    thread::sleep(Duration::from_micros(1_000 + n * 1_237 % 5_000));
    scene.open_marker()
}

fn time_of(line: &str) -> Result<u64> {
    let alert: serde_json::Value = serde_json::from_str(line).context("parse an alert")?;
    alert["event"]["time"].as_u64().with_context(|| format!("no time in {line}"))
}
