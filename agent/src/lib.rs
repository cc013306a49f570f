//! The daemon, in the order in which an event meets it:
//!
//! ```text
//! sensor (loads and attaches the kernel side) → intake (bytes → records) → identity (whose was it)
//!   → engine (rules; a crate of its own) → alert (what an analyst reads) → output
//! ```
//!
//! `pipeline` is that line as code; `cli` is how a person starts it.

pub mod alert;
pub mod cli;
pub mod config;
pub mod identity;
pub mod output;
pub mod privilege;
pub mod sensor;
