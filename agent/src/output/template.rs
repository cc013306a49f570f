//! Bodies of webhooks that a person wrote: a template (minijinja, the language of Jinja) over the keys of docs/alerts.md.
//! In JSON no value can end the text that it stands in, whoever chose it. Mistakes are found when the agent starts, as far
//! as two alerts to try it on show them.

use std::{collections::BTreeMap, fmt};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, OutputSpan, OutputSpanKind, UndefinedBehavior,
    value::{Serde, Value, ValueKind},
};
use serde::de::IgnoredAny;
use serde_json::{Map, json};

use crate::alert::json::to_line;

/// Steps that one body may take; a step of data is 64 bytes. Bounds time and memory.
const FUEL: u64 = 100_000;
const NAME: &str = "body";
/// Stands before each value while a body is made. Unicode will never give it a meaning, and JSON has no place for it
/// outside of a text: so where the body is JSON with it, every value is inside of a text.
const MARK: char = '\u{fdd0}';
/// An alert with all that it may have.
const SAMPLE: &str = include_str!("template_sample.json");
/// Of it what an alert about the agent itself does not have.
const OF_DEEDS: [&str; 5] = ["why", "process", "container", "identity", "event"];
/// Objects whose keys hang on the rule or the event.
const OPEN: [&str; 2] = ["output_fields", "event"];
const SECRETS: &str = "secrets";

pub struct Template {
    env: Environment<'static>,
    json: bool,
}

/// What is wrong, and where in the template; line and column are counted from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    pub line: usize,
    pub column: usize,
    pub problem: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}:{}:{}: {}", self.line, self.column, self.problem)
    }
}

impl Template {
    /// Compiles it and makes two bodies: one with all that an alert may have, one with what every alert has. `secrets` are
    /// the names that it may say.
    pub fn new(text: &str, json: bool, secrets: &[&str]) -> Result<Template, TemplateError> {
        let mut env = Environment::new();
        env.set_debug(true);
        env.set_fuel(Some(FUEL));
        env.set_undefined_behavior(UndefinedBehavior::Chainable);
        env.set_auto_escape_callback(move |_| if json { AutoEscape::Json } else { AutoEscape::None });
        env.remove_filter("safe");
        env.add_filter("slack", |value: Value| {
            text_of(&value).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        });
        env.set_formatter(move |out, _, value| {
            if value.is_safe() {
                return out.write_str(value.as_str().unwrap_or_default()).map_err(Error::from);
            }
            out.write_str(&written(value, json)?).map_err(Error::from)
        });
        env.add_template_owned(NAME, text.to_owned()).map_err(|error| mistake(text, &error))?;
        let template = Template { env, json };
        let sample: serde_json::Value = serde_json::from_str(SAMPLE)
            .map_err(|error| TemplateError::at(text, 0, format!("the sample is no JSON: {error}")))?;
        let secrets: BTreeMap<&str, String> = secrets.iter().map(|name| (*name, String::new())).collect();
        template.check_names(text, &sample, &secrets)?;
        let mut internal = sample.clone();
        if let Some(keys) = internal.as_object_mut() {
            keys.retain(|key, _| !OF_DEEDS.contains(&key.as_str()));
        }
        for (alert, of) in [(sample, ""), (internal, ", for an alert that is about the agent itself")] {
            template
                .body(&alert, &secrets)
                .map_err(|error| TemplateError { problem: error.problem + of, ..error })?;
        }
        Ok(template)
    }

    /// The body for an alert.
    pub fn body(
        &self,
        alert: &serde_json::Value,
        secrets: &BTreeMap<&str, String>,
    ) -> Result<String, TemplateError> {
        let template = self.env.get_template(NAME).map_err(|error| mistake("", &error))?;
        let text = template.source();
        let mut keys: BTreeMap<String, Value> = alert
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), Value::from(Serde(value))))
            .collect();
        keys.insert(SECRETS.to_owned(), Value::from(Serde(secrets)));
        let (body, spans) =
            template.render_with_spans(Value::from_pairs(keys)).map_err(|error| mistake(text, &error))?;
        if self.json {
            serde_json::from_str::<IgnoredAny>(&body)
                .map_err(|error| not_json(text, &body, &spans, &error))?;
        }
        Ok(body.replace(MARK, ""))
    }

    /// A key that no alert has is a slip of the pen, and would be nothing for ever.
    fn check_names(
        &self,
        text: &str,
        sample: &serde_json::Value,
        secrets: &BTreeMap<&str, String>,
    ) -> Result<(), TemplateError> {
        let template = self.env.get_template(NAME).map_err(|error| mistake(text, &error))?;
        let mut all = sample.clone();
        all[SECRETS] = json!(secrets);
        let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        let is_global = |name: &str| self.env.globals().any(|(global, _)| global == name);
        for name in names.iter().filter(|name| !is_global(name)) {
            let mut here = &all;
            for (depth, part) in name.split('.').enumerate() {
                // Below a list or a text there are no keys to be wrong about.
                let Some(keys) = here.as_object() else { break };
                let Some(next) = keys.get(part) else {
                    return Err(TemplateError::at(text, place(text, name), unknown(name, part, keys)));
                };
                if depth == 0 && OPEN.contains(&part) {
                    break;
                }
                here = next;
            }
        }
        Ok(())
    }
}

