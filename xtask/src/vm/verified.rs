//! How many instructions the verifier walked through for each program, against the committed table.
//!
//! The verifier's work is most of the time a start takes, and a program beyond its limit does not load. A small change
//! of the source can multiply it, which no other test sees before it is too much.

use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::matrix::{Column, Outcome};
use crate::sh;

const FILE: &str = "tests/kernel/verified.toml";
const BLESS: &str = "cargo xtask vm --only verified --bless-verified";

/// How many hundredths more than in the table are accepted: another compiler, or another kernel of the series.
const RISE_MAX: u64 = 10;

const HEAD: &str = "\
# Instructions that the verifier walked through for each program, by series of kernels. `cargo xtask vm` fails when one
# rises by more than a tenth, and writes this file with --bless-verified. 5.10 does not tell: it is known from 5.16 on.
";

/// What a kernel said, or what the table says of its series.
#[derive(Default, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    kernel: String,
    programs: BTreeMap<String, u64>,
}

type Table = BTreeMap<String, Counts>;

/// What is wrong with the counts of these kernels. With only some tests chosen, a program without a count is not.
pub fn compare(columns: &[Column], some_tests: bool) -> Result<Vec<String>> {
    let table = table()?;
    let faults = columns.iter().filter_map(|column| Some((column, counts(column)?)));
    let faults = faults.flat_map(|(column, said)| {
        let known = table.get(column.series).map(|known| &known.programs);
        faults_of(column.series, known.unwrap_or(&BTreeMap::new()), &said.programs, some_tests)
    });
    Ok(faults.collect())
}

/// Writes what these kernels said into the table.
pub fn bless(columns: &[Column]) -> Result<()> {
    let mut table = table()?;
    for column in columns {
        let Some(said) = counts(column).filter(|said| !said.programs.is_empty()) else { continue };
        println!("{FILE}: {} programs on {}", said.programs.len(), column.series);
        table.insert(column.series.to_owned(), said);
    }
    sh::write_file(&path(), text(&table)?)
}

fn path() -> PathBuf {
    sh::root().join(FILE)
}

fn table() -> Result<Table> {
    toml::from_str(&sh::read_file(&path())?).with_context(|| format!("read {FILE}"))
}

fn text(table: &Table) -> Result<String> {
    let mut text = HEAD.to_owned();
    for (series, Counts { kernel, programs }) in table {
        write!(text, "\n[\"{series}\"]\nkernel = \"{kernel}\"\n\n[\"{series}\".programs]\n")?;
        for (program, count) in programs {
            writeln!(text, "{program} = {count}")?;
        }
    }
    Ok(text)
}

/// `None` of a kernel whose tests did not come to their end.
fn counts(column: &Column) -> Option<Counts> {
    match (&column.outcome, &column.version) {
        (Outcome::Ran(results), Some(version)) => {
            Some(Counts { kernel: version.clone(), programs: results.verified().clone() })
        }
        (Outcome::Ran(_) | Outcome::Broken(..) | Outcome::Skipped(_), _) => None,
    }
}

fn faults_of(
    series: &str,
    known: &BTreeMap<String, u64>,
    said: &BTreeMap<String, u64>,
    some_tests: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (program, count) in said {
        match known.get(program) {
            None => faults.push(format!("{program} takes {count} instructions to verify on {series}, and is not in {FILE}: {BLESS} {series}")),
            Some(known) if count * 100 > known * (100 + RISE_MAX) => faults.push(format!(
                "{program} takes {count} instructions to verify on {series}, more than a tenth above the {known} of {FILE}: make it cheaper, or {BLESS} {series}"
            )),
            Some(_) => {}
        }
    }
    if !some_tests {
        let missing = known.keys().filter(|program| !said.contains_key(*program));
        faults.extend(missing.map(|program| {
            format!("{program} is in {FILE}, but {series} said nothing of it: {BLESS} {series}")
        }));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(program, count)| ((*program).to_owned(), *count)).collect()
    }

    #[test]
    fn a_tenth_more_is_accepted_and_no_more() {
        let known = programs(&[("open", 1000)]);
        assert_eq!(faults_of("6.1", &known, &programs(&[("open", 1100)]), false), Vec::<String>::new());
        let faults = faults_of("6.1", &known, &programs(&[("open", 1101)]), false);
        assert!(
            faults[0].contains("open takes 1101") && faults[0].ends_with("--bless-verified 6.1"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_program_on_one_side_alone_is_a_fault() {
        let known = programs(&[("open", 1000), ("gone", 5)]);
        let said = programs(&[("open", 900), ("new", 7)]);
        let faults = faults_of("6.1", &known, &said, false);
        assert!(faults[0].starts_with("new takes 7"), "{faults:?}");
        assert!(faults[1].starts_with("gone is in"), "{faults:?}");
        assert_eq!(faults_of("6.1", &known, &said, true).len(), 1);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut table = Table::new();
        table.insert("6.1".into(), Counts { kernel: "6.1.0-9".into(), programs: programs(&[("open", 5)]) });
        assert_eq!(toml::from_str::<Table>(&text(&table).unwrap()).unwrap(), table);
        assert!(text(&table).unwrap().starts_with(HEAD));
    }
}
