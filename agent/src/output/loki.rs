//! Loki's push request. Labels are few and have few values, as Loki wants them: the node, the priority, and what the
//! configuration adds. Two lines that are the same in labels, time and text are one to Loki, so what was sent twice is there
//! once.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    http::{Auth, Client, check_url},
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

const ENDPOINT: &str = "/loki/api/v1/push";

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// Added to `job`, `node` and `priority`.
    pub labels: BTreeMap<String, String>,
    /// `X-Scope-OrgID` names the tenant.
    pub headers: BTreeMap<String, String>,
    pub auth: Auth,
    pub tls: Tls,
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_url(&self.url)?;
        self.auth.check()?;
        self.tls.config()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self.labels.keys().find(|name| name.is_empty() || !name.chars().all(plain)) {
            Some(name) => Err(SettingsError::Wrong(format!("`{name}` cannot be the name of a label"))),
            None => Ok(()),
        }
    }
}

pub struct Loki {
    client: Client,
    labels: BTreeMap<String, String>,
}

impl Loki {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Loki, TlsError> {
        let Settings { url, labels, headers, auth, tls } = settings;
        let base = url.trim_end_matches('/');
        // A URL with a path of its own is that of a receiver that takes Loki's request elsewhere.
        let url = if base.ends_with("/push") { base.to_owned() } else { format!("{base}{ENDPOINT}") };
        Ok(Loki { client: Client::new(url, headers, ("Bearer", auth), &tls, timeout)?, labels })
    }

    fn labels(&self, item: &Item) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.entry("job".into()).or_insert_with(|| "nightjar".into());
        labels.insert("node".into(), item.text("/hostname").into());
        labels.insert("priority".into(), item.priority.name().to_lowercase());
        labels
    }
}

impl Transport for Loki {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let mut streams: BTreeMap<BTreeMap<String, String>, Vec<Value>> = BTreeMap::new();
        for item in items {
            streams.entry(self.labels(item)).or_default().push(json!([item.time.to_string(), item.body]));
        }
        let streams: Vec<_> =
            streams.iter().map(|(labels, values)| json!({"stream": labels, "values": values})).collect();
        let body = json!({ "streams": streams }).to_string();
        self.client.post(body.as_bytes(), &[("content-type", "application/json")])?.judge()?;
        Ok(all_taken(items))
    }
}
