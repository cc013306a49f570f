//! The daemon, in the order in which an event meets it:
//!
//! ```text
//! sensor (loads and attaches the kernel side) → intake (bytes → records) → identity (whose was it)
//!   → engine (rules; a crate of its own) → alert (what an analyst reads) → output
//! ```
//!
//! `watch` is the first three as one, `scope` who is watched, `losses` tells what did not come, `reload` brings new
//! rules, `pipeline` is the whole line, `metrics` what it counts; `cli` is how a person starts it, `config` what they may set, `privilege` what the
//! agent may do.

pub mod alert;
pub mod cli;
pub mod config;
pub mod demo;
pub mod identity;
pub mod intake;
pub mod losses;
pub mod memory;
pub mod metrics;
pub mod output;
pub mod pipeline;
pub mod privilege;
pub mod reload;
pub mod scope;
pub mod sensor;
pub mod spool;
pub mod timed;
pub mod watch;
