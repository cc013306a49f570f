//! `nightjar rules list`: which rules there are, and whether they can fire.

use std::path::PathBuf;

use clap::ValueEnum;
use nightjar_events::EVENTS;

use super::{
    super::{
        Exit, Failure, Terminal,
        fields::{finish, plain_table},
        terminal::print,
    },
    RuleState, load, states,
};
use crate::alert::{escape::terminal as escaped, json};

/// List rules with priority, tags, and whether this version of nightjar can make them fire
///
/// What this node in particular can see, `nightjar doctor` says.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules list\n  nightjar rules list falco_rules.yaml --format json | jq '.[] | select(.fires == \"never\")'"
)]
pub struct ListArgs {
    /// Files, or folders of them [default: the built-in rules]
    paths: Vec<PathBuf>,

    /// Form of the list
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns to read
    Table,
    /// A JSON array with an object for each rule
    Json,
}

impl ListArgs {
    pub fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let rules = load(&self.paths)?;
        let states = states(&rules, &EVENTS.iter().map(|event| event.kind).collect());
        let text = match self.format {
            Format::Table => table(&states, terminal.look.width),
            Format::Json => json::to_line(&states)? + "\n",
        };
        print(&text)?;
        Ok(Exit::Done)
    }
}

fn table(states: &[RuleState], width: Option<usize>) -> String {
    let mut table = plain_table(width, &["RULE", "LANGUAGE", "PRIORITY", "TAGS", "COVERAGE"]);
    for state in states {
        let (tags, priority) = (state.tags.join(" "), state.priority);
        let counts = state.counts.as_ref().map(|counts| format!("{}; {counts}", state.coverage));
        let coverage = counts.as_ref().unwrap_or(&state.coverage);
        table.add_row(
            [&state.name, state.language, priority, &tags, coverage].map(|cell| escaped(cell).into_owned()),
        );
    }
    finish(&table)
}

#[cfg(test)]
mod tests {
    use super::{super::Fires, *};

    #[test]
    fn a_rule_is_one_line_in_a_pipe() {
        let state = RuleState {
            name: "Read\nsecrets".into(),
            language: "falco",
            id: None,
            can_fire: false,
            counts: Some("2 times within 1m".into()),
            needs: vec!["event type ptrace".into()],
            priority: "Warning",
            tags: vec!["a".into(), "b".into()],
            fires: Fires::Never,
            coverage: "cannot fire: needs event type ptrace".into(),
            file: "a.yaml".into(),
            line: 1,
        };
        let text = table(&[state], None);
        let expected = "Read\\nsecrets  falco     Warning   a b   cannot fire: needs event type ptrace; 2 times within 1m";
        assert_eq!(text.lines().nth(1), Some(expected), "{text}");
    }
}
