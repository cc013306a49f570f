//! `nightjar rules explain`: a rule laid open.

use std::path::PathBuf;

use anyhow::anyhow;
use nightjar_engine::rule::RuleSet;

use super::{
    super::{Exit, Failure, OrEnd, terminal::print},
    load,
};

/// Show a rule's condition as a tree, its fields with their meaning, and where its macros and lists come from
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  nightjar rules explain 'Terminal shell in container' --rules falco_rules.yaml"
)]
pub struct ExplainArgs {
    /// Name of the rule
    name: String,

    /// Files, or folders of them [default: the built-in rules]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rules: Vec<PathBuf>,
}

impl ExplainArgs {
    pub fn run(self) -> Result<Exit, Failure> {
        let rules = load(&self.rules)?;
        let explanation = rules
            .explain(&self.name, &|_| true)
            .ok_or_else(|| unknown(&rules, &self.name))
            .or_end(Exit::Usage)?;
        print(&explanation.to_string())?;
        Ok(Exit::Done)
    }
}

fn unknown(rules: &RuleSet, name: &str) -> anyhow::Error {
    let distance = |other: &str| strsim::damerau_levenshtein(&other.to_lowercase(), &name.to_lowercase());
    let nearest = rules.rules().min_by_key(|rule| distance(&rule.name));
    match nearest {
        Some(rule) => anyhow!("no rule is called `{name}`: did you mean `{}`?", rule.name),
        None => anyhow!("no rule is called `{name}`: there are none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_can_be_explained_and_a_misspelt_one_is_guessed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        let text = "- rule: Shell started\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve\n";
        std::fs::write(&file, text).unwrap();
        let explain = |name: &str| ExplainArgs { name: name.into(), rules: vec![file.clone()] }.run();
        assert_eq!(explain("Shell started").unwrap(), Exit::Done);
        let failure = explain("shell strated").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(
            failure.error.to_string(),
            "no rule is called `shell strated`: did you mean `Shell started`?"
        );
    }
}
