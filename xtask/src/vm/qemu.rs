//! Boots one kernel and reads what its tests say. A guest that does not end is ended.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{matrix::Outcome, results::Results};
use crate::sh;

/// A kernel takes two minutes when nothing is wrong, and more on a busy machine.
const GUEST_LIMIT: Duration = Duration::from_secs(600);

/// Lines of a guest that may wait to be read.
const LINES_QUEUED_MAX: usize = 256;

/// Last lines of the kernel's own messages that are shown when a guest does not come to its end.
const CONSOLE_SHOWN: usize = 30;

/// Emulated in software: a kernel of any age boots then, also where the machine itself is virtual.
pub fn boot(image: &Path, initrd: &Path, console: &Path) -> Result<Outcome> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "1024"])
        .args(["-nodefaults", "-display", "none", "-no-reboot"])
        .arg("-serial")
        .arg(format!("file:{}", console.display()))
        .args(["-serial", "stdio", "-append", "console=ttyS0 panic=-1", "-kernel"])
        .arg(image)
        .arg("-initrd")
        .arg(initrd);
    let mut guest = qemu
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", sh::line(&qemu)))?;
    let mut results = Results::default();
    let lines = lines_of(&mut guest)?;
    let in_time = listen(&lines, &mut results);
    if !in_time {
        guest.kill().context("end a guest that hangs")?;
    }
    guest.wait().context("wait for qemu")?;
    let fault = match (in_time, results.ended()) {
        (true, true) => return Ok(Outcome::Ran(results)),
        (true, false) => "the guest stopped before its tests had ended".to_owned(),
        (false, _) => format!("the guest was ended after {} s", GUEST_LIMIT.as_secs()),
    };
    print_end(console)?;
    Ok(Outcome::Broken(fault, results))
}

fn lines_of(guest: &mut Child) -> Result<Receiver<String>> {
    let stdout = guest.stdout.take().context("the guest's port is not piped")?;
    let (lines, received) = sync_channel(LINES_QUEUED_MAX);
    std::thread::spawn(move || {
        let read = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
        for line in read {
            // The other end is gone when the time is over.
            if lines.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                break;
            }
        }
    });
    Ok(received)
}

/// Passes on what the guest says; whether it came to an end in time.
fn listen(lines: &Receiver<String>, results: &mut Results) -> bool {
    let deadline = Instant::now() + GUEST_LIMIT;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                results.read(&line);
            }
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

fn print_end(console: &Path) -> Result<()> {
    let bytes = std::fs::read(console).with_context(|| format!("read {}", console.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    println!("the kernel's last messages, of {}:", console.display());
    for line in &lines[lines.len().saturating_sub(CONSOLE_SHOWN)..] {
        println!("  {line}");
    }
    Ok(())
}
