//! NATS JetStream: each alert is published with its key as the message id and counts as delivered when a stream has
//! acknowledged it. Only what publishing needs of the protocol is here.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    http::Auth,
    stream::{Stream, check_address},
    tls::Tls,
    transport::{Failure, Item, Transport, Verdict},
};
use crate::config::SettingsError;

/// Longest line and longest acknowledgement that a server may send, in bytes.
const LINE_MAX: u64 = 64 << 10;
/// Where acknowledgements go: a word of our own, and the place of the alert in its batch.
const INBOX: &str = "_INBOX.nightjar";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub address: String,
    /// A stream must be there that takes it.
    pub subject: String,
    pub auth: Auth,
    /// TLS is used when this is there, be it empty.
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        let (address, subject) = (String::new(), "nightjar.alerts".to_owned());
        Settings { address, subject, auth: Auth::default(), tls: None }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_address(&self.address)?;
        self.auth.check()?;
        self.tls.as_ref().map(Tls::config).transpose()?;
        let wrong = |c: char| c.is_whitespace() || c.is_control() || "*>".contains(c);
        if self.subject.is_empty() || self.subject.contains(wrong) {
            return Err(SettingsError::Wrong(format!("`{}` is no subject to publish to", self.subject)));
        }
        Ok(())
    }
}

pub struct Nats {
    settings: Settings,
    timeout: Duration,
    connection: Option<Connection>,
    /// Batches so far: tells an acknowledgement that comes late from one that is waited for.
    batches: u64,
}

struct Connection {
    stream: BufReader<Stream>,
    /// Bytes that the server takes of one message.
    payload_max: usize,
}

/// What the server says of itself.
#[derive(Deserialize)]
struct Info {
    max_payload: usize,
}

/// What a stream says of a message.
#[derive(Deserialize)]
struct Ack {
    error: Option<Value>,
}

/// What the server sends, as far as it matters.
enum Said {
    /// An acknowledgement, or that nobody took the message.
    Message {
        subject: String,
        headers: String,
        payload: Vec<u8>,
    },
    Ping,
    Pong,
    Error(String),
    Other,
}

impl Nats {
    pub fn new(settings: Settings, timeout: Duration) -> Nats {
        Nats { settings, timeout, connection: None, batches: 0 }
    }

