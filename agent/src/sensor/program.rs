//! One program of the compiled object: loaded for a target, attached to it, and let go again.

use std::{io::ErrorKind, path::Path};

use aya::{
    Btf, BtfError,
    programs::{Program, ProgramError},
};
use nightjar_events::Family;
use tracing::warn;

use super::TRACEFS;

/// How often a load is tried that a signal breaks off.
const LOAD_TRIES_MAX: usize = 8;

pub enum AttachError {
    /// The kernel has no tracepoint of this name: no such system call, since tracefs is there.
    NoTracepoint,
    /// The kernel has no function of this name, or has it only as a part of others.
    NoFunction,
    Other(String),
}

/// The family of hooks that a program is for; empty of a type that no event has.
pub fn family(program: &Program) -> &'static str {
    let family = match program {
        Program::FEntry(_) | Program::FExit(_) => Family::Fentry,
        Program::BtfTracePoint(_) => Family::BtfTracepoint,
        Program::TracePoint(_) => Family::SyscallTracepoint,
        _ => return "",
    };
    family.name()
}

/// Has a program verified for a target, unless it was for an earlier one.
pub fn load(program: &mut Program, target: &str, btf: &Btf) -> Result<(), AttachError> {
    let loaded = match program {
        Program::FEntry(p) => unbroken(|| p.load(target, btf)),
        Program::FExit(p) => unbroken(|| p.load(target, btf)),
        Program::BtfTracePoint(p) => unbroken(|| p.load(target, btf)),
        Program::TracePoint(p) => {
            let (category, name) = tracepoint(target)?;
            if !Path::new(TRACEFS).join("events").is_dir() {
                return Err(AttachError::Other(format!("tracefs is not mounted at {TRACEFS}")));
            }
            if !Path::new(TRACEFS).join("events").join(category).join(name).is_dir() {
                return Err(AttachError::NoTracepoint);
            }
            unbroken(|| p.load())
        }
        other => return Err(unexpected(other)),
    };
    loaded.map_err(AttachError::from)
}

/// Attaches a program that is loaded for the target.
pub fn attach(program: &mut Program, target: &str) -> Result<(), AttachError> {
    let attached = match program {
        Program::FEntry(p) => p.attach().map(drop),
        Program::FExit(p) => p.attach().map(drop),
        Program::BtfTracePoint(p) => p.attach().map(drop),
        Program::TracePoint(p) => {
            let (category, name) = tracepoint(target)?;
            p.attach(category, name).map(drop)
        }
        other => return Err(unexpected(other)),
    };
    attached.map_err(AttachError::from)
}

fn tracepoint(target: &str) -> Result<(&str, &str), AttachError> {
    target.split_once('/').ok_or_else(|| AttachError::Other(format!("{target} is no category/name")))
}

fn unexpected(program: &Program) -> AttachError {
    AttachError::Other(format!("unexpected program type {:?}", program.prog_type()))
}

impl From<ProgramError> for AttachError {
    fn from(error: ProgramError) -> AttachError {
        match error {
            ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }) => AttachError::NoFunction,
            ProgramError::LoadError { io_error, verifier_log } if verifier_log.to_string().is_empty() => {
                AttachError::Other(format!("the kernel refuses to load it: {io_error}"))
            }
            error => AttachError::Other(explain(&error)),
        }
    }
}

/// Detaches and unloads a program, if it was loaded.
pub fn let_go(program: &mut Program) {
    let unloaded = match program {
        Program::FEntry(p) => p.unload(),
        Program::FExit(p) => p.unload(),
        Program::BtfTracePoint(p) => p.unload(),
        Program::TracePoint(p) => p.unload(),
        _ => return,
    };
    match unloaded {
        Ok(()) | Err(ProgramError::NotLoaded) => {}
        Err(error) => warn!(%error, "a program of a hook that does not work stays attached"),
    }
}

/// Loads a program, unless it was loaded for an earlier target. The kernel breaks a load off when a signal is waiting
/// for the thread.
fn unbroken(load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    let broken_off = |error: &ProgramError| matches!(error, ProgramError::LoadError { io_error, .. } if io_error.kind() == ErrorKind::WouldBlock);
    match again_while(broken_off, load) {
        Err(ProgramError::AlreadyLoaded) => Ok(()),
        other => other,
    }
}

fn again_while<E>(again: impl Fn(&E) -> bool, mut act: impl FnMut() -> Result<(), E>) -> Result<(), E> {
    for _ in 1..LOAD_TRIES_MAX {
        match act() {
            Err(error) if again(&error) => {}
            other => return other,
        }
    }
    act()
}

/// The error with its causes, in one line; of a verifier's log only the end, where the reason stands.
fn explain(error: &dyn std::error::Error) -> String {
    const REASON_MAX: usize = 600;
    let chain: Vec<String> =
        std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).collect();
    let text = chain.join(": ").split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = text.chars().count().saturating_sub(REASON_MAX);
    if skip == 0 { text } else { format!("…{}", text.chars().skip(skip).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_a_signal_breaks_off_is_tried_again_but_not_for_ever() {
        let tries = |broken_off: usize| {
            let mut tries = 0;
            let done = again_while(
                |_: &()| true,
                || {
                    tries += 1;
                    if tries > broken_off { Ok(()) } else { Err(()) }
                },
            );
            (done.is_ok(), tries)
        };
        assert_eq!(tries(0), (true, 1));
        assert_eq!(tries(2), (true, 3));
        assert_eq!(tries(100), (false, LOAD_TRIES_MAX));
    }

    #[test]
    fn a_program_that_an_earlier_target_loaded_is_loaded() {
        assert!(unbroken(|| Err(ProgramError::AlreadyLoaded)).is_ok());
    }
}
