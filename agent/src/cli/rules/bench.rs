//! `nightjar rules bench`: what rules cost on what was recorded.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::ValueEnum;
use nightjar_engine::{
    Event,
    rule::{Matching, RuleSet, Selection, Target},
};
use serde::Serialize;

use super::{
    super::{
        Exit, Failure, OrEnd, Terminal,
        fields::{finish, plain_table},
        terminal::print,
    },
    load,
};
use crate::{
    alert::{escape::terminal as escaped, json},
    capture::Source,
};

/// Most events that are judged, the first of a capture.
pub const EVENTS_MAX: usize = 1 << 20;
/// Most events by which each rule is timed alone.
const ALONE_MAX: usize = 16_384;
/// How often something is timed; the fastest counts.
const ROUNDS: usize = 3;

/// Time rules on what was recorded: how many events a second they judge, and which of them cost most
///
/// Every rule is timed alone. Together they cost less than their sum: what several ask is looked at once.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules bench build.njc\n  nightjar rules bench build.njc --rules falco_rules.yaml sigma/rules --top 10"
)]
pub struct BenchArgs {
    /// File that `nightjar record` wrote
    capture: PathBuf,

    /// Rule files, or folders of them [default: the built-in rules]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,

    /// How many rules to show, those that cost most first; 0 for all
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    top: usize,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns to read
    Table,
    /// One JSON object
    Json,
}

#[derive(Debug, Serialize)]
struct Report {
    events: usize,
    rules: usize,
    events_per_second: u64,
    nanoseconds_per_event: f64,
    cost: Vec<Cost>,
}

#[derive(Debug, Serialize)]
struct Cost {
    rule: String,
    /// Alone, for each event of the capture.
    nanoseconds_per_event: f64,
    /// Of all rules' costs alone.
    share_percent: f64,
    /// Events that it could have matched, and was asked about.
    asked: u64,
    matched: u64,
}

impl BenchArgs {
    pub fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let mut rules = load(&self.rules)?;
        let events = events(&self.capture)?;
        let report = report(&mut rules, &events, self.top).or_end(Exit::Broken)?;
        let text = match self.format {
            Format::Table => table(&report, terminal.look.width),
            Format::Json => json::to_line(&report)? + "\n",
        };
        print(&text)?;
        Ok(Exit::Done)
    }
}

fn events(path: &std::path::Path) -> Result<Vec<Event>, Failure> {
    let mut source = Source::open(path, None).or_end(Exit::Usage)?;
    let mut events = Vec::new();
    while events.len() < EVENTS_MAX && source.next(&mut events).or_end(Exit::Failed)? {}
    events.truncate(EVENTS_MAX);
    if events.is_empty() {
        return Err(anyhow!("{} has no events", path.display())).or_end(Exit::Usage);
    }
    Ok(events)
}

fn report(rules: &mut RuleSet, events: &[Event], top: usize) -> anyhow::Result<Report> {
    let nanoseconds = nanoseconds(rules, events);
    let mut counts = HashMap::<String, (u64, u64)>::new();
    for event in events {
        rules.ask(event, |rule, matched| {
            let (asked, matches) = counts.entry(rule.name.clone()).or_default();
            *asked += 1;
            *matches += u64::from(matched);
        });
    }
    let active: Vec<String> =
        rules.rules().filter(|rule| rules.active(rule)).map(|rule| rule.name.clone()).collect();
    // Evenly from all of it: a capture's beginning is not like its end.
    let step = events.len().div_ceil(ALONE_MAX);
    let sample: Vec<Event> = events.iter().step_by(step).cloned().collect();
    let none = Selection { enable: false, target: Target::Rule("*".to_owned()) };
    rules.select(std::slice::from_ref(&none)).map_err(anyhow::Error::msg)?;
    let nothing = self::nanoseconds(rules, &sample);
    let mut cost = Vec::new();
    for rule in active {
        let one = Selection { enable: true, target: Target::Rule(literal(&rule)) };
        rules.select(&[none.clone(), one]).map_err(anyhow::Error::msg)?;
        let alone = (self::nanoseconds(rules, &sample) - nothing).max(0.0);
        let (asked, matched) = counts.get(&rule).copied().unwrap_or_default();
        cost.push(Cost { rule, nanoseconds_per_event: alone, share_percent: 0.0, asked, matched });
    }
    let sum: f64 = cost.iter().map(|cost| cost.nanoseconds_per_event).sum();
    if sum > 0.0 {
        cost.iter_mut().for_each(|cost| cost.share_percent = 100.0 * cost.nanoseconds_per_event / sum);
    }
    cost.sort_by(|a, b| b.nanoseconds_per_event.total_cmp(&a.nanoseconds_per_event));
    let count = cost.len();
    cost.truncate(if top == 0 { count } else { top });
    Ok(Report {
        events: events.len(),
        rules: count,
        events_per_second: (1e9 / nanoseconds) as u64,
        nanoseconds_per_event: nanoseconds,
        cost,
    })
}

