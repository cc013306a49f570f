//! Who did it, as far as a log tells: each record of a call says what its process is, and the exec before it with which
//! arguments.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use nightjar_engine::Process;

use super::{call::Call, record::Record};

/// Most processes that are remembered; the eldest go first.
pub const PROCESSES_MAX: usize = 32_768;
/// Bytes of a command line that the kernel tells with every call; a longer one is cut (kernel/auditsc.c, 6.18).
const PROCTITLE_MAX: usize = 128;
/// A tty's number: major and minor of its device.
const PTS: u32 = 136 << 8;
const TTY: u32 = 4 << 8;
/// Most ancestors that a process has here.
const ANCESTORS_MAX: usize = nightjar_engine::event::ANCESTORS_MAX;

#[derive(Default)]
pub struct Processes {
    known: HashMap<u32, Arc<Process>>,
    arrivals: VecDeque<u32>,
}

impl Processes {
    pub fn of(&mut self, call: &Call<'_>) -> Arc<Process> {
        let told = self.told(call);
        let known = self.known.get(&told.pid).filter(|known| ***known == told);
        if let Some(known) = known {
            return known.clone();
        }
        let process = Arc::new(told);
        if self.known.insert(process.pid, process.clone()).is_none() {
            self.arrivals.push_back(process.pid);
        }
        if self.known.len() > PROCESSES_MAX
            && let Some(eldest) = self.arrivals.pop_front()
        {
            self.known.remove(&eldest);
        }
        process
    }

    /// What the call's records say, with what is known already of the same program in the same process.
    fn told(&self, call: &Call<'_>) -> Process {
        let record = call.syscall;
        let id = |key: &str| record.id(key).unwrap_or_default();
        let (pid, ppid) = (id("pid"), id("ppid"));
        let exe = record.text("exe").unwrap_or_default();
        let known = self.known.get(&pid).filter(|known| known.exe_path == exe && known.ppid == ppid);
        let title = call.record("PROCTITLE").and_then(|record| record.text("proctitle"));
        let (args, args_cut) = match (&call.args, known, title) {
            (Some(args), _, _) => (args.clone(), false),
            (None, Some(known), _) => (known.args.clone(), known.args_cut),
            (None, None, Some(title)) => {
                let cut = title.len() >= PROCTITLE_MAX - 1;
                let title = title.strip_suffix(&[0]).unwrap_or(&title);
                (title.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(), cut)
            }
            (None, None, None) => (Vec::new(), false),
        };
        let name = |key: &str| record.word(key).filter(|name| is_name(name)).map(str::to_owned);
        Process {
            pid,
            ppid,
            // In the namespace that the log is of.
            vpid: pid,
            tty: tty(record),
            comm: record.text("comm").unwrap_or_default(),
            exe_path: exe,
            args,
            args_cut,
            cwd: call.cwd.clone().or_else(|| known.map(|known| known.cwd.clone())).unwrap_or_default(),
            uid: id("uid"),
            gid: id("gid"),
            euid: id("euid"),
            egid: id("egid"),
            loginuid: record.id("auid").filter(|id| *id != u32::MAX),
            user: name("EUID"),
            group: name("EGID"),
            login_user: name("AUID"),
            parent: self.known.get(&ppid).filter(|parent| parent.pid != pid && is_short(parent)).cloned(),
            ..Process::default()
        }
    }
}

/// Whether it has few enough ancestors to be one.
fn is_short(process: &Process) -> bool {
    std::iter::successors(Some(process), |process| process.parent.as_deref()).count() < ANCESTORS_MAX
}

/// `unset` and `unknown(4242)` are what auditd writes where there is none.
fn is_name(name: &str) -> bool {
    name != "unset" && !name.starts_with("unknown(")
}

/// `pts0`, `tty1`, or `(none)`.
pub fn tty(record: &Record) -> u32 {
    let Some(name) = record.word("tty") else { return 0 };
    let number = |prefix: &str, base: u32| {
        let minor = name.strip_prefix(prefix)?.parse::<u32>().ok().filter(|minor| *minor < 256)?;
        Some(base | minor)
    };
    number("pts", PTS).or_else(|| number("tty", TTY)).unwrap_or_default()
}
