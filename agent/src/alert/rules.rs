//! The alert about the agent's own rules: they were to be loaded anew and cannot be used, or they want events that
//! are not watched. Loading them is `reload`'s business.

use std::sync::Arc;

use nightjar_engine::rule::{Diagnostic, Priority};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Origin,
    escape::terminal,
    human::{self, Look},
    internal::Said,
};

/// As rule names go, so that a filter on rules finds them.
pub const REFUSED: &str = "Nightjar internal: rules not taken over";
pub const UNWATCHED: &str = "Nightjar internal: rules want events that are not watched";

#[derive(Clone, Debug, PartialEq)]
pub struct RulesNotice {
    pub origin: Arc<Origin>,
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The rules from before stay. Where the files are wrong, the first errors and how many there are.
    Refused { reason: String, errors: Vec<Diagnostic>, count: usize },
    /// They are in use, but some of them are blind until the next start.
    Unwatched { events: Vec<&'static str>, rules: Vec<String> },
}

impl RulesNotice {
    pub fn rule(&self) -> &'static str {
        match self.what {
            What::Refused { .. } => REFUSED,
            What::Unwatched { .. } => UNWATCHED,
        }
    }

    pub fn priority(&self) -> Priority {
        match self.what {
            What::Refused { .. } => Priority::Error,
            What::Unwatched { .. } => Priority::Warning,
        }
    }

    pub fn message(&self) -> String {
        match &self.what {
            What::Refused { reason, errors, .. } => {
                let first = errors.first().map(|error| format!(" | {}", place(error)));
                format!(
                    "The rules cannot be used, those from before stay: {reason}{}",
                    first.unwrap_or_default()
                )
            }
            What::Unwatched { events, rules } => format!(
                "Rules want events that are not watched; they are from the next start on | {} for {}",
                events.join(", "),
                rules.join(", ")
            ),
        }
    }

    /// The block, ending in an empty line.
    pub fn human(&self, look: Look) -> String {
        let mut block = human::title(self.time, self.priority(), self.rule(), look);
        human::row(&mut block, "what", &terminal(&self.message()), look);
        if let What::Refused { errors, count, .. } = &self.what {
            for (n, error) in errors.iter().enumerate() {
                human::row(&mut block, if n == 0 { "errors" } else { "" }, &terminal(&place(error)), look);
            }
            if *count > errors.len() {
                human::row(&mut block, "", &format!("{} more", count - errors.len()), look);
            }
        }
        human::row(&mut block, "where", &format!("node {}", self.origin.node), look);
        block.push('\n');
        block
    }
}

/// `rules.yaml:5:3: unknown field …; did you mean …?`
fn place(error: &Diagnostic) -> String {
    let help = error.help.as_ref().map(|help| format!("; {help}"));
    format!("{}:{}:{}: {}{}", error.file, error.line, error.column, error.message, help.unwrap_or_default())
}

impl Serialize for RulesNotice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let errors = match &self.what {
            What::Refused { errors, .. } => errors.as_slice(),
            What::Unwatched { .. } => &[],
        };
        let (rule, priority, message) = (self.rule(), self.priority(), self.message());
        let said = Said { origin: &self.origin, time: self.time, rule, priority, message };
        let keys = Keys { errors: errors.iter().map(ErrorView::of).collect() };
        said.with(Fields(self), keys).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Keys<'a> {
    errors: Vec<ErrorView<'a>>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> ErrorView<'a> {
    fn of(error: &'a Diagnostic) -> Self {
        let Diagnostic { file, line, column, message, help, .. } = error;
        ErrorView { file, line: *line, column: *column, message, help: help.as_deref() }
    }
}

struct Fields<'a>(&'a RulesNotice);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("evt.time", &self.0.time)?;
        match &self.0.what {
            What::Refused { reason, count, .. } => {
                map.serialize_entry("reason", reason)?;
                map.serialize_entry("errors", count)?;
            }
            What::Unwatched { events, rules } => {
                map.serialize_entry("events", events)?;
                map.serialize_entry("rules", rules)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use nightjar_engine::rule::{Source, load};
    use serde_json::{Value, json};

    use super::{
        super::{json::to_line, sample::alert},
        *,
    };

    fn refused() -> RulesNotice {
        let text = "- macro: m\n  condition: prc.name = x\n- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: m\n";
        let Err(errors) = load(&[Source { name: "a.yaml".into(), text: text.into() }]) else {
            panic!("it loads")
        };
        let what = What::Refused { reason: "2 errors".into(), errors: errors[..1].to_vec(), count: 2 };
        RulesNotice { origin: alert().origin, time: 1_764_030_883_000_000_000, what }
    }

    #[test]
    fn a_refusal_names_file_and_line_and_has_the_keys_of_an_alert() {
        let value: Value = serde_json::from_str(&to_line(&refused()).unwrap()).unwrap();
        assert_eq!((&value["rule"], &value["priority"]), (&json!(REFUSED), &json!("Error")));
        assert_eq!(value["source"], "internal");
        assert_eq!((&value["errors"][0]["file"], &value["errors"][0]["line"]), (&json!("a.yaml"), &json!(2)));
        assert_eq!(value["output_fields"]["errors"], 2);
        let message = value["message"].as_str().unwrap();
        assert!(message.contains("2 errors | a.yaml:2:14: unknown field `prc.name`"), "{message}");
        let block = refused().human(Look { color: false, width: None });
        assert!(block.contains("did you mean `proc.name`?") && block.contains("1 more"), "{block}");
    }
}
