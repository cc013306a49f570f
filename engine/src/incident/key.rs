//! What belongs together: the process tree that an event is of, and when a finding is the same as an earlier one.

use std::hash::{BuildHasher, Hash, Hasher};

use super::Found;
use crate::event::{Event, INITIAL_PID_NS, Process};

/// Starts that /proc told are rounded down to a clock tick.
const TICK: u64 = 10_000_000;

/// One process tree in one container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The container's id; `None`: on the host.
    container: Option<String>,
    /// Pid and start of the process at the tree's root; 0 where the container's ancestors cannot be told from the host's.
    root: (u32, u64),
}

/// The key, and how many processes there are from the event's own up to the root.
pub fn of(event: &Event) -> (Key, usize) {
    let (container, size) = match &event.container {
        Some(container) => {
            let inside = |process: &&Process| !matches!(process.pid_ns, 0 | INITIAL_PID_NS);
            (Some(container.id.clone()), event.lineage().take_while(inside).count())
        }
        None => (None, on_host(event)),
    };
    let root = size.checked_sub(1).and_then(|at| event.lineage().nth(at));
    let root = root.map_or((0, 0), |root| (root.pid, root.start / TICK));
    // All of a container that shares the host's pid namespace is one tree.
    (Key { container, root }, if size == 0 { usize::MAX } else { size })
}

/// On the host everything descends from process 1. What belongs together is a login, else a terminal, else what process 1
/// started.
fn on_host(event: &Event) -> usize {
    let process = &event.process;
    let alike =
        |alike: &dyn Fn(&Process) -> bool| event.lineage().take_while(|process| alike(process)).count();
    match process.loginuid {
        Some(_) => alike(&|other| other.loginuid == process.loginuid),
        None if process.tty != 0 => alike(&|other| other.tty == process.tty),
        None => alike(&|other| other.pid > 1).max(1),
    }
}

/// Equal findings have the same. Hashed by a key of this process's own: what a program is called is an attacker's choice.
pub fn sameness(hasher: &impl BuildHasher, found: &Found) -> u64 {
    let mut state = hasher.build_hasher();
    let Found { event, finding, .. } = found;
    (&finding.rule.name, &event.process.exe_path).hash(&mut state);
    for reason in finding.reasons.iter().filter(|reason| reason.telling) {
        (&reason.check, &reason.value).hash(&mut state);
    }
    state.finish()
}
