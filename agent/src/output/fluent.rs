//! The Fluent forward protocol, version 1, as Fluentd and Fluent Bit speak it: one message for each batch, which the
//! receiver acknowledges by the batch's id; a shared key where it wants one.

use std::{collections::BTreeMap, io::Write, time::Duration};

use ring::digest;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    secret::Secret,
    stream::{Stream, check_address},
    tls::Tls,
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub address: String,
    pub tag: String,
    /// What both ends know.
    pub shared_key: Option<Secret>,
    /// TLS is used when this is there, be it empty.
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        let (address, tag) = (String::new(), "nightjar.alert".to_owned());
        Settings { address, tag, shared_key: None, tls: None }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_address(&self.address)?;
        self.shared_key.as_ref().map(Secret::read).transpose()?;
        self.tls.as_ref().map(Tls::config).transpose()?;
        Ok(())
    }
}

pub struct Fluent {
    settings: Settings,
    timeout: Duration,
    stream: Option<Stream>,
}

/// A time with nanoseconds, as the protocol's extension type 0.
#[derive(Serialize)]
#[serde(rename = "_ExtStruct")]
struct EventTime((i8, bytes::Bytes));

#[derive(Serialize)]
struct Options<'a> {
    chunk: &'a str,
    size: usize,
}

#[derive(Deserialize)]
struct Ack {
    ack: String,
}

#[derive(Deserialize)]
struct Helo(String, HeloOptions);

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeloOptions {
    nonce: bytes::Bytes,
}

#[derive(Deserialize)]
struct Pong(#[expect(dead_code, reason = "says PONG")] String, bool, String, String, String);

impl Fluent {
    pub fn new(settings: Settings, timeout: Duration) -> Fluent {
        Fluent { settings, timeout, stream: None }
    }

    fn connect(&self) -> Result<Stream, Failure> {
        let mut stream = Stream::tcp(&self.settings.address, self.settings.tls.as_ref(), self.timeout)?;
        if let Some(key) = &self.settings.shared_key {
            let key = key.read().map_err(Failure::again)?;
            shake_hands(&mut stream, &key)?;
        }
        Ok(stream)
    }

    fn exchange(&mut self, message: &[u8], chunk: &str) -> Result<(), Failure> {
        let held = self.stream.take().and_then(|mut stream| (!stream.is_closed()).then_some(stream));
        let mut stream = held.map_or_else(|| self.connect(), Ok)?;
        stream.write_all(message).and_then(|()| stream.flush()).map_err(Failure::again)?;
        let Ack { ack } = rmp_serde::from_read(&mut stream).map_err(Failure::again)?;
        if ack != chunk {
            return Err(Failure::Again(format!("acknowledged {ack}, not {chunk}")));
        }
        self.stream = Some(stream);
        Ok(())
    }
}

/// HELO, PING, PONG: each end shows that it knows the key without saying it.
fn shake_hands(stream: &mut Stream, key: &str) -> Result<(), Failure> {
    let Helo(word, HeloOptions { nonce }) = rmp_serde::from_read(&mut *stream).map_err(Failure::again)?;
    if word != "HELO" {
        return Err(Failure::Again(format!("greeted with {word}, not HELO")));
    }
    let mut salt = [0; 16];
    getrandom(&mut salt, GetRandomFlags::empty()).map_err(|e| Failure::again(std::io::Error::from(e)))?;
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let proof = |of: &str| hex(&[&salt, of.as_bytes(), &nonce, key.as_bytes()]);
    let salt_bytes = bytes::Bytes::copy_from_slice(&salt);
    let ping = ("PING", &hostname, salt_bytes, proof(&hostname), "", "");
    let ping = rmp_serde::to_vec(&ping).map_err(Failure::again)?;
    stream.write_all(&ping).and_then(|()| stream.flush()).map_err(Failure::again)?;
    let Pong(_, welcome, why, server, answer) = rmp_serde::from_read(&mut *stream).map_err(Failure::again)?;
    if !welcome {
        return Err(Failure::Again(format!("not let in: {why}")));
    }
    if answer != proof(&server) {
        return Err(Failure::Again(format!("{server} does not know the shared key")));
    }
    Ok(())
}

/// SHA-512 of the parts one after another.
fn hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA512);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event_time(time: u64) -> EventTime {
    let (seconds, rest) = (time / 1_000_000_000, time % 1_000_000_000);
    let mut bytes = Vec::with_capacity(8);
    bytes.extend(u32::try_from(seconds).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend((rest as u32).to_be_bytes());
    EventTime((0, bytes.into()))
}

/// A record is an object: a text becomes one with a single key.
fn record(item: &Item) -> Value {
    serde_json::from_str(&item.body)
        .unwrap_or_else(|_| Value::from_iter(BTreeMap::from([("message".to_owned(), item.body.clone())])))
}

impl Transport for Fluent {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let entries: Vec<_> = items.iter().map(|item| (event_time(item.time), record(item))).collect();
        // The same batch has the same id again.
        let keys: Vec<_> = items.iter().map(|item| item.key.as_bytes()).collect();
        let chunk = hex(&keys)[..32].to_owned();
        let options = Options { chunk: &chunk, size: items.len() };
        let message = (&self.settings.tag, entries, options);
        let message = rmp_serde::to_vec_named(&message).map_err(Failure::again)?;
        self.exchange(&message, &chunk)?;
        Ok(all_taken(items))
    }
}
