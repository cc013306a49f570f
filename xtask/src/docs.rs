//! The generated references in docs/. What they say comes from the tables that the program itself walks.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{artifacts, sh};

/// Pages that `nightjar docs NAME` prints to docs/NAME.md.
const PAGES: &[&str] = &["events", "fields", "sigma", "cli", "metrics"];

pub fn run(check_only: bool) -> Result<()> {
    let artifacts = artifacts::build()?;
    if check_only { check(&artifacts.nightjar) } else { write(&artifacts.nightjar) }
}

pub fn write(nightjar: &Path) -> Result<()> {
    for name in PAGES {
        sh::write_file(&path(name), page(nightjar, name)?)?;
    }
    Ok(())
}

pub fn check(nightjar: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for name in PAGES {
        let committed = std::fs::read_to_string(path(name)).unwrap_or_default();
        if let Some(line) = first_difference(&committed, &page(nightjar, name)?) {
            stale.push(format!("docs/{name}.md:{line}"));
        }
    }
    if !stale.is_empty() {
        bail!("{} not what the code says: run `cargo xtask docs`", stale.join(", "));
    }
    Ok(())
}

fn path(name: &str) -> std::path::PathBuf {
    sh::root().join("docs").join(name).with_extension("md")
}

fn page(nightjar: &Path, name: &str) -> Result<String> {
    sh::read(Command::new(nightjar).args(["docs", name]))
}

/// The first line, counted from 1, that two texts do not share.
fn first_difference(old: &str, new: &str) -> Option<usize> {
    if old == new {
        return None;
    }
    let same = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_shown_at_its_first_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
    }
}
