//! The outputs as they are written in the configuration file, and as they are once they make sense. What a single type
//! of output can be told is in that output's own file.

use std::{collections::HashSet, time::Duration};

use nightjar_engine::rule::Priority;
use serde::Deserialize;

use super::parse;
use crate::{
    alert::schema::Format,
    output::{
        elasticsearch, file, filter::Filter, fluent, kafka, loki, nats, otlp, secret::SecretError, splunk,
        syslog, webhook,
    },
};

/// Most outputs.
pub const OUTPUTS_MAX: usize = 32;
/// Longest name of an output: it names files of the spool.
pub const NAME_MAX: usize = 64;
pub const TIMEOUT_DEFAULT: u64 = 10;
pub const TIMEOUT_MAX: u64 = 300;
pub const BATCH_DEFAULT: usize = 512;
pub const BATCH_MAX: usize = 4096;

/// One entry of `outputs`. Of the members that are named for a type, exactly one is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawOutput {
    /// What messages, counters and the spool's files call it.
    pub name: String,
    pub format: Option<Format>,
    pub only: RawFilter,
    /// How long the receiver may take to answer.
    pub timeout_secs: Option<u64>,
    /// Most alerts that are sent at once.
    pub batch: Option<usize>,

    pub file: Option<file::Settings>,
    pub syslog: Option<syslog::Settings>,
    pub webhook: Option<webhook::Settings>,
    pub elasticsearch: Option<elasticsearch::Settings>,
    pub splunk: Option<splunk::Settings>,
    pub loki: Option<loki::Settings>,
    pub otlp: Option<otlp::Settings>,
    pub fluent: Option<fluent::Settings>,
    pub nats: Option<nats::Settings>,
    pub kafka: Option<kafka::Settings>,
}

/// Which alerts an output gets: those for which each list that is not empty has a match.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawFilter {
    #[serde(deserialize_with = "parse::priority_key")]
    pub min_priority: Option<Priority>,
    /// Names, or patterns with `*`.
    pub rules: Vec<String>,
    pub tags: Vec<String>,
    pub namespaces: Vec<String>,
}

/// An output that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputConfig {
    pub name: String,
    pub format: Format,
    pub filter: Filter,
    pub timeout: Duration,
    pub batch: usize,
    pub to: To,
}

#[derive(Clone, Debug, PartialEq)]
pub enum To {
    File(file::Settings),
    Syslog(syslog::Settings),
    Webhook(webhook::Settings),
    Elasticsearch(elasticsearch::Settings),
    Splunk(splunk::Settings),
    Loki(loki::Settings),
    Otlp(otlp::Settings),
    Fluent(fluent::Settings),
    Nats(nats::Settings),
    Kafka(kafka::Settings),
}

/// The types, as they are named in the file.
pub const TYPES: [&str; 10] =
    ["file", "syslog", "webhook", "elasticsearch", "splunk", "loki", "otlp", "fluent", "nats", "kafka"];

#[derive(Debug, thiserror::Error)]
pub enum OutputConfigError {
    #[error("more than {OUTPUTS_MAX} outputs")]
    TooMany,
    #[error("output {0} has no name")]
    NoName(usize),
    #[error("output name `{0}` is not of 1 to {NAME_MAX} lower case letters, digits, `-` and `_`")]
    BadName(String),
    #[error("two outputs are named `{0}`")]
    TwoNames(String),
    #[error("output `{name}` has no type: expected one of {}", TYPES.join(", "))]
    NoType { name: String },
    #[error("output `{name}` has more than one type: {found}")]
    TwoTypes { name: String, found: String },
    #[error("output `{name}`: {key} {found} is not between 1 and {most}")]
    OutOfRange { name: String, key: &'static str, found: u64, most: u64 },
    #[error("output `{name}`: {source}")]
    Settings { name: String, source: SettingsError },
}

/// What one type of output does not accept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Tls(#[from] crate::output::tls::TlsError),
    #[error(transparent)]
    Template(#[from] crate::output::template::TemplateError),
}

impl To {
    pub fn name(&self) -> &'static str {
        match self {
            To::File(_) => "file",
            To::Syslog(_) => "syslog",
            To::Webhook(_) => "webhook",
            To::Elasticsearch(_) => "elasticsearch",
            To::Splunk(_) => "splunk",
            To::Loki(_) => "loki",
            To::Otlp(_) => "otlp",
            To::Fluent(_) => "fluent",
            To::Nats(_) => "nats",
            To::Kafka(_) => "kafka",
        }
    }

