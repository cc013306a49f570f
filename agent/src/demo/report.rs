//! What came of the deeds, and the table that says so.

use std::{fmt, time::Duration};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::deeds::Deed;

/// One line, below the header.
const LOOK: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// The alert came this long after the kernel saw the deed.
    Alerted(Duration),
    /// Done, but no alert came in time.
    Missed,
    /// Could not be done, so that nothing is known of its rule.
    NotDone(String),
}

pub struct Row {
    pub deed: &'static Deed,
    pub fate: Fate,
}

#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// It was stopped before the last deed.
    pub interrupted: bool,
    /// Columns of the terminal that shows it; as wide as it gets without.
    pub width: Option<usize>,
}

impl Report {
    pub fn alerted(&self) -> usize {
        self.rows.iter().filter(|row| matches!(row.fate, Fate::Alerted(_))).count()
    }

    /// 0 when every deed was alerted, 1 when one was not, 130 (as a shell says it) after a Ctrl-C.
    pub fn exit_code(&self) -> u8 {
        match self.interrupted {
            true => 130,
            false => u8::from(self.alerted() < self.rows.len()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(LOOK);
        if let Some(width) = self.width.and_then(|width| u16::try_from(width).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table.set_header(["deed", "ATT&CK", "rule", "ms"]);
        if let Some(column) = table.column_mut(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for Row { deed, fate } in &self.rows {
            let time = match fate {
                Fate::Alerted(after) => format!("{:.1}", after.as_secs_f64() * 1e3),
                Fate::Missed => "missed".into(),
                Fate::NotDone(_) => "not done".into(),
            };
            table.add_row([deed.name, deed.technique, deed.rule, &time]);
        }
        writeln!(f, "{table}")?;
        for row in &self.rows {
            if let Fate::NotDone(reason) = &row.fate {
                writeln!(f, "{}: {reason}", row.deed.name)?;
            }
        }
        let stopped = if self.interrupted { "; stopped before the end" } else { "" };
        writeln!(f, "{} of {} deeds raised their alert{stopped}", self.alerted(), self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::deeds::DEEDS;

    fn report(fates: &[Fate]) -> Report {
        let rows = DEEDS.iter().zip(fates).map(|(deed, fate)| Row { deed, fate: fate.clone() }).collect();
        Report { rows, interrupted: false, width: None }
    }

    #[test]
    fn one_missed_or_undone_deed_fails_the_demo() {
        let fine = Fate::Alerted(Duration::from_micros(1_540));
        assert_eq!(report(&[fine.clone(), fine.clone()]).exit_code(), 0);
        assert_eq!(report(&[fine.clone(), Fate::Missed]).exit_code(), 1);
        assert_eq!(report(&[Fate::NotDone("no shell".into()), fine]).exit_code(), 1);
    }

    #[test]
    fn no_line_of_the_table_is_wider_than_its_terminal() {
        let table = Report { width: Some(60), ..report(&[Fate::Missed, Fate::Missed]) }.to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 60), "{table}");
    }

    #[test]
    fn the_table_has_a_row_for_each_deed_with_rule_and_milliseconds() {
        let fates =
            [Fate::Alerted(Duration::from_micros(1_540)), Fate::Missed, Fate::NotDone("no shell".into())];
        let text = report(&fates).to_string();
        let row = |deed: usize| text.lines().find(|line| line.contains(DEEDS[deed].name)).unwrap();
        assert!(row(0).contains(DEEDS[0].rule) && row(0).trim_end().ends_with("1.5"), "{text}");
        assert!(row(1).contains("missed"), "{text}");
        assert!(text.contains(&format!("{}: no shell", DEEDS[2].name)), "{text}");
        assert!(text.contains("1 of 3 deeds raised their alert"), "{text}");
    }
}
