//! Each of our own rules carries a test that must match and one that must not. That they hold, `nightjar rules test`
//! finds out.

use super::{Complaint, tree::File};

pub fn check(files: &[File]) -> Vec<Complaint> {
    let ours = files.iter().filter(|file| file.path.starts_with("rules/") && file.path.ends_with(".yaml"));
    let mut found = Vec::new();
    for file in ours {
        for item in items(&file.text) {
            for (expect, what) in [("match", "must match"), ("no_match", "must not match")] {
                if !item.expectations.contains(&expect) {
                    found.push(
                        file.complaint(item.line, format!("rule `{}` has no test that {what}", item.name)),
                    );
                }
            }
        }
    }
    found
}

/// A rule as it stands in its file.
struct Item<'t> {
    name: &'t str,
    line: usize,
    /// What its tests say under `expect`.
    expectations: Vec<&'t str>,
}

fn items(text: &str) -> Vec<Item<'_>> {
    let mut items: Vec<Item> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("- ") {
            inside = false;
        }
        if let Some(name) = line.strip_prefix("- rule:") {
            items.push(Item { name: unquoted(name.trim()), line: at + 1, expectations: Vec::new() });
            inside = true;
        } else if let Some(item) = items.last_mut().filter(|_| inside) {
            item.expectations.extend(expectation(line));
        }
    }
    items
}

/// The word of `expect: word`, also as the first key of its map or within braces.
fn expectation(line: &str) -> Option<&str> {
    let (before, word) = line.split_once("expect:")?;
    let key = before.trim_end().is_empty() || before.trim_end().ends_with(['-', '{', ',']);
    let word = word.trim_start();
    let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
    key.then_some(&word[..end])
}

fn unquoted(name: &str) -> &str {
    let within = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [&str; 0] = [];

    fn found(text: &str) -> Vec<String> {
        let file = File { path: "rules/execution/x.yaml".into(), text: text.into() };
        check(&[file]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_with_a_test_each_way_is_complete() {
        let text = "- rule: a\n  tests:\n    - name: x\n      expect: match\n    - expect: no_match\n      name: y\n";
        assert_eq!(found(text), NONE);
        assert_eq!(
            found("- rule: a\n  tests: [{name: x, expect: match}, {expect: no_match}]\n").len(),
            1,
            "one a line"
        );
    }

    #[test]
    fn what_is_missing_is_said_with_name_and_line() {
        let rule =
            "- macro: m\n  condition: a\n- rule: \"Shell in a container\"\n  tests:\n    - expect: match\n";
        assert_eq!(
            found(rule),
            ["rules/execution/x.yaml:3: rule `Shell in a container` has no test that must not match"]
        );
    }

    #[test]
    fn the_tests_of_the_next_item_are_not_this_ones() {
        let text =
            "- rule: a\n  output: x\n- rule: b\n  tests:\n    - expect: match\n    - expect: no_match\n";
        assert_eq!(found(text).len(), 2);
    }

    #[test]
    fn a_sentence_about_what_to_expect_is_no_test() {
        let text = "- rule: a\n  desc: what to expect: match and expect: no_match\n";
        assert_eq!(found(text).len(), 2);
    }
}