    fn connect(&self) -> Result<Connection, Failure> {
        let mut connection = BufReader::new(Stream::tcp(&self.settings.address, None, self.timeout)?);
        let greeting = line(&mut connection)?;
        let info = greeting.strip_prefix("INFO ").and_then(|info| serde_json::from_str(info).ok());
        let Some(Info { max_payload: payload_max }) = info else {
            return Err(Failure::Again(format!("greeted with {greeting:?}, not INFO")));
        };
        if let Some(tls) = &self.settings.tls {
            // The server has said in clear what it is; everything after that is not.
            let clear = connection.into_inner();
            connection = BufReader::new(clear.into_tls(&self.settings.address, tls, self.timeout)?);
        }
        let mut options = json!({"verbose": false, "pedantic": false, "headers": true, "no_responders": true,
            "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "name": "nightjar"});
        let secret = |secret: &super::secret::Secret| secret.read().map_err(Failure::again);
        if let Some(token) = &self.settings.auth.token {
            options["auth_token"] = json!(secret(token)?);
        }
        if let (Some(user), Some(password)) = (&self.settings.auth.username, &self.settings.auth.password) {
            options["user"] = json!(user);
            options["pass"] = json!(secret(password)?);
        }
        let hello = format!("CONNECT {options}\r\nSUB {INBOX}.> 1\r\nPING\r\n");
        write(&mut connection, hello.as_bytes())?;
        loop {
            match said(&mut connection)? {
                Said::Pong => return Ok(Connection { stream: connection, payload_max }),
                Said::Ping => write(&mut connection, b"PONG\r\n")?,
                Said::Error(why) => return Err(Failure::Again(why)),
                Said::Message { .. } | Said::Other => {}
            }
        }
    }

    /// Publishes all, then waits for as many acknowledgements.
    fn publish(&mut self, connection: &mut Connection, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        self.batches += 1;
        let (subject, batch) = (&self.settings.subject, self.batches);
        let Connection { stream, payload_max } = connection;
        let mut verdicts = HashMap::new();
        let mut out = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let headers = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\n\r\n", item.key);
            let (head, all) = (headers.len(), headers.len() + item.body.len());
            if all > *payload_max {
                // The server would end the connection.
                let why = format!("{all} bytes, of which the server takes {payload_max}");
                verdicts.insert(at, Verdict::Refused(why));
                continue;
            }
            out.extend(format!("HPUB {subject} {INBOX}.{batch}.{at} {head} {all}\r\n{headers}").into_bytes());
            out.extend(item.body.as_bytes());
            out.extend(b"\r\n");
        }
        write(stream, &out)?;
        while verdicts.len() < items.len() {
            match said(stream)? {
                Said::Message { subject, headers, payload } => {
                    let place =
                        subject.strip_prefix(&format!("{INBOX}.{batch}.")).and_then(|at| at.parse().ok());
                    // One of an earlier batch is late.
                    if let Some(place) = place.filter(|place: &usize| *place < items.len()) {
                        verdicts.insert(place, verdict(&headers, &payload));
                    }
                }
                Said::Ping => write(stream, b"PONG\r\n")?,
                Said::Error(why) => return Err(Failure::Again(why)),
                Said::Pong | Said::Other => {}
            }
        }
        Ok((0..items.len()).filter_map(|place| verdicts.remove(&place)).collect())
    }
}

fn verdict(headers: &str, payload: &[u8]) -> Verdict {
    if headers.starts_with("NATS/1.0 503") {
        return Verdict::Again("no stream takes this subject".to_owned());
    }
    match serde_json::from_slice::<Ack>(payload) {
        Ok(Ack { error: None }) => Verdict::Taken,
        Ok(Ack { error: Some(error) }) => {
            let too_long = error.get("err_code").and_then(Value::as_u64) == Some(10_054);
            if too_long { Verdict::Refused(error.to_string()) } else { Verdict::Again(error.to_string()) }
        }
        Err(error) => Verdict::Again(format!("not an acknowledgement: {error}")),
    }
}

fn write(connection: &mut BufReader<Stream>, bytes: &[u8]) -> Result<(), Failure> {
    let stream = connection.get_mut();
    stream.write_all(bytes).and_then(|()| stream.flush()).map_err(Failure::again)
}

fn line(connection: &mut BufReader<Stream>) -> Result<String, Failure> {
    let mut text = String::new();
    connection.take(LINE_MAX).read_line(&mut text).map_err(Failure::again)?;
    if !text.ends_with('\n') {
        return Err(Failure::Again("the server closed the connection".to_owned()));
    }
    Ok(text.trim_end().to_owned())
}

fn said(connection: &mut BufReader<Stream>) -> Result<Said, Failure> {
    let line = line(connection)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let length = |at: usize| words.get(words.len() - at).and_then(|word| word.parse::<u64>().ok());
    let (head, all) = match words.first().copied() {
        Some("MSG") if words.len() >= 4 => (Some(0), length(1)),
        Some("HMSG") if words.len() >= 5 => (length(2), length(1)),
        Some("PING") => return Ok(Said::Ping),
        Some("PONG") => return Ok(Said::Pong),
        Some("-ERR") => return Ok(Said::Error(line)),
        Some(_) | None => return Ok(Said::Other),
    };
    let (Some(head), Some(all)) = (head, all.filter(|all| *all <= LINE_MAX)) else {
        return Err(Failure::Again(format!("cannot be understood: {line:?}")));
    };
    let mut bytes = vec![0; usize::try_from(all + 2).map_err(Failure::again)?];
    connection.read_exact(&mut bytes).map_err(Failure::again)?;
    let whole = &bytes[..bytes.len() - 2];
    let (headers, payload) = whole.split_at(usize::try_from(head).unwrap_or(0).min(whole.len()));
    Ok(Said::Message {
        subject: words[1].to_owned(),
        headers: String::from_utf8_lossy(headers).into_owned(),
        payload: payload.to_vec(),
    })
}

impl Transport for Nats {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let held = self.connection.take();
        let held =
            held.and_then(|mut connection| (!connection.stream.get_mut().is_closed()).then_some(connection));
        let mut connection = held.map_or_else(|| self.connect(), Ok)?;
        let verdicts = self.publish(&mut connection, items)?;
        self.connection = Some(connection);
        Ok(verdicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_streams_word_is_an_acknowledgement() {
        assert_eq!(verdict("", br#"{"stream":"S","seq":1}"#), Verdict::Taken);
        assert_eq!(verdict("", br#"{"stream":"S","seq":1,"duplicate":true}"#), Verdict::Taken);
        assert!(matches!(verdict("NATS/1.0 503\r\n\r\n", b""), Verdict::Again(_)));
        let full = br#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}"#;
        assert!(matches!(verdict("", full), Verdict::Again(_)));
        let long = br#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#;
        assert!(matches!(verdict("", long), Verdict::Refused(_)));
    }

    #[test]
    fn a_subject_is_one_that_can_be_published_to() {
        let settings = |subject: &str| Settings {
            address: "h:4222".into(),
            subject: subject.into(),
            ..Settings::default()
        };
        settings("nightjar.alerts").check().unwrap();
        for subject in ["", "a b", "a.*", "a.>", "a\r\nPUB x"] {
            assert!(settings(subject).check().is_err(), "{subject}");
        }
    }
}
