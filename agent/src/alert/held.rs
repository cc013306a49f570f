//! The alert about findings that were held back, since their rule found more in one container than is told in a minute.
//! They are in no other alert. Counting them is the engine's.

use std::{cmp::Reverse, sync::Arc};

use nightjar_engine::{incident::Held, rule::Priority};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Origin,
    escape::terminal,
    human::{self, Look},
    internal::Said,
    json::ContainerView,
    rfc3339,
};

/// As rule names go, so that a filter on rules finds it.
pub const RULE: &str = "Nightjar internal: findings held back";
pub const PRIORITY: Priority = Priority::Warning;
/// Most pairs of rule and container that one alert names.
pub const HELD_TOLD_MAX: usize = 64;

#[derive(Clone, Debug)]
pub struct HeldBack {
    origin: Arc<Origin>,
    /// Those of which most was held back, the first of them the most.
    rows: Vec<Held>,
    /// Findings that are in no row.
    others: u64,
    findings: u64,
    /// Nanoseconds since the epoch.
    time: u64,
}

impl HeldBack {
    pub fn new(origin: Arc<Origin>, mut rows: Vec<Held>, others: u64) -> Self {
        let findings = others + rows.iter().map(|row| row.count).sum::<u64>();
        let time = rows.iter().map(|row| row.last).max().unwrap_or_default();
        rows.sort_by_key(|row| Reverse(row.count));
        let unnamed = rows.split_off(rows.len().min(HELD_TOLD_MAX));
        let others = others + unnamed.iter().map(|row| row.count).sum::<u64>();
        HeldBack { origin, rows, others, findings, time }
    }

    fn message(&self) -> String {
        let most = self.rows.first().map(|row| format!(", most of them by rule `{}`", row.rule.name));
        format!(
            "A rule found more than is told in a minute; what went beyond is in no other alert | {} findings{}",
            self.findings,
            most.unwrap_or_default()
        )
    }

    /// The block, ending in an empty line.
    pub fn human(&self, look: Look) -> String {
        let mut block = human::title(self.time, PRIORITY, RULE, look);
        human::row(&mut block, "what", &terminal(&self.message()), look);
        let rows = self.rows.iter().map(|row| {
            let place = row
                .container
                .as_deref()
                .map_or_else(|| "on the host".to_owned(), |one| format!("in {}", human::named(one)));
            format!("{} × {} {place}", row.count, terminal(&row.rule.name))
        });
        let others = (self.others > 0).then(|| format!("{} others", self.others));
        for (n, row) in rows.chain(others).enumerate() {
            human::row(&mut block, if n == 0 { "of" } else { "" }, &row, look);
        }
        human::row(&mut block, "where", &format!("node {}", self.origin.node), look);
        block.push('\n');
        block
    }
}

#[derive(Serialize)]
struct Keys<'a> {
    held: Vec<RowView<'a>>,
    others: Others,
}

#[derive(Serialize)]
struct Others {
    findings: u64,
}

#[derive(Serialize)]
struct RowView<'a> {
    rule: &'a str,
    priority: &'static str,
    container: Option<ContainerView<'a>>,
    count: u64,
    first: String,
    last: String,
    example: &'a str,
}

impl<'a> RowView<'a> {
    fn of(row: &'a Held) -> Self {
        RowView {
            rule: &row.rule.name,
            priority: row.rule.priority.name(),
            container: row.container.as_deref().map(ContainerView::of),
            count: row.count,
            first: rfc3339(row.first),
            last: rfc3339(row.last),
            example: &row.example,
        }
    }
}

struct Fields<'a>(&'a HeldBack);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("evt.time", &self.0.time)?;
        map.serialize_entry("findings", &self.0.findings)?;
        map.end()
    }
}

impl Serialize for HeldBack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (priority, message) = (PRIORITY, self.message());
        let said = Said { origin: &self.origin, time: self.time, rule: RULE, priority, message };
        let held = self.rows.iter().map(RowView::of).collect();
        said.with(Fields(self), Keys { held, others: Others { findings: self.others } }).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::{json::to_line, sample::alert},
        *,
    };

    fn held(rows: u64) -> HeldBack {
        let alert = alert();
        let row = |count| Held {
            rule: Arc::clone(&alert.finding.rule),
            container: alert.event.container.clone().filter(|_| count % 2 == 0),
            count,
            first: alert.event.time,
            last: alert.event.time + count,
            example: "x\u{1b}".into(),
        };
        HeldBack::new(alert.origin.clone(), (1..=rows).map(row).collect(), 5)
    }

    #[test]
    fn what_was_held_back_adds_up_however_many_rules_and_containers_there_are() {
        let value: Value = serde_json::from_str(&to_line(&held(70)).unwrap()).unwrap();
        assert_eq!(value["output_fields"]["findings"], 70 * 71 / 2 + 5);
        let rows = value["held"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["count"]), (HELD_TOLD_MAX, &json!(70)));
        let named: u64 = rows.iter().filter_map(|row| row["count"].as_u64()).sum();
        assert_eq!(named + value["others"]["findings"].as_u64().unwrap(), 70 * 71 / 2 + 5);
        assert_eq!((&rows[0]["container"]["name"], &rows[1]["container"]), (&json!("web"), &Value::Null));
    }

    #[test]
    fn a_person_reads_how_many_of_which_rule_and_where() {
        let expected = "\
2025-11-25 00:34:43.123456791Z  Warning  Nightjar internal: findings held back
  what    A rule found more than is told in a minute; what went beyond is in no other alert | 8 findings, most of them by rule `Read sensitive file`
  of      2 × Read sensitive file in container web (0123456789ab)
          1 × Read sensitive file on the host
          5 others
  where   node node-1

";
        assert_eq!(held(2).human(Look { color: false, width: None }), expected);
    }
}
