//! From the start of the process to the first alert, with a deed that is repeated until it is seen.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    Row,
    agent::{Scene, value},
    percentile,
};

const ROUNDS: usize = 11;
/// Between two deeds: so much the result may be too large.
const PAUSE: Duration = Duration::from_millis(1);

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let (mut totals, mut parts) = (Vec::new(), BTreeMap::<String, Vec<f64>>::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut agent = scene.agent_for_marker(&[])?;
        let seen = AtomicBool::new(false);
        thread::scope(|scope| {
            let deeds = scope.spawn(|| repeat(scene, &seen));
            let alert = agent.alerts.next().context("the agent ended without an alert");
            totals.push(begun.elapsed().as_secs_f64() * 1e3);
            seen.store(true, Ordering::Relaxed);
            alert?.context("read an alert")?;
            deeds.join().expect("the deed does not panic")
        })?;
        for message in agent.end()? {
            if let (Some(part), Some(took)) = (value(&message, "part"), value(&message, "ms")) {
                parts.entry(part.to_owned()).or_default().push(took.parse().context("read a time")?);
            }
        }
    }
    let mut rows = vec![
        Row::new("start to first alert, median", percentile(&mut totals, 50), "ms").promised("<= 300 ms"),
    ];
    rows.extend(
        parts
            .iter_mut()
            .map(|(part, took)| Row::new(format!("  of that: {part}"), percentile(took, 50), "ms")),
    );
    Ok(rows)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a deed without a pause would take a CPU from the agent's start"
)]
fn repeat(scene: &Scene, seen: &AtomicBool) -> Result<()> {
    while !seen.load(Ordering::Relaxed) {
        scene.open_marker()?;
        thread::sleep(PAUSE);
    }
    Ok(())
}