fn unknown(name: &str, part: &str, keys: &Map<String, serde_json::Value>) -> String {
    let near = keys.keys().map(|key| (strsim::damerau_levenshtein(key, part), key)).min();
    match near.filter(|(far, _)| *far <= 2 + part.len() / 5) {
        Some((_, key)) => format!("there is no `{name}`: did you mean `{key}`?"),
        None => format!("there is no `{name}`; docs/alerts.md lists the keys"),
    }
}

/// Where a name stands, and not one that begins like it.
fn place(text: &str, name: &str) -> usize {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| !text[at + name.len()..].starts_with(goes_on);
    text.match_indices(name).map(|(at, _)| at).find(whole).unwrap_or_default()
}

/// What is not there is empty.
fn text_of(value: &Value) -> String {
    if value.is_undefined() || value.is_none() { String::new() } else { value.to_string() }
}

/// A value as it stands in the body. In JSON a text is escaped, without the quotes that the template has.
fn written(value: &Value, json: bool) -> Result<String, Error> {
    let text = text_of(value);
    // Numbers and truths are JSON as they stand.
    if !json || value.is_number() || value.kind() == ValueKind::Bool {
        return Ok(text);
    }
    let quoted =
        to_line(&text).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let escaped = &quoted[1..quoted.len() - 1];
    Ok(format!("{MARK}{}", escaped.replace(MARK, "\\ufdd0")))
}

impl TemplateError {
    fn at(text: &str, offset: usize, problem: String) -> TemplateError {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        TemplateError { line, column, problem }
    }
}

fn mistake(text: &str, error: &Error) -> TemplateError {
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match (error.range(), error.line()) {
        (Some(range), _) => TemplateError::at(text, range.start, problem),
        (None, line) => TemplateError { line: line.unwrap_or(1), column: 1, problem },
    }
}

