//! Words of the settings that are defined elsewhere.

use nightjar_engine::rule::Priority;
use serde::{Deserialize, Deserializer, de};

use crate::alert::priority_name;

const PRIORITIES: [Priority; 8] = [
    Priority::Emergency,
    Priority::Alert,
    Priority::Critical,
    Priority::Error,
    Priority::Warning,
    Priority::Notice,
    Priority::Informational,
    Priority::Debug,
];

/// A priority by its name, in any case; `info` for short as in Falco.
pub fn priority(text: &str) -> Result<Priority, String> {
    let wanted = if text.eq_ignore_ascii_case("info") { "informational" } else { text };
    PRIORITIES.into_iter().find(|p| priority_name(*p).eq_ignore_ascii_case(wanted)).ok_or_else(|| {
        let names = PRIORITIES.map(|p| priority_name(p).to_lowercase()).join(", ");
        format!("`{text}` is not a priority: expected one of {names}")
    })
}

pub(super) fn priority_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Priority>, D::Error> {
    priority(&String::deserialize(d)?).map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_known_in_any_case_and_by_its_short_name() {
        assert_eq!(priority("WARNING"), Ok(Priority::Warning));
        assert_eq!(priority("info"), Ok(Priority::Informational));
        assert!(priority("urgent").unwrap_err().contains("emergency, alert, critical"));
    }
}
