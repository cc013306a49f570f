//! `nightjar fields`: the questions that a rule may ask.

use clap::ValueEnum;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use nightjar_engine::field::{self, ArgRule, Field};
use nightjar_events::Kind;
use serde::Serialize;

use super::{Exit, Failure, Terminal, terminal::print};
use crate::alert::json;

/// List the fields that rules may use
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar fields proc.\n  nightjar fields container\n  nightjar fields --format json | jq -r .name"
)]
pub struct FieldsArgs {
    /// Only fields whose name or meaning contains this
    filter: Option<String>,

    /// Form of the list
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns to read
    Table,
    /// One line of JSON per field
    Json,
    /// The whole reference page, docs/fields.md; the filter does not apply
    Markdown,
}

#[derive(Serialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    /// Events that have it; empty: all.
    events: Vec<&'static str>,
    doc: &'static str,
}

impl Row {
    fn of(field: &Field) -> Self {
        let arg = match field.arg {
            ArgRule::None => "",
            ArgRule::OptionalIndex => "[N]?",
            ArgRule::RequiredIndex => "[N]",
            ArgRule::OptionalKey => "[KEY]?",
            ArgRule::RequiredKey => "[KEY]",
        };
        Row {
            name: format!("{}{arg}", field.name),
            ty: field.ty.name(),
            events: field.kinds().into_iter().map(Kind::name).collect(),
            doc: field.doc,
        }
    }

    fn contains(&self, filter: &str) -> bool {
        let filter = filter.to_lowercase();
        self.name.to_lowercase().contains(&filter) || self.doc.to_lowercase().contains(&filter)
    }
}

impl FieldsArgs {
    pub fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let filter = self.filter.unwrap_or_default();
        let rows: Vec<_> = field::all().map(Row::of).filter(|row| row.contains(&filter)).collect();
        let text = match self.format {
            Format::Table => table(&rows, terminal.look.width),
            Format::Json => {
                rows.iter().map(|row| json::to_line(row).map(|line| line + "\n")).collect::<Result<_, _>>()?
            }
            Format::Markdown => field::reference(),
        };
        print(&text)?;
        if rows.is_empty() {
            eprintln!("no field's name or meaning contains `{filter}`");
            return Ok(Exit::Failed);
        }
        Ok(Exit::Done)
    }
}

fn table(rows: &[Row], width: Option<usize>) -> String {
    let mut table = plain_table(width, &["FIELD", "TYPE", "EVENTS", "MEANING"]);
    for row in rows {
        let events = if row.events.is_empty() { "all".to_owned() } else { row.events.join(" ") };
        table.add_row([row.name.clone(), row.ty.to_owned(), events, row.doc.to_owned()]);
    }
    finish(&table)
}

/// A table of columns without lines; one line per row where nobody reads it.
pub fn plain_table(width: Option<usize>, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        if let Some(name) = table.column_mut(0) {
            name.set_constraint(ColumnConstraint::UpperBoundary(Width::Percentage(50)));
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Without the blanks that fill up the last column.
pub fn finish(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_found_by_its_name_and_its_meaning() {
        for row in field::all().map(Row::of) {
            assert!(row.contains(&row.name.to_uppercase()));
            assert!(row.contains(row.doc));
        }
    }

    #[test]
    fn a_list_in_a_pipe_has_one_line_per_field() {
        let rows: Vec<_> = field::all().map(Row::of).collect();
        assert!(rows.len() > 50);
        assert_eq!(table(&rows, None).lines().count(), rows.len() + 1);
        assert!(table(&rows, Some(80)).lines().all(|line| line.chars().count() <= 80));
    }
}
