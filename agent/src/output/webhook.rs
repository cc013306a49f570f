//! HTTP webhook: a POST whose body is a JSON array of the alerts, or what a template makes of one; signed where a secret is
//! given.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use ring::hmac;
use serde::Deserialize;

use super::{
    OpenError,
    http::{Auth, Client, check_url},
    secret::{Secret, SecretError},
    template::{Template, TemplateError},
    tls::Tls,
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
    /// Where the URL is, when it is a secret.
    pub url_from: Option<Secret>,
    pub headers: BTreeMap<String, String>,
    pub auth: Auth,
    /// Signs each body.
    pub secret: Option<Secret>,
    /// Whether each alert is a request of its own, with the alert itself as the body.
    pub single: bool,
    /// A template for the body; each alert is then a request of its own.
    pub body: Option<String>,
    /// What the template may say as `secrets.NAME`.
    pub secrets: BTreeMap<String, Secret>,
    pub content_type: Option<String>,
    pub tls: Tls,
}

const JSON: &str = "application/json";

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |text: &str| Err(SettingsError::Wrong(text.to_owned()));
        match &self.url_from {
            None => check_url(&self.url)?,
            Some(_) if !self.url.is_empty() => return wrong("there is a `url` and a `url_from`"),
            Some(secret) => match check_url(&secret.read()?) {
                Ok(()) => {}
                Err(_) => return wrong("`url_from` has no URL that begins with http:// or https://"),
            },
        }
        let template = self.template()?;
        if template.is_none() && (self.content_type.is_some() || !self.secrets.is_empty()) {
            return wrong("`content_type` and `secrets` belong to a `body`");
        }
        self.secrets.values().try_for_each(|secret| secret.read().map(drop))?;
        self.auth.check()?;
        self.secret.as_ref().map(Secret::read).transpose()?;
        self.tls.config()?;
        Ok(())
    }

    fn content_type(&self) -> &str {
        self.content_type.as_deref().unwrap_or(JSON)
    }

    fn template(&self) -> Result<Option<Template>, TemplateError> {
        let json = self.content_type().contains("json");
        let secrets: Vec<&str> = self.secrets.keys().map(String::as_str).collect();
        self.body.as_deref().map(|body| Template::new(body, json, &secrets)).transpose()
    }
}

pub struct Webhook {
    client: Client,
    settings: Settings,
    template: Option<Template>,
}

impl Webhook {
    pub fn new(mut settings: Settings, timeout: Duration) -> Result<Webhook, OpenError> {
        let headers = std::mem::take(&mut settings.headers);
        let auth = std::mem::take(&mut settings.auth);
        let client = Client::new(settings.url.clone(), headers, ("Bearer", auth), &settings.tls, timeout)?;
        let template = settings.template()?;
        Ok(Webhook { client, settings, template })
    }

    fn post(&self, body: &str, key: &str) -> Result<(), Failure> {
        let read = |secret: &Option<Secret>| secret.as_ref().map(Secret::read).transpose();
        let mut headers = vec![("content-type", self.settings.content_type()), (KEY, key)];
        let secret = read(&self.settings.secret).map_err(Failure::again)?;
        let signature = secret.map(|secret| signature(secret.as_bytes(), body.as_bytes()));
        if let Some(signature) = &signature {
            headers.push((SIGNATURE, signature));
        }
        match read(&self.settings.url_from).map_err(Failure::again)? {
            Some(url) => self.client.post_to(&url, body.as_bytes(), &headers)?.judge(),
            None => self.client.post(body.as_bytes(), &headers)?.judge(),
        }
    }

    /// What is sent of one alert.
    fn body<'i>(&self, item: &'i Item) -> Result<Cow<'i, str>, Failure> {
        let Some(template) = &self.template else { return Ok(Cow::Borrowed(&item.body)) };
        let secrets = self.settings.secrets.iter().map(|(name, secret)| Ok((name.as_str(), secret.read()?)));
        let secrets = secrets.collect::<Result<_, SecretError>>().map_err(Failure::again)?;
        let body = template.body(&item.alert, &secrets);
        body.map(Cow::Owned).map_err(|error| Failure::Refused(error.to_string()))
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
        if !self.settings.single && self.template.is_none() {
            let bodies: Vec<_> = items.iter().map(Item::json_body).collect();
            let key = items.last().map_or("", |item| &item.key);
            self.post(&format!("[{}]", bodies.join(",\n")), key)?;
            return Ok(all_taken(items));
        }
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            match self.body(item).and_then(|body| self.post(&body, &item.key)) {
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
