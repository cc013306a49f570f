//! What the tests of each event did on each kernel, as a table.

use nightjar_events::EVENTS;

use super::results::Results;
use crate::test::Report;

pub enum Outcome {
    Ran(Results),
    /// The guest did not come to its end, and how.
    Broken(String, Results),
    /// There is no such kernel to be had, and why.
    Skipped(String),
}

/// One kernel.
pub struct Column {
    pub series: &'static str,
    pub version: Option<String>,
    pub outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Passed {
        passed: usize,
        skipped: Vec<String>,
    },
    Failed {
        failed: usize,
        of: usize,
    },
    Skipped(String),
    /// No test of it came to an end.
    Missing,
}

/// One event by one family of hooks.
struct Row {
    module: String,
    family: &'static str,
    /// The oldest kernel that has these hooks.
    since: (u16, u16),
}

impl Column {
    fn name(&self) -> String {
        match &self.version {
            // What is behind the patch level is the distribution's.
            Some(version) => version.split(['-', '+']).next().unwrap_or(version).to_owned(),
            None => self.series.to_owned(),
        }
    }

    fn is_older_than(&self, since: (u16, u16)) -> bool {
        let mut numbers =
            self.version.iter().flat_map(|v| v.split(['.', '-'])).map_while(|n| n.parse::<u16>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) => (major, minor) < since,
            _ => false,
        }
    }

    fn cell(&self, row: &Row) -> Cell {
        let results = match &self.outcome {
            Outcome::Ran(results) | Outcome::Broken(_, results) => results,
            Outcome::Skipped(why) => return Cell::Skipped(why.clone()),
        };
        match results.tally(&row.module, row.family) {
            Some(t) if t.failed > 0 => Cell::Failed { failed: t.failed, of: t.passed + t.failed },
            Some(t) if t.passed > 0 => Cell::Passed { passed: t.passed, skipped: t.skipped },
            Some(t) => Cell::Skipped(t.skipped.join(", ")),
            None if self.is_older_than(row.since) => {
                Cell::Skipped(format!("its hooks are in Linux {}.{} and later", row.since.0, row.since.1))
            }
            None => Cell::Missing,
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.family {
            "" => write!(f, "{}", self.module),
            family => write!(f, "{} by {family}", self.module),
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Cell::Passed { passed, skipped } if skipped.is_empty() => format!("ok {passed}"),
            Cell::Passed { passed, skipped } => format!("ok {passed}, {} skipped", skipped.len()),
            Cell::Failed { failed, of } => format!("{failed} of {of} failed"),
            Cell::Skipped(_) => "skipped".to_owned(),
            Cell::Missing => "no result".to_owned(),
        };
        f.pad(&text)
    }
}

/// Every event by every family of its hooks, and the tests that are about no single event.
fn rows(columns: &[Column]) -> Vec<Row> {
    let events = EVENTS.iter().flat_map(|event| {
        event.hooks.iter().map(|hook| Row {
            module: event.name.to_owned(),
            family: hook.family.name(),
            since: hook.since,
        })
    });
    let mut rows: Vec<Row> = events.collect();
    for column in columns {
        let (Outcome::Ran(results) | Outcome::Broken(_, results)) = &column.outcome else { continue };
        for module in results.modules() {
            if !rows.iter().any(|row| row.module == *module) {
                rows.push(Row { module: module.clone(), family: "", since: (0, 0) });
            }
        }
    }
    rows
}

/// Prints the table and gives what is wrong. With only some tests chosen, an event without one is not.
pub fn report(columns: &[Column], some_tests: bool) -> Vec<String> {
    print!("\n{:<16}{:<20}", "event", "hooks");
    columns.iter().for_each(|column| print!("{:<18}", column.name()));
    println!();
    let mut faults = Vec::new();
    let mut skips = Vec::new();
    for row in rows(columns) {
        print!("{:<16}{:<20}", row.module, row.family);
        let cells: Vec<Cell> = columns.iter().map(|column| column.cell(&row)).collect();
        for (column, cell) in columns.iter().zip(&cells) {
            print!("{cell:<18}");
            match cell {
                Cell::Passed { skipped, .. } => {
                    skips.extend(skipped.iter().map(|why| format!("skipped: {why} on {}", column.name())));
                }
                Cell::Failed { .. } => faults.push(format!("{row} fails on {}", column.name())),
                Cell::Skipped(why) => skips.push(format!("skipped: {row} on {}: {why}", column.name())),
                Cell::Missing if some_tests => {}
                Cell::Missing => faults.push(format!("no test of {row} ended on {}", column.name())),
            }
        }
        println!();
        if !some_tests && cells.iter().all(|cell| matches!(cell, Cell::Skipped(_))) {
            faults.push(format!("{row} is skipped on every kernel"));
        }
    }
    skips.iter().for_each(|skip| println!("{skip}"));
    faults.extend(columns.iter().filter_map(fault_of_guest));
    faults
}

/// What all tests on all kernels did; a kernel that is not to be had counts as one that is skipped.
pub fn sum(columns: &[Column]) -> Report {
    let mut sum = Report::default();
    for column in columns {
        match &column.outcome {
            Outcome::Ran(results) | Outcome::Broken(_, results) => sum.add(results.sum()),
            Outcome::Skipped(_) => sum.ignored += 1,
        }
    }
    sum
}

