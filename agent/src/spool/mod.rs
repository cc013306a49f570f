//! What stands between the alerts and the outputs: every alert is on disk before an output gets it, and stays there
//! until all outputs have it or the spool's bound is reached. docs/outputs.md says what is promised.

pub mod cursor;
pub mod disk;
pub mod entry;
#[cfg(test)]
mod fault;
pub mod frame;
pub mod log;
#[cfg(test)]
mod property_tests;
pub mod quarantine;
pub mod report;
mod shared;
pub mod store;

pub use self::shared::{Given, Health, OutputHealth, RULE, RULE_BROKEN, Settings, Spool, SpoolError, TICK};
