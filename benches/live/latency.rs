//! From the kernel's event to the alert's line: the time in the alert against the time of its arrival.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use crate::{Row, agent::Scene, percentile};

const DEEDS: u64 = 2_000;

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let mut agent = scene.agent_for_marker()?;
    agent.until_it_watches()?;
    let mut late = Vec::new();
    thread::scope(|scope| {
        let deeds = scope.spawn(|| (0..DEEDS).try_for_each(|n| deed(scene, n)));
        for _ in 0..DEEDS {
            let line = agent.alerts.next().context("the alerts ended")?.context("read an alert")?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
            late.push(now.as_nanos().saturating_sub(time_of(&line)?.into()) as f64 / 1e6);
        }
        deeds.join().expect("the deed does not panic")
    })?;
    agent.end()?;
    Ok(vec![
        Row::new("event to alert, median", percentile(&mut late, 50), "ms").promised("<= 1 ms"),
        Row::new("event to alert, 99 of 100", percentile(&mut late, 99), "ms").promised("<= 5 ms"),
    ])
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
