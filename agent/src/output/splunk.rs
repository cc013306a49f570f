//! Splunk's HTTP Event Collector: events one after another in one request; with `ack` they count as delivered once the
//! indexers have them. It knows no ids, so what is sent again after a broken connection is there twice, with the same
//! `uuid`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    thread,
    time::{Duration, Instant},
};

use rustix::rand::{GetRandomFlags, getrandom};
use serde::Deserialize;
use serde_json::json;
use uuid::{Builder, Uuid};

use super::{
    http::{self, Auth, Client, check_url},
    secret::Secret,
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

/// The collector's endpoint, which a URL may leave out.
const ENDPOINT: &str = "/services/collector/event";
/// Where it says which requests are indexed.
const ACK_ENDPOINT: &str = "/services/collector/ack";
const CHANNEL: &str = "x-splunk-request-channel";
/// Pauses between two questions; each is twice as long as the one before.
const ASK_FIRST: Duration = Duration::from_millis(50);
const ASK_LONGEST: Duration = Duration::from_secs(2);
/// The collector's codes for events that it will never take. Others with status 400 are about the token, the channel or
/// the index, which somebody may put right.
const WRONG_EVENT: [u64; 4] = [6, 12, 13, 15];

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub token: Secret,
    /// What the token says when it is not given.
    pub index: Option<String>,
    pub source_type: String,
    /// Whether to wait for the indexers; the token must allow it.
    pub ack: bool,
    pub tls: Tls,
}

impl Default for Settings {
    fn default() -> Self {
        let (url, source_type) = (String::new(), "nightjar:alert".to_owned());
        Settings { url, token: Secret::default(), index: None, source_type, ack: false, tls: Tls::default() }
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
    ack: Option<Ack>,
}

struct Ack {
    url: String,
    channel: String,
    patience: Duration,
}

/// What the collector answers to events.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    code: u64,
    ack_id: Option<u64>,
}

/// By the ids that it was asked for.
#[derive(Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

impl Splunk {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Splunk, TlsError> {
        let Settings { url, token, index, source_type, ack, tls } = settings;
        let base = url.trim_end_matches('/').trim_end_matches(ENDPOINT);
        let channel = channel().to_string();
        let ack_url = format!("{base}{ACK_ENDPOINT}?channel={channel}");
        let ack = ack.then_some(Ack { url: ack_url, channel, patience: timeout });
        let url = format!("{base}{ENDPOINT}");
        let auth = Auth { token: Some(token), ..Auth::default() };
        let client = Client::new(url, BTreeMap::new(), ("Splunk", auth), &tls, timeout)?;
        Ok(Splunk { client, index, source_type, ack })
    }

    /// Waits until the indexers have what was sent.
    fn wait(&self, ack: &Ack, id: Option<u64>) -> Result<(), Failure> {
        let Some(id) = id else {
            return Err(Failure::Again(
                "the collector gave no id to acknowledge: the token has no indexer acknowledgement"
                    .to_owned(),
            ));
        };
        let (until, mut pause) = (Instant::now() + ack.patience, ASK_FIRST);
        let question = json!({ "acks": [id] }).to_string();
        loop {
            let headers = [("content-type", "application/json"), (CHANNEL, &ack.channel)];
            let answer = self.client.post_to(&ack.url, question.as_bytes(), &headers)?;
            answer.judge().map_err(|failure| match failure {
                Failure::Refused(why) | Failure::Again(why) => Failure::Again(why),
            })?;
            let Acks { acks } = serde_json::from_slice(&answer.body).map_err(Failure::again)?;
            if acks.get(&id.to_string()) == Some(&true) {
                return Ok(());
            }
            if Instant::now() + pause > until {
                return Err(Failure::Again(format!(
                    "the indexers did not acknowledge it within {:?}",
                    ack.patience
                )));
            }
            #[expect(clippy::disallowed_methods, reason = "the collector only tells who asks again")]
            thread::sleep(pause);
            pause = (pause * 2).min(ASK_LONGEST);
        }
    }
}

/// A channel of our own, as long as this output works.
fn channel() -> Uuid {
    let mut bytes = [0; 16];
    match getrandom(&mut bytes, GetRandomFlags::NONBLOCK) {
        Ok(_) => Builder::from_random_bytes(bytes).into_uuid(),
        // Before the kernel has randomness: one that others may have too, which costs acknowledgements and no alerts.
        Err(_) => Uuid::nil(),
    }
}

fn judge(answer: &http::Answer) -> Result<Answer, Failure> {
    let said: Answer = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.judge() {
        Ok(()) => Ok(said),
        Err(Failure::Refused(why)) if answer.status == 400 && !WRONG_EVENT.contains(&said.code) => {
            Err(Failure::Again(why))
        }
        Err(failure) => Err(failure),
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
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(self.ack.iter().map(|ack| (CHANNEL, ack.channel.as_str())));
        let answer = judge(&self.client.post(body.as_bytes(), &headers)?)?;
        if let Some(ack) = &self.ack {
            self.wait(ack, answer.ack_id)?;
        }
        Ok(all_taken(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_an_event_is_refused_for_ever() {
        let said = |status, code: u64| {
            judge(&http::Answer {
                status,
                body: json!({"text": "no", "code": code}).to_string().into_bytes(),
            })
        };
        assert!(said(200, 0).is_ok());
        assert!(matches!(said(400, 6), Err(Failure::Refused(_))));
        // A wrong index, and no channel where the token wants one.
        assert!(matches!((said(400, 7), said(400, 10)), (Err(Failure::Again(_)), Err(Failure::Again(_)))));
        assert!(matches!(said(403, 4), Err(Failure::Again(_))));
        assert!(matches!(said(413, 27), Err(Failure::Refused(_))));
    }
}
