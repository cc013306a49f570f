//! Each of our own rules has tests. That they hold, `nightjar rules test` finds out.
//!
//! Tests stand in the rule's own item under `tests:`, or in a file below rules/ whose name ends in `test.yaml` and
//! that names the rule.

use super::{Complaint, tree::File};

pub fn check(files: &[File]) -> Vec<Complaint> {
    let ours = |file: &&File| file.path.starts_with("rules/") && file.path.ends_with(".yaml");
    let (tests, rules): (Vec<&File>, Vec<&File>) =
        files.iter().filter(ours).partition(|file| file.path.ends_with("test.yaml"));
    let mut found = Vec::new();
    for file in rules {
        for item in items(&file.text) {
            let own = item.text.iter().any(|line| line.trim_start().starts_with("tests:"));
            if !own && !tests.iter().any(|test| test.text.contains(item.name)) {
                found.push(file.complaint(item.line, format!("no test for rule `{}`", item.name)));
            }
        }
    }
    found
}

/// A rule as it stands in its file.
struct Item<'t> {
    name: &'t str,
    line: usize,
    text: Vec<&'t str>,
}

fn items(text: &str) -> Vec<Item<'_>> {
    let mut items: Vec<Item> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("- ") {
            inside = false;
        }
        if let Some(name) = line.strip_prefix("- rule:") {
            items.push(Item { name: unquoted(name.trim()), line: at + 1, text: Vec::new() });
            inside = true;
        } else if let Some(item) = items.last_mut().filter(|_| inside) {
            item.text.push(line);
        }
    }
    items
}

fn unquoted(name: &str) -> &str {
    let within = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [Complaint; 0] = [];

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    const RULE: &str = "- macro: m\n  condition: a\n- rule: \"Shell in a container\"\n  condition: m\n";

    #[test]
    fn a_rule_without_a_test_is_shown_by_name_and_line() {
        let found = check(&[file("rules/execution/shell.yaml", RULE)]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "rules/execution/shell.yaml:3: no test for rule `Shell in a container`"
        );
    }

    #[test]
    fn tests_in_the_item_or_in_a_file_of_their_own_count() {
        let own = format!("{RULE}  tests:\n    - event: exec\n");
        assert_eq!(check(&[file("rules/a/x.yaml", &own)]), NONE);
        let apart = file("rules/a/x.test.yaml", "rule: Shell in a container\n");
        assert_eq!(check(&[file("rules/a/x.yaml", RULE), apart]), NONE);
    }

    #[test]
    fn the_tests_of_the_next_item_are_not_this_ones() {
        let text = "- rule: a\n  output: x\n- rule: b\n  tests: []\n";
        let found: Vec<usize> = check(&[file("rules/a/x.yaml", text)]).iter().map(|c| c.line).collect();
        assert_eq!(found, [1]);
    }
}
