//! How bad an incident is, in one number. Each rule that was broken takes away a part of what is missing to 100, more the
//! more severe it is; so does each tactic of ATT&CK beyond the first. Neither order nor repetition counts.

use super::State;
use crate::rule::Priority;

/// Of a thousand, what a rule of this priority takes away.
fn weight(priority: Priority) -> u32 {
    match priority {
        Priority::Emergency => 900,
        Priority::Alert => 800,
        Priority::Critical => 600,
        Priority::Error => 400,
        Priority::Warning => 250,
        Priority::Notice => 100,
        Priority::Informational => 30,
        Priority::Debug => 10,
    }
}

/// Of a thousand, what a further tactic takes away.
const TACTIC: u32 = 100;
/// How Falco's rules tag tactics.
const TACTIC_TAG: &str = "mitre_";

pub fn of(state: &State) -> u8 {
    let tactics = state.tags().iter().filter(|tag| tag.starts_with(TACTIC_TAG)).count();
    let rules = state.rules().into_iter().map(|rule| weight(rule.priority));
    let further = std::iter::repeat_n(TACTIC, tactics.saturating_sub(1));
    let missing = rules.chain(further).fold(1.0, |missing, weight| missing * (1.0 - f64::from(weight) / 1e3));
    // From 0 to 100, so it fits.
    ((1.0 - missing) * 100.0).round().max(1.0) as u8
}
