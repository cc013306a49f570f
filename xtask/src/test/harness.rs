//! Runs test programs and counts what their closing lines say. What they print is passed on as it comes.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{artifacts::TestProgram, sh};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub passed: usize,
    pub failed: usize,
    pub ignored: usize,
}

impl Report {
    /// What a check that is no test program gives.
    pub const CHECK: Report = Report { passed: 1, failed: 0, ignored: 0 };

    pub fn add(&mut self, other: Report) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

pub type Variable<'a> = (&'a str, &'a OsStr);

/// Runs programs one after another.
pub fn run_programs<'p>(
    programs: impl Iterator<Item = &'p TestProgram>,
    nightjar: &Path,
    filter: Option<&str>,
    variables: &[Variable],
) -> Result<Report> {
    let mut total = Report::default();
    for program in programs {
        println!("\n     running {} {}", program.package, program.target);
        let mut command = program.command(nightjar);
        command.args(filter).envs(variables.iter().copied());
        total.add(run(&mut command)?);
    }
    Ok(total)
}

/// Runs one command that prints libtest's closing lines.
pub fn run(command: &mut Command) -> Result<Report> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", sh::line(command)))?;
    let stdout = child.stdout.take().context("a test's output is not piped")?;
    let mut total = Report::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.with_context(|| format!("read from {}", sh::line(command)))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(report) = closing_line(&line) {
            total.add(report);
        }
    }
    let status = child.wait().with_context(|| format!("wait for {}", sh::line(command)))?;
    if !status.success() && total.failed == 0 {
        println!("{} ended with {status}", sh::line(command));
        total.failed = 1;
    }
    Ok(total)
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`
pub fn closing_line(line: &str) -> Option<Report> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| -> Option<usize> {
        counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
    };
    Some(Report { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted_and_others_are_not() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(closing_line(line), Some(Report { passed: 12, failed: 2, ignored: 1 }));
        assert_eq!(closing_line("test a_result ... ok"), None);
        assert_eq!(closing_line("test result: lost. 1 of 2"), None);
    }

    #[test]
    fn a_program_that_dies_without_a_word_has_failed() {
        let report = run(Command::new("sh").args(["-c", "kill -9 $$"])).unwrap();
        assert_eq!(report, Report { failed: 1, ..Report::default() });
    }

    #[test]
    fn a_failure_that_was_counted_is_not_counted_twice() {
        let says = "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured'; exit 101";
        let report = run(Command::new("sh").args(["-c", says])).unwrap();
        assert_eq!(report, Report { passed: 1, failed: 2, ignored: 0 });
    }
}
