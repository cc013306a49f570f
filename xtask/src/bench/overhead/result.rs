//! What a guest measured, and how it compares with the budgets.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::budgets::{Budgets, FILE};

/// One loop, with one kind of programs at the hooks of one family: nanoseconds of each batch's operation.
#[derive(Deserialize)]
pub struct Measured {
    /// `None` with nothing attached.
    hooks: Option<String>,
    programs: String,
    name: String,
    inline: Vec<f64>,
    total: Vec<f64>,
}

const AGENT: &str = "agent";

/// Reads a line of the guest. What is measured twice has the batches of both times.
pub fn read(measured: &mut Vec<Measured>, line: &str) -> Result<()> {
    let new: Measured = serde_json::from_str(line).with_context(|| format!("read {line}"))?;
    let same = |old: &&mut Measured| {
        (&old.hooks, &old.programs, &old.name) == (&new.hooks, &new.programs, &new.name)
    };
    if let Some(old) = measured.iter_mut().find(same) {
        old.inline.extend(new.inline);
        old.total.extend(new.total);
    } else {
        measured.push(new);
    }
    Ok(())
}

/// The table of one kernel, and each budget that is missing or was not kept.
pub fn report(measured: &[Measured], series: &str, budgets: &Budgets) -> Result<(String, Vec<String>)> {
    let mut table = format!("{:<24}{:<12}{:<7}{:>7}", "loop", "hooks", "", "goal");
    for figure in ["in-line", "total"] {
        write!(table, "{figure:>11}{:>8}{:>8}  {:<9}", "ratio", "budget", "")?;
    }
    writeln!(table, "{:>7}", "spread")?;
    let mut faults = Vec::new();
    for row in measured {
        let none = measured.iter().find(|none| none.hooks.is_none() && none.name == row.name);
        let none = none.with_context(|| format!("{} was not measured with nothing attached", row.name))?;
        let hooks = row.hooks.as_deref().unwrap_or_default();
        let budget = budgets.of(hooks, &row.name).filter(|_| row.programs == AGENT);
        let goal = budget.and_then(|budget| budget.goal);
        write!(table, "{:<24}{hooks:<12}{:<7}{:>7}", row.name, row.programs, shown(goal))?;
        let inline = (&row.inline, &none.inline, budget.map(|budget| &budget.inline), "in-line");
        let total = (&row.total, &none.total, budget.map(|budget| &budget.total), "in total");
        for (took, none, budgets, what) in [inline, total] {
            let ratio = hundredths(median(took) / median(none));
            let budget = budgets.and_then(|budgets| budgets.get(series)).copied();
            let verdict = match budget {
                Some(budget) if ratio > budget => "EXCEEDED",
                Some(_) => "kept",
                None => "",
            };
            write!(table, "{:>11.0}{ratio:>8.2}{:>8}  {verdict:<9}", median(took), shown(budget))?;
            let which = format!("{} by {hooks} on {series} {what}", row.name);
            match budget {
                Some(budget) if ratio > budget => {
                    faults.push(format!("{which} is {ratio:.2} and may be {budget:.2}"));
                }
                None if row.programs == AGENT => faults.push(format!("{FILE} has no budget for {which}")),
                Some(_) | None => {}
            }
        }
        writeln!(table, "{:>6.1}%", spread(&row.inline).max(spread(&row.total)))?;
    }
    Ok((table, faults))
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Between the fastest and the slowest batch, in hundredths of the median.
fn spread(values: &[f64]) -> f64 {
    let (least, most) =
        values.iter().fold((f64::MAX, f64::MIN), |(least, most), &value| (least.min(value), most.max(value)));
    (most - least) / median(values) * 100.0
}

/// Budgets are written in hundredths, so ratios are compared in hundredths.
fn hundredths(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hooks: Option<&str>, programs: &str, inline: f64, total: f64) -> Measured {
        let batches = |middle: f64| vec![middle * 2.0, middle, middle / 2.0];
        Measured {
            hooks: hooks.map(str::to_owned),
            programs: programs.into(),
            name: "open".into(),
            inline: batches(inline),
            total: batches(total),
        }
    }

    fn faults(agent: Measured, budgets: &str) -> Vec<String> {
        let measured = [row(None, "none", 1000.0, 1000.0), row(Some("fentry"), "empty", 9e9, 9e9), agent];
        report(&measured, "6.12", &toml::from_str(budgets).unwrap()).unwrap().1
    }

    const BUDGETS: &str = "[fentry.open]\ngoal = 1.1\ninline = { '6.12' = 1.20 }\ntotal = { '6.12' = 3.0 }\n";

    #[test]
    fn a_budget_is_kept_to_the_hundredth() {
        assert_eq!(faults(row(Some("fentry"), "agent", 1204.0, 3004.0), BUDGETS), Vec::<String>::new());
        assert_eq!(
            faults(row(Some("fentry"), "agent", 1206.0, 3006.0), BUDGETS),
            [
                "open by fentry on 6.12 in-line is 1.21 and may be 1.20",
                "open by fentry on 6.12 in total is 3.01 and may be 3.00"
            ]
        );
    }

    #[test]
    fn what_has_no_budget_is_a_fault() {
        let none = "benches/overhead.toml has no budget for open by tracepoint on 6.12";
        let missing = faults(row(Some("tracepoint"), "agent", 1.0, 1.0), BUDGETS);
        assert_eq!(missing, [format!("{none} in-line"), format!("{none} in total")]);
        let other = BUDGETS.replace("6.12", "5.10");
        assert_eq!(faults(row(Some("fentry"), "agent", 1.0, 1.0), &other).len(), 2);
    }

    #[test]
    fn what_is_measured_twice_has_all_batches() {
        let line = r#"{"hooks":null,"programs":"none","name":"open","inline":[1.0],"total":[2.0]}"#;
        let mut measured = vec![row(None, "none", 1.0, 1.0)];
        read(&mut measured, line).unwrap();
        assert_eq!((measured.len(), measured[0].inline.len(), measured[0].total.len()), (1, 4, 4));
        assert!(read(&mut measured, "{}").is_err());
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        assert!(
            report(&[row(Some("fentry"), "agent", 1.0, 1.0)], "6.12", &toml::from_str(BUDGETS).unwrap())
                .is_err()
        );
    }
}
