//! Each loop with nothing attached, with empty programs at the agent's hooks, and with the agent, to the instruction.
//!
//! For a machine with one CPU whose clock counts instructions, which `cargo xtask bench overhead` boots and reads.
//! There are two figures. In-line is what the loop itself pays: it has a real-time priority, so that the agent does not
//! run before the batch is over; where a loop waits for the kernel, what the agent does then is subtracted. The total
//! also has what the agent does until it has nothing left to do.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tempfile::TempDir;

use super::{
    cpu::{self, CpuTime},
    loops::{LOOPS, Loop},
};
use crate::agent::{Agent, Scene, value};

/// Names the agent's kernel side with programs that do nothing.
const EMPTY_VARIABLE: &str = "NIGHTJAR_EMPTY_OBJECT";

const FAMILIES: [&str; 2] = ["fentry", "tracepoint"];

/// Batches that count, after one that warms up.
const BATCHES: usize = 7;

/// An agent that did nothing for so long has nothing left to do.
const IDLE: Duration = Duration::from_millis(20);

const NETWORK_THREAD: &str = "ksoftirqd/0";

/// A machine whose CPU was idle for so long has nothing else to do.
const SETTLED: Duration = Duration::from_secs(2);

/// One line of the result: nanoseconds of each batch's operation.
#[derive(Serialize)]
struct Measured<'a> {
    /// The family of hooks; `None` with nothing attached.
    hooks: Option<&'a str>,
    /// What is at the hooks.
    programs: &'a str,
    name: &'a str,
    inline: Vec<f64>,
    total: Vec<f64>,
}

pub fn measure(scene: &Scene) -> Result<()> {
    let empty = env::var_os(EMPTY_VARIABLE).with_context(|| format!("{EMPTY_VARIABLE} is not set"))?;
    settle()?;
    put_network_first()?;
    each_loop(None, "none", None)?;
    for family in FAMILIES {
        for (programs, object) in [("empty", Some(Path::new(&empty))), ("agent", None)] {
            let mut agent = scene.agent_by(family, object)?;
            agent.until_it_watches()?;
            each_loop(Some(family), programs, Some(&agent))?;
            for message in agent.end()? {
                for count in ["shed", "lost"] {
                    if value(&message, count).is_some_and(|count| count != "0") {
                        bail!("not every event was taken: {message}");
                    }
                }
            }
        }
    }
    // Once more: what changed meanwhile shows in the spread.
    each_loop(None, "none", None)
}

fn each_loop(hooks: Option<&str>, programs: &str, agent: Option<&Agent>) -> Result<()> {
    let cpu = agent.map(CpuTime::of).transpose()?;
    for one in &LOOPS {
        let dir = tempfile::tempdir().context("make a folder")?;
        let measured = Measured {
            hooks,
            programs,
            name: one.name,
            inline: batches(|| inline(one, &dir, cpu.as_ref()))?,
            total: batches(|| total(one, &dir, cpu.as_ref()))?,
        };
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &measured).context("print a result")?;
        writeln!(out).context("print a result")?;
    }
    Ok(())
}

fn batches(mut batch: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    batch()?;
    (0..BATCHES).map(|_| batch()).collect()
}

fn inline(one: &Loop, dir: &TempDir, agent: Option<&CpuTime>) -> Result<f64> {
    idle(agent)?;
    schedule(0, libc::SCHED_FIFO, 1)?;
    let before = agent.map(CpuTime::nanos).transpose()?.unwrap_or(0);
    let took = (one.batch)(dir.path(), one.times)?;
    let agents = agent.map(CpuTime::nanos).transpose()?.unwrap_or(0) - before;
    schedule(0, libc::SCHED_OTHER, 0)?;
    Ok((took.wall.as_nanos() as f64 - agents as f64) / f64::from(one.times))
}

fn total(one: &Loop, dir: &TempDir, agent: Option<&CpuTime>) -> Result<f64> {
    idle(agent)?;
    let took = (one.batch)(dir.path(), one.times)?;
    let during = agent.map(CpuTime::nanos).transpose()?.unwrap_or(0);
    let all = idle(agent)?;
    Ok((took.wall.as_nanos() as f64 + (all - during) as f64) / f64::from(one.times))
}

/// Waits until the agent has nothing to do, and gives its CPU time. Without one, all the same for a while.
#[expect(clippy::disallowed_methods, reason = "that nothing happens for a while is what is waited for")]
fn idle(agent: Option<&CpuTime>) -> Result<u64> {
    let nanos = || agent.map_or(Ok(0), CpuTime::nanos);
    loop {
        let before = nanos()?;
        thread::sleep(IDLE);
        if nanos()? == before {
            return Ok(before);
        }
    }
}

/// Waits until the kernel has done what it does after a boot.
#[expect(clippy::disallowed_methods, reason = "that nothing happens for a while is what is waited for")]
fn settle() -> Result<()> {
    loop {
        let before = cpu::idle()?;
        thread::sleep(SETTLED);
        if cpu::idle()? - before >= 0.99 * SETTLED.as_secs_f64() {
            return Ok(());
        }
    }
}

/// What the kernel does of the network's work in a thread is work of the loop that caused it. It must run before the
/// loop: 5.10 would put that work off as long as something with a real-time priority runs.
fn put_network_first() -> Result<()> {
    for process in fs::read_dir("/proc").context("list /proc")? {
        let process = process.context("list /proc")?;
        // A process may be gone by now.
        let Ok(name) = fs::read_to_string(process.path().join("comm")) else { continue };
        if name.trim_end() == NETWORK_THREAD {
            let pid = process.file_name().to_string_lossy().parse().context("read a process's number")?;
            return schedule(pid, libc::SCHED_FIFO, 2);
        }
    }
    bail!("there is no {NETWORK_THREAD}")
}

/// Chooses how a process is scheduled; 0 is this one.
fn schedule(process: i32, policy: i32, sched_priority: i32) -> Result<()> {
    // SAFETY: the priority is ours to read.
    if unsafe { libc::sched_setscheduler(process, policy, &libc::sched_param { sched_priority }) } != 0 {
        return Err(io::Error::last_os_error()).context("choose a scheduling policy");
    }
    Ok(())
}
