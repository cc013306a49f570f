//! A container from the inside: what this binary does when a container's owner starts it with the hidden argument.
//!
//! Two processes. The outer one makes the namespaces, puts the inner one into the cgroup and ends it when the owner
//! is gone; the inner one is pid 1, builds the root and obeys commands. They are a re-exec and not a fork of the
//! owner, because the owner has threads.

pub(super) mod act;
mod confine;
mod inner;
mod network;
mod outer;
mod root;
mod spawn;

use std::{env, io, process::exit};

pub(super) use self::{act::Act, confine::CAPABILITIES};

/// Hidden first argument. No command of the command line may have this name.
pub(super) const ARGUMENT: &str = "demo-init";
pub(super) const HOSTNAME: &str = "nightjar-demo";

/// To be called first in `main`, before any thread is started. Returns unless this process is to be a container's.
#[expect(clippy::disallowed_methods, reason = "a container's first process is nothing but this call")]
pub fn enter_if_asked() {
    if env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        exit(outer::main())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot {act}: {source}")]
pub(super) struct InitError {
    act: String,
    source: io::Error,
}

/// `.to("mount proc")?`: says what was tried.
trait Tried<T> {
    fn to(self, act: impl Into<String>) -> Result<T, InitError>;
}

impl<T, E: Into<io::Error>> Tried<T> for Result<T, E> {
    fn to(self, act: impl Into<String>) -> Result<T, InitError> {
        self.map_err(|e| InitError { act: act.into(), source: e.into() })
    }
}
