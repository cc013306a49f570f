//! Sigma rules, unmodified: documents in, conditions of the core out, so that one index, one notion of what is not
//! known and one state serve both languages.
//!
//! In reading order: `document` has the keys, `detection` and `modifier` the selections, `pattern` their values,
//! `condition` which of them must hold, `logsource` what log sources and fields are here, `compile` and `compare`
//! put it together. Pipelines, and the placeholders that need them, are not here.

mod compare;
pub mod compile;
mod condition;
pub mod correlation;
mod detection;
pub mod document;
mod fold;
pub mod logsource;
mod modifier;
#[cfg(test)]
mod oracle_tests;
mod pattern;
mod reference;

pub use reference::reference;
