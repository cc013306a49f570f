//! `nightjar rules check`: are these files right?

use std::path::PathBuf;

use clap::ValueEnum;
use nightjar_engine::rule::{self, Diagnostic, Loaded, Severity};
use serde::Serialize;

use super::{
    super::{Exit, Failure, terminal::print},
    plural, sources,
};
use crate::alert::json;

/// Report everything that is wrong with rule files, with place and excerpt
///
/// Exit code 1 if there is an error; warnings alone leave it at 0.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules check my-rules.yaml\n  nightjar rules check rules/ --format json"
)]
pub struct CheckArgs {
    /// Files, or folders of them; later ones may override earlier ones [default: the built-in rules]
    paths: Vec<PathBuf>,

    /// Form of the messages: human goes to standard error, json to standard output
    #[arg(long, value_enum, value_name = "FORM", default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line and a caret
    Human,
    /// One line of JSON per message
    Json,
}

#[derive(Serialize)]
struct Line<'a> {
    severity: &'static str,
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    help: Option<&'a str>,
}

impl CheckArgs {
    pub fn run(self) -> Result<Exit, Failure> {
        let sources = sources(&self.paths)?;
        let (rules, diagnostics) = match rule::load(&sources) {
            Ok(Loaded { rules, warnings }) => (Some(rules.rules().count()), warnings),
            Err(diagnostics) => (None, diagnostics),
        };
        match self.format {
            Format::Human => diagnostics.iter().for_each(|diagnostic| eprintln!("{diagnostic}\n")),
            Format::Json => print(&lines(&diagnostics)?)?,
        }
        eprintln!("{}", summary(rules, sources.len(), &diagnostics));
        Ok(if rules.is_some() { Exit::Done } else { Exit::Failed })
    }
}

fn lines(diagnostics: &[Diagnostic]) -> Result<String, serde_json::Error> {
    let line = |d: &Diagnostic| {
        let help = d.help.as_deref();
        let severity = d.severity.name();
        json::to_line(&Line {
            severity,
            file: &d.file,
            line: d.line,
            column: d.column,
            message: &d.message,
            help,
        })
        .map(|line| line + "\n")
    };
    diagnostics.iter().map(line).collect()
}

fn summary(rules: Option<usize>, files: usize, diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let found = rules.map_or(String::new(), |count| format!("{count} {} in ", plural(count, "rule")));
    format!(
        "{found}{files} {}: {errors} {}, {warnings} {}",
        plural(files, "file"),
        plural(errors, "error"),
        plural(warnings, "warning")
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(text: &str) -> Exit {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        fs::write(&file, text).unwrap();
        CheckArgs { paths: vec![file], format: Format::Json }.run().unwrap()
    }

    const GOOD: &str =
        "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve\n";

    #[test]
    fn a_good_file_passes_and_a_wrong_field_does_not() {
        assert_eq!(check(GOOD), Exit::Done);
        assert_eq!(check(&GOOD.replace("evt.type", "evt.tpye")), Exit::Failed);
    }

    #[test]
    fn a_message_in_json_has_its_place() {
        let source = rule::Source { name: "a.yaml".into(), text: GOOD.replace("evt.type", "evt.tpye") };
        let Err(diagnostics) = rule::load(&[source]) else { panic!("it loads") };
        let text = lines(&diagnostics).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&line["severity"], &line["file"], &line["line"]),
            (&"error".into(), &"a.yaml".into(), &5.into())
        );
    }

    #[test]
    fn the_summary_counts_in_words() {
        assert_eq!(summary(Some(1), 1, &[]), "1 rule in 1 file: 0 errors, 0 warnings");
        assert_eq!(summary(None, 2, &[]), "2 files: 0 errors, 0 warnings");
    }
}
