//! The rule languages, Falco's and Sigma: files in, verdicts out.
//!
//! In reading order: `source` is YAML that knows its lines, `load` makes items of it and puts lists, macros and
//! exceptions in place, `lang` parses conditions, `sigma` makes the same trees of Sigma documents, `check` gives them
//! types and shares what is equal, `run` judges. It reads no files and knows no clock.

mod cases;
mod check;
mod correlate;
mod coverage;
mod exemption;
mod explain;
mod lang;
#[cfg(test)]
mod language_tests;
mod load;
#[cfg(test)]
mod property_tests;
mod ruleset;
mod run;
mod sigma;
mod source;
mod state;
#[cfg(test)]
mod testing;

use std::sync::Arc;

pub use self::{
    cases::{RuleTest, Tried},
    check::Table,
    coverage::{Coverage, Lack},
    exemption::{Exemption, Schedule},
    explain::Explanation,
    load::{Loaded, load, load_with},
    ruleset::{Matching, RuleSet, Selection, Target},
    run::{
        output::{MISSING, OutputValue},
        pattern::Glob,
    },
    sigma::reference as sigma_reference,
    source::{Diagnostic, Node, Severity},
    state::Counts,
};

/// A rule file's text, and the name that messages call it by.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Falco's priorities, most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

impl Priority {
    pub const ALL: [Priority; 8] = [
        Priority::Emergency,
        Priority::Alert,
        Priority::Critical,
        Priority::Error,
        Priority::Warning,
        Priority::Notice,
        Priority::Informational,
        Priority::Debug,
    ];

    /// As Falco prints it.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Emergency => "Emergency",
            Priority::Alert => "Alert",
            Priority::Critical => "Critical",
            Priority::Error => "Error",
            Priority::Warning => "Warning",
            Priority::Notice => "Notice",
            Priority::Informational => "Informational",
            Priority::Debug => "Debug",
        }
    }

    /// In any case; `INFO` is short for `INFORMATIONAL`.
    pub fn of(word: &str) -> Option<Priority> {
        let info = word.eq_ignore_ascii_case("info").then_some(Priority::Informational);
        info.or_else(|| Priority::ALL.into_iter().find(|priority| priority.name().eq_ignore_ascii_case(word)))
    }
}

/// What a person wrote, after lists, macros, appends and overrides are resolved.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub desc: String,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub source: String,
    pub enabled: bool,
    /// Condition with lists and macros expanded.
    pub condition: String,
    pub output: String,
    /// File and line where it was (last) defined.
    pub file: String,
    pub line: u32,
    pub language: Language,
    /// Sigma's, for ever the same whatever the title becomes.
    pub id: Option<String>,
    /// What it is known to object to without cause, where the language has a place for it.
    pub false_positives: Vec<String>,
}

/// What a rule is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    Falco,
    Sigma,
}

impl Language {
    pub fn name(self) -> &'static str {
        match self {
            Language::Falco => "falco",
            Language::Sigma => "sigma",
        }
    }
}

/// A rule objects to an event.
#[derive(Clone, Debug)]
pub struct Finding {
    pub rule: Arc<Rule>,
    /// The output template, filled in. Not escaped.
    pub output: String,
    /// Field expression and value, for each that the output names, in its order.
    pub fields: Vec<(String, OutputValue)>,
    /// Which comparisons made it match.
    pub reasons: Vec<Reason>,
}

/// One comparison that held: `proc.name in (nc, ncat)`, and what the field was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub check: String,
    pub value: String,
    /// Whether the value says which deed it is. That a number is high enough (`fd.num >= 0`), or a value not another, does
    /// not.
    pub telling: bool,
}
