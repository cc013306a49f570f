//! Words of the settings that are defined elsewhere.

use jiff::SignedDuration;
use nightjar_engine::rule::Priority;
use serde::{Deserialize, Deserializer, de};

/// A priority by its name, in any case; `info` for short as in Falco.
pub fn priority(text: &str) -> Result<Priority, String> {
    Priority::of(text).ok_or_else(|| {
        let names = Priority::ALL.map(|priority| priority.name().to_lowercase()).join(", ");
        format!("`{text}` is not a priority: expected one of {names}")
    })
}

pub(super) fn priority_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Priority>, D::Error> {
    priority(&String::deserialize(d)?).map(Some).map_err(de::Error::custom)
}

/// A length of time with its unit, such as `500ms`.
pub(super) fn time_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SignedDuration>, D::Error> {
    let text = String::deserialize(d)?;
    let parsed = text.parse();
    parsed.map(Some).map_err(|error| de::Error::custom(format!("`{text}` is no time such as `2s`: {error}")))
}

/// One text, or a list of them.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(d)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    })
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
