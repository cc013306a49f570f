//! Boots one kernel and reads what it says. A guest that does not end is ended.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::sh;

/// What guest-init.sh says at the end.
const LAST_WORD: &str = "guest: done";

/// Lines of a guest that may wait to be read.
const LINES_QUEUED_MAX: usize = 256;

/// Last lines of the kernel's own messages that are shown when a guest does not come to its end.
const CONSOLE_SHOWN: usize = 30;

/// What a guest runs on. Emulated in software: a kernel of any age boots then, also where the machine itself is virtual.
#[derive(Clone, Copy)]
pub enum Machine {
    /// Two CPUs, as fast as they go.
    TwoCpus,
    /// One CPU whose clock counts instructions, a nanosecond each: what is timed in the guest repeats however busy the
    /// host is.
    CountsInstructions,
}

impl Machine {
    fn args(self) -> &'static [&'static str] {
        match self {
            Machine::TwoCpus => &["-accel", "tcg,thread=multi", "-smp", "2"],
            Machine::CountsInstructions => &["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"],
        }
    }

    fn kernel_line(self) -> &'static str {
        match self {
            Machine::TwoCpus => "console=ttyS0 panic=-1",
            // The emulated CPU has flaws that few of today's have, and a random layout costs a process a random number of
            // page tables.
            Machine::CountsInstructions => "console=ttyS0 panic=-1 mitigations=off norandmaps",
        }
    }
}

pub struct Guest<'a> {
    pub machine: Machine,
    pub image: &'a Path,
    pub initrd: &'a Path,
    /// Where the kernel's own messages go.
    pub console: &'a Path,
    /// After this long it hangs.
    pub limit: Duration,
}

impl Guest<'_> {
    /// Boots it and hands over what it says, line by line. Gives what went wrong when it did not come to its own end.
    pub fn run(&self, mut each: impl FnMut(&str)) -> Result<Option<String>> {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(self.machine.args())
            .args(["-M", "q35", "-cpu", "max", "-m", "1024", "-nodefaults", "-display", "none", "-no-reboot"])
            .arg("-serial")
            .arg(format!("file:{}", self.console.display()))
            .args(["-serial", "stdio", "-append", self.machine.kernel_line(), "-kernel"])
            .arg(self.image)
            .arg("-initrd")
            .arg(self.initrd);
        let mut guest = qemu
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", sh::line(&qemu)))?;
        let lines = lines_of(&mut guest)?;
        let mut done = false;
        let in_time = self.listen(&lines, |line| {
            done |= line == LAST_WORD;
            each(line);
        });
        if !in_time {
            guest.kill().context("end a guest that hangs")?;
        }
        guest.wait().context("wait for qemu")?;
        let fault = match (in_time, done) {
            (true, true) => return Ok(None),
            (true, false) => "the guest stopped before its work had ended".to_owned(),
            (false, _) => format!("the guest was ended after {} s", self.limit.as_secs()),
        };
        print_end(self.console)?;
        Ok(Some(fault))
    }

    /// Passes on what the guest says; whether it came to an end in time.
    fn listen(&self, lines: &Receiver<String>, mut each: impl FnMut(&str)) -> bool {
        let deadline = Instant::now() + self.limit;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => each(&line),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
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
