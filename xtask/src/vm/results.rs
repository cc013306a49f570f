//! What a guest says of its tests, line by line.

use std::collections::BTreeMap;

use crate::test::{Report, closing_line};

/// What one guest said of its tests.
#[derive(Debug, Default)]
pub struct Results {
    /// One for each family of hooks.
    runs: Vec<Run>,
    /// Instructions that the verifier walked through, by program.
    verified: BTreeMap<String, u64>,
}

/// What the tests said while events had hooks of a family, where they have a choice.
#[derive(Debug, Default)]
struct Run {
    family: String,
    /// By the module a test is in, which is named like its event.
    modules: BTreeMap<String, Tally>,
    begun: bool,
    /// Tests that passed or failed, by their program's closing line.
    closed: usize,
    status: Option<i32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    /// Why tests were skipped.
    pub skipped: Vec<String>,
}

impl Tally {
    fn and(mut self, other: Tally) -> Tally {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
        self
    }
}

impl Results {
    /// Takes a line of libtest's, or of the script that starts the tests.
    pub fn read(&mut self, line: &str) {
        if let Some(family) = line.strip_prefix("guest: hooks ") {
            self.runs.push(Run { family: family.to_owned(), ..Run::default() });
            return;
        }
        if let Some((program, count)) = line.strip_prefix("verified: ").and_then(|said| said.split_once(' '))
        {
            self.verified.extend(count.parse().map(|count| (program.to_owned(), count)));
        }
        if let Some(run) = self.runs.last_mut() {
            run.read(line);
        }
    }

    pub fn begun(&self) -> bool {
        self.runs.iter().any(|run| run.begun)
    }

    pub fn verified(&self) -> &BTreeMap<String, u64> {
        &self.verified
    }

    pub fn modules(&self) -> impl Iterator<Item = &String> {
        self.runs.iter().flat_map(|run| run.modules.keys())
    }

    /// What was said of an event while it had hooks of a family; an event without a choice has the same in every run.
    pub fn tally(&self, module: &str, family: &str) -> Option<Tally> {
        let has_run = self.runs.iter().any(|run| run.family == family);
        let runs = self.runs.iter().filter(|run| !has_run || run.family == family);
        runs.filter_map(|run| run.modules.get(module)).cloned().reduce(Tally::and)
    }

    pub fn sum(&self) -> Report {
        let tallies = self.runs.iter().flat_map(|run| run.modules.values());
        tallies.fold(Report::default(), |mut sum, tally| {
            let (passed, failed, ignored) = (tally.passed, tally.failed, tally.skipped.len());
            sum.add(Report { passed, failed, ignored });
            sum
        })
    }

    /// What was wrong with the runs as such.
    pub fn fault(&self) -> Option<String> {
        self.runs.iter().find_map(Run::fault)
    }
}

impl Run {
    fn read(&mut self, line: &str) {
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

    fn fault(&self) -> Option<String> {
        let (family, closed) = (&self.family, self.closed);
        let counted: usize = self.modules.values().map(|tally| tally.passed + tally.failed).sum();
        match self.status {
            Some(0) if counted == closed => None,
            Some(0) => Some(format!("{closed} tests with {family} ended, {counted} results were read")),
            Some(status) => Some(format!("the tests with {family} ended with {status}")),
            None => Some(format!("the tests with {family} ended with no word")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_noticed() {
        let mut results = Results::default();
        results.read("sh: a message of the guest's");
        results.read("guest: hooks fentry");
        assert!(!results.begun());
        results.read("running 56 tests");
        assert!(results.begun());
    }

    #[test]
    fn what_was_said_of_each_program_is_kept() {
        let mut results = Results::default();
        for line in ["verified: open 12", "verified: exec 7", "verified: nothing"] {
            results.read(line);
        }
        assert_eq!(
            results.verified().iter().map(|(p, n)| (p.as_str(), *n)).collect::<Vec<_>>(),
            [("exec", 7), ("open", 12)]
        );
    }
}
