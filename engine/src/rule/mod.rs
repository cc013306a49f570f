//! Rule files: language front end, compiled rules, verdicts.

use std::sync::Arc;

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
}

/// A rule objects to an event.
#[derive(Clone, Debug)]
pub struct Finding {
    pub rule: Arc<Rule>,
    /// The output template, filled in. Not escaped.
    pub output: String,
    /// Field expression and value, for each that the output names, in its order; `None` when absent.
    pub fields: Vec<(String, Option<String>)>,
    /// Which comparisons made it match.
    pub reasons: Vec<Reason>,
}

/// One comparison that held: `proc.name in (nc, ncat)`, and what the field was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub check: String,
    pub value: String,
}
