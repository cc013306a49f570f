//! Splunk's HTTP Event Collector: events one after another in one request. It knows no ids, so what is sent again after a
//! broken connection is there twice, with the same `uuid`.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::{
    http::{Auth, Client, check_url},
    secret::Secret,
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

/// The collector's endpoint, which a URL may leave out.
const ENDPOINT: &str = "/services/collector/event";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub token: Secret,
    /// What the token says when it is not given.
    pub index: Option<String>,
    pub source_type: String,
    pub tls: Tls,
}

impl Default for Settings {
    fn default() -> Self {
        let (url, source_type) = (String::new(), "nightjar:alert".to_owned());
        Settings { url, token: Secret::default(), index: None, source_type, tls: Tls::default() }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_url(&self.url)?;
        self.token.read()?;
        self.tls.config()?;
        Ok(())
    }
}

pub struct Splunk {
    client: Client,
    index: Option<String>,
    source_type: String,
}

impl Splunk {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Splunk, TlsError> {
        let Settings { url, token, index, source_type, tls } = settings;
        let url = format!("{}{ENDPOINT}", url.trim_end_matches('/').trim_end_matches(ENDPOINT));
        let auth = Auth { token: Some(token), ..Auth::default() };
        let client = Client::new(url, BTreeMap::new(), ("Splunk", auth), &tls, timeout)?;
        Ok(Splunk { client, index, source_type })
    }
}

impl Transport for Splunk {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let mut body = String::new();
        for item in items {
            let (seconds, rest) = (item.time / 1_000_000_000, item.time % 1_000_000_000);
            let host = json!(item.text("/hostname"));
            let source_type = json!(self.source_type);
            let index = self.index.as_ref().map(|index| format!(",\"index\":{}", json!(index)));
            // The event as it is written already, and the time with more digits than a double has.
            writeln!(
                body,
                "{{\"time\":{seconds}.{rest:09},\"host\":{host},\"source\":\"nightjar\",\"sourcetype\":{source_type}{},\"event\":{}}}",
                index.unwrap_or_default(),
                item.json_body()
            )
            .map_err(Failure::again)?;
        }
        self.client.post(body.as_bytes(), &[("content-type", "application/json")])?.judge()?;
        Ok(all_taken(items))
    }
}