/// Where in the template the text came from that JSON has no place for.
fn not_json(text: &str, body: &str, spans: &[OutputSpan], error: &serde_json::Error) -> TemplateError {
    let line = body.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    // The parser has looked at the byte before the column that it names.
    let at = (line + error.column()).saturating_sub(1).min(body.len());
    let span = spans.iter().find(|span| span.output_range().contains(&at)).or(spans.last());
    let offset = span.map_or(text.len(), |span| match span.kind() {
        OutputSpanKind::Raw => span.source_range().start + at.saturating_sub(span.output_range().start),
        _ => span.source_range().start,
    });
    let value = span.is_some_and(|span| span.kind() == OutputSpanKind::Expression);
    let problem = if value {
        "the body is no JSON here: inside of a text write \"{{ x }}\", elsewhere {{ x | tojson }}".to_owned()
    } else {
        let said = error.to_string();
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        format!("the body is no JSON: {said}")
    };
    TemplateError::at(text, offset, problem)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::transport::tests::item, *};

    fn body(text: &str, alert: &Value) -> Result<Value, TemplateError> {
        let body = Template::new(text, true, &["key"])?.body(alert, &BTreeMap::new())?;
        Ok(serde_json::from_str(&body).unwrap())
    }

    fn wrong(text: &str) -> String {
        Template::new(text, true, &["key"]).err().unwrap().to_string()
    }

    #[test]
    fn no_value_leaves_the_text_it_stands_in() {
        let evil = "\"}, \"admin\": true, \"x\": {\"y\": \"\\u{fdd0}\\\n\u{202e}{{ uuid }}";
        let alert = json!({"rule": evil, "tags": [evil], "process": {"pid": 7}});
        let text = r#"{"text": "*{{ rule }}*", "all": {{ tags | tojson }}, "list": "{{ tags | join(", ") }}",
            "pid": {{ process.pid | tojson }}, "none": "{{ container.name }}"}"#;
        let text = text.replace("\\u{fdd0}", "\u{fdd0}");
        let expected =
            json!({"text": format!("*{evil}*"), "all": [evil], "list": evil, "pid": 7, "none": ""});
        assert_eq!(body(&text, &alert).unwrap(), expected);
    }

    #[test]
    fn a_value_outside_of_a_text_is_found_at_start_with_its_place() {
        assert_eq!(
            wrong("{\n  \"text\": {{ rule }}\n}"),
            "body:2:14: the body is no JSON here: inside of a text write \"{{ x }}\", elsewhere {{ x | tojson }}"
        );
        // Also where only some alerts have none.
        assert!(wrong("{\"pid\": {{ process.pid }}}").ends_with("that is about the agent itself"));
        assert!(wrong("{\"a\": \"{{ rule | tojson }}\"}").starts_with("body:1:"), "quoted twice");
        assert_eq!(wrong("{\"a\": 1,\n}"), "body:2:1: the body is no JSON: key must be a string");
        assert!(wrong("{\"a\": {{ rule | safe }}}").contains("unknown filter"));
    }

    #[test]
    fn slips_of_the_pen_are_found_at_start_with_their_place_and_a_guess() {
        assert_eq!(wrong("{\"a\":\n \"{{ rul }}\"}"), "body:2:6: there is no `rul`: did you mean `rule`?");
        let said = wrong("\"{{ container.nmae }}\"");
        assert_eq!(said, "body:1:5: there is no `container.nmae`: did you mean `name`?");
        assert!(wrong("\"{{ rule }} {{ secrets.kye }}\"").ends_with("`secrets.kye`: did you mean `key`?"));
        let said = wrong("{\"a\": \"{{ rule \"}");
        assert!(said.starts_with("body:1:18: syntax error: "), "{said}");
        assert!(wrong("\"{{ rule | uper }}\"").contains("unknown filter"));
        let endless = "\"{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}\"";
        assert!(wrong(endless).contains("fuel"), "{}", wrong(endless));
    }

    #[test]
    fn a_body_that_is_no_json_is_text_as_it_is() {
        let template =
            Template::new("{{ priority }}: {{ rule }} in {{ container.name or 'host' }}", false, &[])
                .unwrap();
        let alert = json!({"priority": "Error", "rule": "\"a\"", "container": null});
        assert_eq!(template.body(&alert, &BTreeMap::new()).unwrap(), "Error: \"a\" in host");
    }

    #[test]
    fn slack_gets_no_links_and_no_mentions() {
        let said = body(r#"{"text": "{{ rule | slack }}"}"#, &json!({"rule": "<!channel> & <http://x|y>"}));
        assert_eq!(said.unwrap()["text"], "&lt;!channel&gt; &amp; &lt;http://x|y&gt;");
    }

    /// Keys of one that the other does not have.
    fn missing(here: &Value, there: &Value, path: &str, found: &mut Vec<String>) {
        let (Some(here), Some(there)) = (here.as_object(), there.as_object()) else { return };
        for (key, value) in here {
            let path = format!("{path}.{key}");
            match there.get(key) {
                Some(_) if OPEN.contains(&key.as_str()) => {}
                Some(other) => missing(value, other, &path, found),
                None => found.push(path),
            }
        }
    }

    #[test]
    fn templates_are_tried_on_an_alert_with_every_key() {
        let sample: Value = serde_json::from_str(SAMPLE).unwrap();
        let mut found = Vec::new();
        missing(&item().alert, &sample, "", &mut found);
        assert!(found.is_empty(), "template_sample.json lacks {found:?}");
    }

    #[test]
    fn the_bodies_in_the_docs_are_bodies() {
        let docs = include_str!("../../../docs/outputs.md");
        let mut tried = 0;
        for block in
            docs.split("```").filter(|block| block.starts_with("yaml\n") && block.contains("body: |"))
        {
            let raw = crate::config::Raw::parse("docs", &block[5..]).unwrap();
            for output in raw.outputs {
                let text = output.webhook.unwrap().body.unwrap();
                Template::new(&text, true, &["key"])
                    .unwrap_or_else(|wrong| panic!("{}: {wrong}", output.name));
                tried += 1;
            }
        }
        assert_eq!(tried, 3);
    }
}
