//! Resident memory of an agent with default settings, when little happens.

use std::{fs, thread, time::Duration};

use anyhow::{Context, Result};

use crate::{Row, agent::Scene};

const IDLE: Duration = Duration::from_secs(10);

pub fn measure(scene: &Scene) -> Result<Vec<Row>> {
    let mut agent = scene.agent()?;
    agent.until_it_watches()?;
    idle();
    let path = format!("/proc/{}/status", agent.pid());
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    agent.end()?;
    let mib = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).with_context(|| format!("no {name}"))?;
        Ok(kib.parse::<f64>().with_context(|| format!("read {name}"))? / 1024.0)
    };
    Ok(vec![
        Row::new("resident after 10 s, idle", mib("VmRSS")?, "MiB").promised("<= 40 MiB"),
        Row::new("  of that: heap and stack", mib("RssAnon")?, "MiB"),
        Row::new("  of that: the binary and libraries", mib("RssFile")?, "MiB"),
        Row::new("  of that: shared", mib("RssShmem")?, "MiB"),
        Row::new("most at any time", mib("VmHWM")?, "MiB"),
    ])
}

#[expect(clippy::disallowed_methods, reason = "an idle time is what is measured")]
fn idle() {
    thread::sleep(IDLE);
}
