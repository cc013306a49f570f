//! Elasticsearch and OpenSearch: the `_bulk` request, into an index or a data stream. Each document's id is the alert's
//! key, so what was sent twice is there once.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    http::{Auth, Client, check_url},
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict},
};
use crate::config::SettingsError;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// An index, an alias or a data stream.
    pub index: String,
    pub headers: BTreeMap<String, String>,
    /// The token is an API key.
    pub auth: Auth,
    pub tls: Tls,
}

impl Default for Settings {
    fn default() -> Self {
        let index = "logs-nightjar.alerts-default".to_owned();
        Settings {
            url: String::new(),
            index,
            headers: BTreeMap::new(),
            auth: Auth::default(),
            tls: Tls::default(),
        }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_url(&self.url)?;
        self.auth.check()?;
        self.tls.config()?;
        let wrong = |c: char| c.is_uppercase() || c.is_whitespace() || "\\/*?\"<>|,#:".contains(c);
        if self.index.is_empty() || self.index.starts_with(['-', '_', '+']) || self.index.contains(wrong) {
            return Err(SettingsError::Wrong(format!("`{}` cannot be the name of an index", self.index)));
        }
        Ok(())
    }
}

pub struct Elasticsearch {
    client: Client,
    index: String,
}

/// The answer to `_bulk`: one item for each document, in order.
#[derive(Deserialize)]
struct Answer {
    items: Vec<BTreeMap<String, Done>>,
}

#[derive(Deserialize)]
struct Done {
    status: u16,
    #[serde(default)]
    error: Value,
}

impl Elasticsearch {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Elasticsearch, TlsError> {
        let Settings { url, index, headers, auth, tls } = settings;
        let url = format!("{}/_bulk", url.trim_end_matches('/'));
        Ok(Elasticsearch { client: Client::new(url, headers, ("ApiKey", auth), &tls, timeout)?, index })
    }
}

impl Transport for Elasticsearch {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let mut body = String::new();
        for item in items {
            // `create`, since a data stream takes nothing else; it fails where the id is there already.
            let action = json!({"create": {"_index": self.index, "_id": item.key}});
            writeln!(body, "{action}\n{}", item.body).map_err(Failure::again)?;
        }
        let answer = self.client.post(body.as_bytes(), &[("content-type", "application/x-ndjson")])?;
        answer.judge()?;
        let done: Answer = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::Again(format!("not an answer to _bulk: {}", answer.shown())))?;
        Ok(done.items.iter().flat_map(BTreeMap::values).map(Done::verdict).collect())
    }
}

impl Done {
    fn verdict(&self) -> Verdict {
        let why = || {
            let text = |key: &str| self.error.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("status {}: {}: {}", self.status, text("type"), text("reason"))
        };
        match self.status {
            // It is there already.
            200..=299 | 409 => Verdict::Taken,
            400 | 413 | 422 => Verdict::Refused(why()),
            _ => Verdict::Again(why()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_has_its_own_verdict_and_one_that_is_there_already_is_taken() {
        let answer: Answer = serde_json::from_value(json!({"errors": true, "items": [
            {"create": {"status": 201}},
            {"create": {"status": 409, "error": {"type": "version_conflict_engine_exception"}}},
            {"create": {"status": 400, "error": {"type": "document_parsing_exception", "reason": "no"}}},
            {"create": {"status": 429, "error": {"type": "es_rejected_execution_exception"}}},
        ]}))
        .unwrap();
        let verdicts: Vec<_> = answer.items.iter().flat_map(BTreeMap::values).map(Done::verdict).collect();
        assert_eq!(verdicts[..2], [Verdict::Taken, Verdict::Taken]);
        assert_eq!(verdicts[2], Verdict::Refused("status 400: document_parsing_exception: no".into()));
        assert!(matches!(verdicts[3], Verdict::Again(_)));
    }

    #[test]
    fn an_index_that_cannot_be_is_refused_at_start() {
        let settings =
            |index: &str| Settings { url: "http://x".into(), index: index.into(), ..Settings::default() };
        settings("logs-nightjar-default").check().unwrap();
        for index in ["", "Upper", "_x", "a b", "a/b", "a,b"] {
            assert!(settings(index).check().is_err(), "{index}");
        }
    }
}
