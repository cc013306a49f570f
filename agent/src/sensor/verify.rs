//! Hands programs to the kernel's verifier, several at once: that is most of a start, and the kernel verifies on as
//! many CPUs as ask it to. It attaches nothing.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Mutex, PoisonError},
    thread,
};

use aya::{
    Btf, Ebpf,
    programs::{Program, ProgramError},
};
use nightjar_events::Point;
use tracing::debug;

/// Most threads that verify at once.
const VERIFIERS_MAX: usize = 4;

/// What the verifier said of each program, by its name.
pub(super) type Verdicts = HashMap<&'static str, Result<(), ProgramError>>;

/// Has the programs of these points verified. All threads have ended when it returns: capabilities are given back for
/// one thread alone.
pub(super) fn all<'p>(bpf: &mut Ebpf, btf: &Btf, points: impl Iterator<Item = &'p Point>) -> Verdicts {
    let mut programs: HashMap<_, _> = bpf.programs_mut().collect();
    let work: Vec<_> = points.filter_map(|point| Some((point, programs.remove(point.program)?))).collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(VERIFIERS_MAX);
    let (work, verdicts) = (Mutex::new(work.into_iter()), Mutex::new(Verdicts::new()));
    let verify = || {
        while let Some((point, program)) = locked(&work, Iterator::next) {
            let verdict = one(program, btf, point);
            locked(&verdicts, |verdicts| verdicts.insert(point.program, verdict));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, verify) {
                debug!(%error, "one verifier less");
            }
        }
        verify();
    });
    verdicts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn one(program: &mut Program, btf: &Btf, point: &Point) -> Result<(), ProgramError> {
    match program {
        Program::BtfTracePoint(program) => program.load(point.target, btf),
        Program::TracePoint(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn locked<T, R>(mutex: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}
