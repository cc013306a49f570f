//! Has programs verified ahead of their being attached, several at once: that is most of a start, and the kernel
//! verifies on as many CPUs as ask it to. What fails here is told nowhere: whoever attaches tries it again.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Mutex, PoisonError},
    thread,
};

use aya::{Btf, Ebpf, programs::Program};
use nightjar_events::{Hook, Point};
use tracing::debug;

use super::program::{self, AttachError};

/// Most threads that have programs verified at once.
const VERIFIERS_MAX: usize = 4;

/// Programs of a hook that no other hook has taken before.
type Share<'b> = Vec<(&'static Point, &'b mut Program)>;

/// Loads the programs of events, of each by the first of its hooks of which every program loads. All threads have ended
/// when it returns: capabilities are given back for one thread alone.
pub(super) fn ahead(bpf: &mut Ebpf, btf: &Btf, events: impl Iterator<Item = Vec<&'static Hook>>) {
    let mut programs: HashMap<_, _> = bpf.programs_mut().collect();
    let mut share = |hook: &'static Hook| -> Share<'_> {
        hook.points.iter().filter_map(|point| Some((point, programs.remove(point.program)?))).collect()
    };
    let events: Vec<Vec<Share<'_>>> =
        events.map(|hooks| hooks.into_iter().map(&mut share).collect()).collect();
    let queue = Mutex::new(events.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let verify = || {
        while let Some(hooks) = next() {
            for mut hook in hooks {
                if hook.iter_mut().all(|(point, program)| may_attach(program, point, btf)) {
                    break;
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(VERIFIERS_MAX);
    thread::scope(|scope| {
        for _ in 1..threads {
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, verify) {
                debug!(%error, "programs are verified by one thread less");
            }
        }
        verify();
    });
}

/// Loads a program for the first of its targets that is there. Where none is, it is not what the hook fails for.
fn may_attach(program: &mut Program, point: &Point, btf: &Btf) -> bool {
    for target in point.targets {
        match program::load(program, target, btf) {
            Ok(()) | Err(AttachError::NoTracepoint) => return true,
            Err(AttachError::NoFunction) => {}
            Err(AttachError::Other(_)) => return false,
        }
    }
    true
}
