//! `nightjar rules exceptions`: who excepted what from which rules, why, and until when.

use std::{path::PathBuf, sync::Arc};

use clap::ValueEnum;
use jiff::Timestamp;
use nightjar_engine::rule::{self, Exemption, Loaded, RuleSet};
use serde::Serialize;

use super::{
    super::{
        Exit, Failure, OrEnd, Terminal,
        fields::{finish, plain_table},
        terminal::print,
    },
    sources, unusable, warn,
};
use crate::{
    alert::{escape::terminal as escaped, json, rfc3339},
    config::rules::{RulesError, with_exceptions},
};

/// List exceptions with author, reason and end, and the rules that they are about
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules exceptions exceptions/\n  nightjar rules exceptions exceptions/ --rules falco_rules.yaml --format json | jq '.[] | select(.state == \"expired\")'"
)]
pub struct ExceptionsArgs {
    /// Files, or folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,

    /// Rule files, or folders of them, that they are about [default: the built-in rules]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,

    /// Form of the list
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns to read
    Table,
    /// A JSON array with an object for each exception
    Json,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    /// `active`, `resting` outside of its days and hours, or `expired`.
    state: &'static str,
    expires: Option<String>,
    author: &'a str,
    reason: &'a str,
    condition: &'a str,
    /// Names of the rules that it is about.
    rules: Vec<&'a str>,
    file: &'a str,
    line: u32,
}

impl ExceptionsArgs {
    pub fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let sources = with_exceptions(sources(&self.rules)?, &self.paths).or_end(Exit::Usage)?;
        let Loaded { rules, warnings } =
            rule::load(&sources).map_err(|wrong| unusable(RulesError::Wrong(wrong)))?;
        warn(&warnings);
        let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
        let rows = rows(&rules, now);
        let text = match self.format {
            Format::Table => table(&rows, terminal.look.width),
            Format::Json => json::to_line(&rows)? + "\n",
        };
        print(&text)?;
        Ok(Exit::Done)
    }
}

fn rows<'r>(rules: &'r RuleSet, now: u64) -> Vec<Row<'r>> {
    let row = |(place, (one, _)): (usize, (&'r Arc<Exemption>, u64))| {
        let Exemption { name, author, reason, condition, file, .. } = &**one;
        Row {
            name,
            state: state(one, now),
            expires: one.expires.map(rfc3339),
            author,
            reason,
            condition,
            rules: rules.exempted(place).map(|rule| rule.name.as_str()).collect(),
            file,
            line: one.line,
        }
    };
    rules.exemptions().enumerate().map(row).collect()
}

fn state(one: &Exemption, now: u64) -> &'static str {
    match (one.expired(now), one.holds_at(now)) {
        (true, _) => "expired",
        (false, true) => "active",
        (false, false) => "resting",
    }
}

fn table(rows: &[Row<'_>], width: Option<usize>) -> String {
    let mut table = plain_table(width, &["EXCEPTION", "STATE", "EXPIRES", "AUTHOR", "RULES", "REASON"]);
    for row in rows {
        let expires = row.expires.as_deref().and_then(|time| time.get(..10)).unwrap_or("never");
        let about = match row.rules.as_slice() {
            [] => "none".to_owned(),
            [one] => (*one).to_owned(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        };
        table.add_row(
            [row.name, row.state, expires, row.author, &about, row.reason]
                .map(|cell| escaped(cell).into_owned()),
        );
    }
    finish(&table)
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{Source, load};

    use super::*;

    #[test]
    fn an_exception_is_listed_with_its_author_its_end_and_what_it_is_about() {
        let rule = |name: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = openat\n"
            )
        };
        let exception = "- exception: Backup\n  rules: ['*']\n  condition: proc.name = tar\n  author: dana\n  reason: \"nightly\\nrun\"\n  expires: 2026-01-01\n  days: [thu]\n";
        let text = rule("a") + &rule("b") + exception;
        let rules = load(&[Source { name: "a.yaml".into(), text }])
            .unwrap_or_else(|errors| panic!("{}", errors[0]))
            .rules;
        let new_year = 1_767_225_600_000_000_000;
        let states =
            [new_year - 1, new_year - 86_400_000_000_000 * 7, new_year].map(|now| rows(&rules, now)[0].state);
        assert_eq!(states, ["resting", "active", "expired"]);
        let text = table(&rows(&rules, new_year), None);
        let line = text.lines().nth(1).unwrap();
        let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, ["Backup", "expired", "2026-01-01", "dana", "a and 1 more", "nightly\\nrun"]);
    }
}
