//! The daemon, in the order in which an event meets it:
//!
//! ```text
//! sensor (loads and attaches the kernel side) → intake (bytes → records) → identity (whose was it)
//!   → engine (rules; a crate of its own) → alert (what an analyst reads) → output
//! ```
//!
//! `watch` is the first three as one, `capture` keeps their events and gives them back, `scope` who is watched,
//! `losses` tells what did not come, `reload` brings new rules, `exceptions` tells which of theirs are over, `pipeline`
//! is the whole line, `metrics` what it counts, `replay` the same from a capture; `cli` is how a person starts it, `config` what they may set, `privilege` what the
//! agent may do.

pub mod alert;
pub mod capture;
pub mod cli;
pub mod config;
pub mod demo;
pub mod exceptions;
pub mod identity;
pub mod intake;
pub mod losses;
pub mod memory;
pub mod metrics;
pub mod output;
pub mod pipeline;
pub mod privilege;
pub mod reload;
pub mod replay;
pub mod scope;
pub mod sensor;
pub mod spool;
pub mod timed;
pub mod watch;