    /// What the receiver's users expect.
    fn usual_format(&self) -> Format {
        match self {
            To::Elasticsearch(_) => Format::Ecs,
            To::File(_) | To::Syslog(_) | To::Webhook(_) | To::Splunk(_) => Format::Native,
            To::Loki(_) | To::Otlp(_) | To::Fluent(_) | To::Nats(_) | To::Kafka(_) => Format::Native,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        match self {
            To::File(settings) => settings.check(),
            To::Syslog(settings) => settings.check(),
            To::Webhook(settings) => settings.check(),
            To::Elasticsearch(settings) => settings.check(),
            To::Splunk(settings) => settings.check(),
            To::Loki(settings) => settings.check(),
            To::Otlp(settings) => settings.check(),
            To::Fluent(settings) => settings.check(),
            To::Nats(settings) => settings.check(),
            To::Kafka(settings) => settings.check(),
        }
    }
}

impl RawOutput {
    fn types(self) -> Vec<To> {
        [
            self.file.map(To::File),
            self.syslog.map(To::Syslog),
            self.webhook.map(To::Webhook),
            self.elasticsearch.map(To::Elasticsearch),
            self.splunk.map(To::Splunk),
            self.loki.map(To::Loki),
            self.otlp.map(To::Otlp),
            self.fluent.map(To::Fluent),
            self.nats.map(To::Nats),
            self.kafka.map(To::Kafka),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

pub fn check(raw: Vec<RawOutput>) -> Result<Vec<OutputConfig>, OutputConfigError> {
    if raw.len() > OUTPUTS_MAX {
        return Err(OutputConfigError::TooMany);
    }
    let mut names = HashSet::new();
    let mut checked = Vec::with_capacity(raw.len());
    for (at, output) in raw.into_iter().enumerate() {
        let output = check_one(at, output)?;
        if !names.insert(output.name.clone()) {
            return Err(OutputConfigError::TwoNames(output.name));
        }
        checked.push(output);
    }
    Ok(checked)
}

fn check_one(at: usize, raw: RawOutput) -> Result<OutputConfig, OutputConfigError> {
    let name = raw.name.clone();
    if name.is_empty() {
        return Err(OutputConfigError::NoName(at + 1));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.len() > NAME_MAX || !name.bytes().all(plain) {
        return Err(OutputConfigError::BadName(name));
    }
    let within = |key, found: u64, most: u64| {
        let fits = (1..=most).contains(&found);
        fits.then_some(found).ok_or(OutputConfigError::OutOfRange { name: name.clone(), key, found, most })
    };
    let timeout = within("timeout_secs", raw.timeout_secs.unwrap_or(TIMEOUT_DEFAULT), TIMEOUT_MAX)?;
    let batch = raw.batch.unwrap_or(BATCH_DEFAULT);
    within("batch", batch as u64, BATCH_MAX as u64)?;
    let (format, filter) = (raw.format, Filter::of(raw.only.clone()));
    let mut types = raw.types();
    let to = match (types.pop(), types.as_slice()) {
        (None, _) => return Err(OutputConfigError::NoType { name }),
        (Some(to), []) => to,
        (Some(to), more) => {
            let found: Vec<_> = more.iter().chain([&to]).map(To::name).collect();
            return Err(OutputConfigError::TwoTypes { found: found.join(", "), name });
        }
    };
    to.check().map_err(|source| OutputConfigError::Settings { name: name.clone(), source })?;
    let format = format.unwrap_or_else(|| to.usual_format());
    Ok(OutputConfig { format, filter, timeout: Duration::from_secs(timeout), batch, to, name })
}

#[cfg(test)]
mod tests {
    use super::{super::Raw, *};

    fn checked(yaml: &str) -> Result<Vec<OutputConfig>, String> {
        let raw = Raw::parse("c.yaml", yaml).map_err(|wrong| wrong.to_string())?;
        check(raw.outputs).map_err(|error| error.to_string())
    }

    #[test]
    fn an_output_has_a_name_and_exactly_one_type() {
        let one = checked("outputs: [{name: log, file: {path: /var/log/x.json}}]").unwrap();
        assert_eq!((one[0].name.as_str(), one[0].to.name(), one[0].format), ("log", "file", Format::Native));
        let wrong = |yaml: &str| checked(yaml).unwrap_err();
        assert_eq!(wrong("outputs: [{file: {path: /x}}]"), "output 1 has no name");
        assert!(wrong("outputs: [{name: a}]").contains("`a` has no type: expected one of file, syslog"));
        assert!(
            wrong("outputs: [{name: a, file: {path: /x}, syslog: {address: 'h:1'}}]")
                .ends_with("file, syslog")
        );
        assert!(wrong("outputs: [{name: A/b, file: {path: /x}}]").starts_with("output name `A/b`"));
        let twice = "outputs: [{name: a, file: {path: /x}}, {name: a, file: {path: /y}}]";
        assert_eq!(wrong(twice), "two outputs are named `a`");
        assert!(wrong("outputs: [{name: a, batch: 0, file: {path: /x}}]").contains("batch 0 is not between"));
    }

    #[test]
    fn a_wrong_key_of_an_output_is_told_with_its_place_and_a_guess() {
        let wrong = checked("outputs:\n  - name: a\n    file:\n      paht: /x\n").unwrap_err();
        assert_eq!(wrong, "c.yaml:4:7: unknown key `paht`: did you mean `path`?");
        let wrong = checked("outputs:\n  - name: a\n    elasticserch: {}\n").unwrap_err();
        assert_eq!(wrong, "c.yaml:3:5: unknown key `elasticserch`: did you mean `elasticsearch`?");
        let wrong = checked("outputs:\n  - name: a\n    format: esc\n").unwrap_err();
        assert!(wrong.contains("did you mean `ecs`?"), "{wrong}");
    }
}
