//! What a guest of the matrix does: the kernel tests, once for each family of hooks.

use std::path::PathBuf;

use anyhow::Result;
use nightjar_events::{EVENTS, Family};

use super::initrd::{Root, static_cargo};
use crate::artifacts;

/// The module of tests that ask what the kernel says of each program.
const OF_EACH_PROGRAM: &str = "verified";

/// Builds the tests and packs them; gives the archive.
pub fn pack(only: Option<&str>) -> Result<PathBuf> {
    let root = Root::new("root", include_str!("guest-tests.sh"))?;
    let mut cargo = static_cargo();
    cargo.args(["--package", "nightjar-tests", "--test", "kernel"]);
    root.copy(&artifacts::build_test(&mut cargo, "kernel")?, "kernel-tests")?;
    root.write("runs", runs(only))?;
    root.pack()
}

/// How the tests are run in a guest, a line for each family of hooks that an event can have instead of another: its
/// name, and the words by which tests are chosen. With the first family all are run, then those of its events, and what
/// asks of each program. Last come the tests after which a machine is no good for others.
fn runs(only: Option<&str>) -> String {
    let with_a_choice = || EVENTS.iter().filter(|event| event.hooks.len() > 1);
    let mut families: Vec<Family> = Vec::new();
    for family in with_a_choice().flat_map(|event| event.hooks).map(|hook| hook.family) {
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let of_family = |family| {
        let events =
            with_a_choice().filter(move |event| event.hooks.iter().any(|hook| hook.family == family));
        events.map(|event| event.name).collect::<Vec<_>>().join(" ")
    };
    let line = |(n, family): (usize, &Family)| {
        let chosen = match (only, n) {
            (Some(only), _) => only.to_owned(),
            (None, 0) => String::new(),
            (None, _) => format!("{} {OF_EACH_PROGRAM}", of_family(*family)),
        };
        format!("{} {chosen}\n", family.name())
    };
    let last =
        families.first().filter(|_| only.is_none()).map(|family| format!("{} --ignored\n", family.name()));
    families.iter().enumerate().map(line).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_run_once_and_those_of_events_with_a_choice_for_each_family() {
        let lines: Vec<String> = runs(None).lines().map(str::to_owned).collect();
        assert_eq!((lines.len(), lines[0].as_str(), lines[2].as_str()), (3, "fentry ", "fentry --ignored"));
        assert!(lines[1].starts_with("tracepoint open connect unlink "), "{}", lines[1]);
        assert!(lines[1].ends_with(" verified") && !lines[1].contains("exec"), "it has no choice");
        assert_eq!(runs(Some("race")), "fentry race\ntracepoint race\n");
    }
}