/// What judging takes, for each event.
fn nanoseconds(rules: &RuleSet, events: &[Event]) -> f64 {
    let mut findings = Vec::new();
    let mut round = || {
        let begun = Instant::now();
        for event in events {
            rules.judge(event, Matching::All, &mut findings);
            findings.clear();
        }
        begun.elapsed()
    };
    let fastest = (0..ROUNDS).map(|_| round()).min().unwrap_or(Duration::ZERO);
    fastest.as_nanos() as f64 / events.len() as f64
}

/// A pattern that is this name and no other.
fn literal(name: &str) -> String {
    name.chars()
        .flat_map(|c| matches!(c, '*' | '?' | '[' | '\\' | '(').then_some('\\').into_iter().chain([c]))
        .collect()
}

fn table(report: &Report, width: Option<usize>) -> String {
    let mut table = plain_table(width, &["RULE", "NS/EVENT", "SHARE", "ASKED", "MATCHED"]);
    for cost in &report.cost {
        table.add_row([
            escaped(&cost.rule).into_owned(),
            format!("{:.1}", cost.nanoseconds_per_event),
            format!("{:.1} %", cost.share_percent),
            cost.asked.to_string(),
            cost.matched.to_string(),
        ]);
    }
    format!(
        "{}\n{} rules judge {} events at {} a second, {:.0} ns each\n",
        finish(&table),
        report.rules,
        report.events,
        report.events_per_second,
        report.nanoseconds_per_event
    )
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{self, Source};

    use super::*;
    use crate::alert::sample::alert;

    #[test]
    fn every_rule_is_timed_alone_and_counted_as_all_are_asked() {
        let rule = |name: &str, condition: &str| {
            format!("- rule: {name:?}\n  desc: d\n  output: o\n  priority: INFO\n  condition: {condition}\n")
        };
        let text = [
            rule("matches [once*]", "evt.type = openat and fd.name = /etc/shadow"),
            rule("asked in vain", "evt.type = openat and not proc.name = cat"),
            rule("never asked", "evt.type = execve"),
        ];
        let Ok(loaded) = rule::load(&[Source { name: "a.yaml".into(), text: text.concat() }]) else {
            panic!("loads")
        };
        let mut rules = loaded.rules;
        let events = vec![alert().event; 10];
        let report = report(&mut rules, &events, 0).unwrap();
        let mut counts: Vec<_> =
            report.cost.iter().map(|cost| (cost.rule.as_str(), cost.asked, cost.matched)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [("asked in vain", 10, 0), ("matches [once*]", 10, 10), ("never asked", 0, 0)]);
        let of = |name: &str| report.cost.iter().find(|cost| cost.rule == name).unwrap();
        assert!(of("matches [once*]").nanoseconds_per_event > of("never asked").nanoseconds_per_event);
        assert!(table(&report, None).contains("3 rules judge 10 events at "));
    }
}
