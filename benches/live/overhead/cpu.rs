//! The CPU time of this process, of another, and of nobody.

use std::{
    fs::{self, File},
    mem::MaybeUninit,
    os::unix::fs::FileExt,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

use crate::agent::Agent;

/// `schedstat` of each of its threads, kept open: to open one would be an event for the agent.
pub struct CpuTime(Vec<File>);

impl CpuTime {
    pub fn of(agent: &Agent) -> Result<CpuTime> {
        let tasks = format!("/proc/{}/task", agent.pid());
        let tasks = fs::read_dir(&tasks).with_context(|| format!("list {tasks}"))?;
        let open = |task: std::io::Result<fs::DirEntry>| File::open(task?.path().join("schedstat"));
        tasks.map(open).collect::<std::io::Result<_>>().map(CpuTime).context("open a thread's schedstat")
    }

    pub fn nanos(&self) -> Result<u64> {
        self.0.iter().map(nanos).sum()
    }
}

/// The first number is the time on a CPU (Documentation/scheduler/sched-stats.rst).
fn nanos(schedstat: &File) -> Result<u64> {
    let mut text = [0; 128];
    let len = schedstat.read_at(&mut text, 0).context("read a thread's schedstat")?;
    let text = std::str::from_utf8(&text[..len]).context("a thread's schedstat is no text")?;
    let first = text.split(' ').next().context("a thread's schedstat is empty")?;
    first.parse().with_context(|| format!("read {text}"))
}

/// CPU time of this process and of the children that it waited for.
pub fn of_this_process() -> Duration {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the call writes the whole struct, and does not fail for this word.
    let children = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Duration::new(own.tv_sec as u64, own.tv_nsec as u32) + of(children.ru_utime) + of(children.ru_stime)
}

/// Seconds that the machine's CPUs were idle, all together.
pub fn idle() -> Result<f64> {
    let text = fs::read_to_string("/proc/uptime").context("read /proc/uptime")?;
    let idle = text.split_whitespace().nth(1).context("/proc/uptime has no second number")?;
    idle.parse().with_context(|| format!("read {text}"))
}
