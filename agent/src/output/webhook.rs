//! HTTP webhook: a POST whose body is a JSON array of the alerts, signed where a secret is given.

use std::{collections::BTreeMap, time::Duration};

use ring::hmac;
use serde::Deserialize;

use super::{
    http::{Auth, Client, check_url},
    secret::Secret,
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

/// `sha256=` and the HMAC of the body, in hexadecimal digits.
pub const SIGNATURE: &str = "x-nightjar-signature";
/// The alert's own key, or that of the last of several.
pub const KEY: &str = "idempotency-key";

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub auth: Auth,
    /// Signs each body.
    pub secret: Option<Secret>,
    /// Whether each alert is a request of its own, with the alert itself as the body.
    pub single: bool,
    pub tls: Tls,
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_url(&self.url)?;
        self.auth.check()?;
        self.secret.as_ref().map(Secret::read).transpose()?;
        self.tls.config()?;
        Ok(())
    }
}

pub struct Webhook {
    client: Client,
    secret: Option<Secret>,
    single: bool,
}

impl Webhook {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Webhook, TlsError> {
        let Settings { url, headers, auth, secret, single, tls } = settings;
        Ok(Webhook { client: Client::new(url, headers, ("Bearer", auth), &tls, timeout)?, secret, single })
    }

    fn post(&self, body: &str, key: &str) -> Result<(), Failure> {
        let mut headers = vec![("content-type", "application/json"), (KEY, key)];
        let secret = self.secret.as_ref().map(Secret::read).transpose().map_err(Failure::again)?;
        let signature = secret.map(|secret| signature(secret.as_bytes(), body.as_bytes()));
        if let Some(signature) = &signature {
            headers.push((SIGNATURE, signature));
        }
        self.client.post(body.as_bytes(), &headers)?.judge()
    }
}

/// What a receiver that knows the secret computes too.
pub fn signature(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

impl Transport for Webhook {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        if !self.single {
            let bodies: Vec<_> = items.iter().map(Item::json_body).collect();
            let key = items.last().map_or("", |item| &item.key);
            self.post(&format!("[{}]", bodies.join(",\n")), key)?;
            return Ok(all_taken(items));
        }
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            match self.post(&item.body, &item.key) {
                Ok(()) => verdicts.push(Verdict::Taken),
                Err(Failure::Refused(why)) => verdicts.push(Verdict::Refused(why)),
                Err(Failure::Again(why)) => {
                    // The next ones would only hear the same.
                    verdicts.resize(items.len(), Verdict::Again(why));
                    break;
                }
            }
        }
        Ok(verdicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), expected);
    }
}
