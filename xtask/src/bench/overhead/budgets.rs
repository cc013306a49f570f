//! What each loop may cost, by family of hooks and kernel: benches/overhead.toml.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::sh;

pub const FILE: &str = "benches/overhead.toml";

/// Budgets by family and loop.
#[derive(Deserialize)]
pub struct Budgets(BTreeMap<String, BTreeMap<String, Budget>>);

/// Ratios to the same loop with nothing attached.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What is aimed at in-line, where something is.
    pub goal: Option<f64>,
    /// What a run must keep in-line, by series of kernels.
    pub inline: BTreeMap<String, f64>,
    /// The same with the agent's own work.
    pub total: BTreeMap<String, f64>,
}

impl Budgets {
    pub fn read() -> Result<Budgets> {
        toml::from_str(&sh::read_file(&sh::root().join(FILE))?).with_context(|| format!("read {FILE}"))
    }

    pub fn of(&self, family: &str, name: &str) -> Option<&Budget> {
        self.0.get(family)?.get(name)
    }
}
