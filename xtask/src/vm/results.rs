//! What a guest says of its tests, line by line.

use std::collections::BTreeMap;

use crate::test::closing_line;

/// What one guest said of its tests.
#[derive(Debug, Default)]
pub struct Results {
    /// By the module a test is in, which is named like its event.
    pub modules: BTreeMap<String, Tally>,
    begun: bool,
    /// Tests that passed or failed, by their program's closing line.
    pub closed: usize,
    pub status: Option<i32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    /// Why tests were skipped.
    pub skipped: Vec<String>,
}

impl Results {
    /// Takes a line of libtest's, or the guest's own last word.
    pub fn read(&mut self, line: &str) {
        if let Some(status) = line.strip_prefix("guest: the tests ended with ") {
            self.status = status.parse().ok();
            return;
        }
        self.begun |= line.starts_with("running ");
        if let Some(report) = closing_line(line) {
            self.closed = report.passed + report.failed;
        }
        let Some((name, verdict)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return;
        };
        let Some((module, _)) = name.split_once("::") else { return };
        let tally = self.modules.entry(module.to_owned()).or_default();
        match verdict {
            "ok" => tally.passed += 1,
            "FAILED" => tally.failed += 1,
            _ => tally.skipped.extend(verdict.strip_prefix("ignored").map(|why| {
                let why = why.trim_start_matches(", ");
                format!("{name}: {}", if why.is_empty() { "ignored" } else { why })
            })),
        }
    }

    pub fn counted(&self) -> usize {
        self.modules.values().map(|tally| tally.passed + tally.failed).sum()
    }

    pub fn begun(&self) -> bool {
        self.begun
    }

    pub fn ended(&self) -> bool {
        self.status.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_noticed() {
        let mut results = Results::default();
        results.read("sh: a message of the guest's");
        assert!(!results.begun() && !results.ended());
        results.read("running 56 tests");
        assert!(results.begun() && !results.ended());
        results.read("guest: the tests ended with 0");
        assert!(results.ended());
    }
}
