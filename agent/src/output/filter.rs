//! Which alerts an output gets.

use nightjar_engine::rule::Priority;

use super::transport::Item;
use crate::config::RawFilter;

/// Every list that is not empty must have a match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(RawFilter);

impl Filter {
    pub fn of(raw: RawFilter) -> Filter {
        Filter(raw)
    }

    pub fn wants(&self, item: &Item) -> bool {
        let Filter(RawFilter { min_priority, rules, tags, namespaces }) = self;
        min_priority.unwrap_or(Priority::Debug) >= item.priority
            && (rules.is_empty()
                || item.rules().any(|rule| rules.iter().any(|pattern| matches(pattern, rule))))
            && (tags.is_empty() || item.tags().any(|tag| tags.iter().any(|wanted| wanted == tag)))
            && (namespaces.is_empty()
                || namespaces.iter().any(|name| name == item.text("/container/pod/namespace")))
    }
}

/// A `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{super::transport::tests::item, *};

    fn wants(filter: RawFilter) -> bool {
        Filter::of(filter).wants(&item())
    }

    fn list(word: &str) -> Vec<String> {
        vec!["other".to_owned(), word.to_owned()]
    }

    #[test]
    fn every_list_that_is_given_must_have_a_match() {
        let none = RawFilter::default();
        assert!(wants(none.clone()));
        assert!(wants(RawFilter { min_priority: Some(Priority::Warning), ..none.clone() }));
        assert!(!wants(RawFilter { min_priority: Some(Priority::Error), ..none.clone() }));
        assert!(wants(RawFilter { rules: list("Read*file"), ..none.clone() }));
        assert!(!wants(RawFilter { rules: list("Write*"), ..none.clone() }));
        assert!(wants(RawFilter { tags: list("container"), namespaces: list("shop"), ..none.clone() }));
        assert!(!wants(RawFilter { tags: list("container"), namespaces: list("bank"), ..none }));
    }

    #[test]
    fn an_incident_is_wanted_for_any_of_its_steps() {
        let mut item = item();
        item.alert["incident"] = serde_json::json!({"steps": [{"rule": "Reverse shell"}]});
        let wants =
            |rule: &str| Filter::of(RawFilter { rules: list(rule), ..RawFilter::default() }).wants(&item);
        assert!(wants("Reverse *") && wants("Read*file") && !wants("Write*"));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, holds) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "ab", false),
            ("*", "", true),
            ("*b*", "abc", true),
            ("a*b*c", "a-c-b", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(matches(pattern, text), holds, "{pattern} {text}");
        }
    }
}