fn fault_of_guest(column: &Column) -> Option<String> {
    match &column.outcome {
        Outcome::Ran(results) => results.fault().map(|fault| format!("{fault} on {}", column.name())),
        Outcome::Broken(fault, _) => Some(format!("{}: {fault}", column.name())),
        Outcome::Skipped(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(version: &str, lines: &[&str]) -> Column {
        let mut results = Results::default();
        lines.iter().for_each(|line| results.read(line));
        Column { series: "a series", version: Some(version.into()), outcome: Outcome::Ran(results) }
    }

    fn row(module: &str, since: (u16, u16)) -> Row {
        Row { module: module.into(), family: "tracepoint", since }
    }

    /// A guest in which one test of every event passed.
    fn all_pass(but: &str) -> Column {
        let run = |family: &str| {
            let tests: Vec<String> = EVENTS
                .iter()
                .filter(|event| event.name != but)
                .map(|event| format!("test {}::a_test ... ok", event.name))
                .collect();
            let closing = format!("test result: ok. {} passed; 0 failed; 0 ignored", tests.len());
            let end = vec![closing, "guest: the tests ended with 0".to_owned()];
            [vec![format!("guest: hooks {family}")], tests, end].concat()
        };
        let lines = [run("fentry"), run("tracepoint"), vec!["guest: done".into()]].concat();
        column("6.1.0-9-amd64", &lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn verdicts_are_counted_by_event() {
        let column = column(
            "6.1.0-9-amd64",
            &[
                "guest: hooks tracepoint",
                "running 4 tests",
                "test open::a ... ok",
                "test open::b ... FAILED",
                "test exec::c ... ok",
                "test exec::e ... ignored, no overlayfs here",
                "test fork::d ... ignored, no cgroup2 here",
                "test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out",
            ],
        );
        assert_eq!(column.cell(&row("open", (5, 10))), Cell::Failed { failed: 1, of: 2 });
        let exec = column.cell(&row("exec", (5, 10)));
        assert_eq!(exec, Cell::Passed { passed: 1, skipped: vec!["exec::e: no overlayfs here".into()] });
        assert_eq!(exec.to_string(), "ok 1, 1 skipped");
        assert_eq!(column.cell(&row("fork", (5, 10))), Cell::Skipped("fork::d: no cgroup2 here".into()));
    }

    #[test]
    fn an_event_with_a_choice_has_a_result_for_each_family_and_another_one_for_all() {
        let column = all_pass("");
        let by = |family| Row { family, ..row("open", (5, 10)) };
        let passed = |passed| Cell::Passed { passed, skipped: Vec::new() };
        assert_eq!(column.cell(&by("fentry")), passed(1));
        assert_eq!(column.cell(&by("tracepoint")), passed(1));
        assert_eq!(column.cell(&Row { family: "tp_btf", ..row("exec", (5, 10)) }), passed(2));
    }

    #[test]
    fn an_event_without_a_result_is_a_fault_unless_the_kernel_is_too_old_for_it() {
        let old = column("5.10.0-32-cloud-amd64", &[]);
        assert_eq!(old.cell(&row("open", (5, 10))), Cell::Missing);
        assert!(matches!(old.cell(&row("open", (5, 11))), Cell::Skipped(_)));
        let new = column("7.3-cloud-amd64", &[]);
        assert_eq!(new.cell(&row("open", (5, 11))), Cell::Missing);
    }

    #[test]
    fn a_guest_whose_tests_all_pass_has_no_fault() {
        let columns = [all_pass("")];
        assert_eq!(report(&columns, false), Vec::<String>::new());
        assert_eq!(sum(&columns), Report { passed: 2 * EVENTS.len(), ..Report::default() });
    }

    #[test]
    fn a_missing_event_and_a_bad_end_are_faults() {
        assert_eq!(
            report(&[all_pass("open")], false),
            ["no test of open by fentry ended on 6.1.0", "no test of open by tracepoint ended on 6.1.0"]
        );
        assert_eq!(report(&[all_pass("open")], true), Vec::<String>::new());
        let mut column = all_pass("");
        let Outcome::Ran(results) = &mut column.outcome else { panic!("ran") };
        results.read("guest: the tests ended with 101");
        assert_eq!(report(&[column], false), ["the tests with tracepoint ended with 101 on 6.1.0"]);
        let mut column = all_pass("");
        let Outcome::Ran(results) = &mut column.outcome else { panic!("ran") };
        results.read("test result: ok. 100 passed; 0 failed; 0 ignored");
        let read = EVENTS.len();
        let fault = format!("100 tests with tracepoint ended, {read} results were read on 6.1.0");
        assert_eq!(report(&[column], false), [fault]);
    }

    #[test]
    fn what_is_skipped_on_one_kernel_is_told_and_on_every_kernel_is_a_fault() {
        let skipped = || Column {
            series: "experimental",
            version: None,
            outcome: Outcome::Skipped("no kernel in it".into()),
        };
        assert_eq!(report(&[all_pass(""), skipped()], false), Vec::<String>::new());
        let rows: usize = EVENTS.iter().map(|event| event.hooks.len()).sum();
        assert_eq!(report(&[skipped()], false).len(), rows);
        assert_eq!(report(&[skipped()], true), Vec::<String>::new());
    }
}
