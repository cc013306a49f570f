//! HTTP as the outputs use it: one POST at a time over a connection that is kept, and a reading of what the status means.

use std::{collections::BTreeMap, io::Read, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use ureq::{Agent, http::Uri};

use super::{
    secret::{Secret, SecretError},
    tls::{Tls, TlsError},
    transport::Failure,
};
use crate::config::SettingsError;

/// Bytes of an answer that are read. An answer that names every item of a batch fits.
const ANSWER_MAX: u64 = 8 << 20;
/// Characters of an answer that a message shows.
const SHOWN_MAX: usize = 200;

/// How a receiver is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    pub username: Option<String>,
    /// Goes with `username`.
    pub password: Option<Secret>,
    /// Instead of the two.
    pub token: Option<Secret>,
}

impl Auth {
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |text: &str| Err(SettingsError::Wrong(text.to_owned()));
        match (&self.username, &self.password, &self.token) {
            (None, None, None) => Ok(()),
            (Some(_), Some(secret), None) | (None, None, Some(secret)) => {
                secret.read().map(drop).map_err(Into::into)
            }
            (Some(_), None, _) => wrong("`username` wants a `password`"),
            (None, Some(_), _) => wrong("`password` wants a `username`"),
            (Some(_), Some(_), Some(_)) => wrong("`auth` is either `username` and `password`, or `token`"),
        }
    }

    /// `scheme` is what stands before a token.
    pub(super) fn header(&self, scheme: &str) -> Result<Option<String>, SecretError> {
        if let Some(token) = &self.token {
            return Ok(Some(format!("{scheme} {}", token.read()?)));
        }
        let (Some(username), Some(password)) = (&self.username, &self.password) else { return Ok(None) };
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.read()?));
        Ok(Some(format!("Basic {pair}")))
    }
}

/// Where to, without what a path adds.
pub fn check_url(url: &str) -> Result<(), SettingsError> {
    let fits = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    match url.parse::<Uri>() {
        Ok(uri) if fits(&uri) => Ok(()),
        Ok(_) | Err(_) => {
            Err(SettingsError::Wrong(format!("`{url}` is not a URL that begins with http:// or https://")))
        }
    }
}

pub struct Client {
    agent: Agent,
    url: String,
    headers: BTreeMap<String, String>,
    auth: Auth,
    scheme: &'static str,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(
        url: String,
        headers: BTreeMap<String, String>,
        (scheme, auth): (&'static str, Auth),
        tls: &Tls,
        timeout: Duration,
    ) -> Result<Client, TlsError> {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("nightjar/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.of_http()?);
        Ok(Client { agent: config.build().new_agent(), url, headers, auth, scheme })
    }

    /// The answer, whatever its status.
    pub fn post(&self, body: &[u8], headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.post_to(&self.url, body, headers)
    }

    /// The same, to another place.
    pub fn post_to(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        let mut request = self.agent.post(url);
        for (name, value) in
            headers.iter().copied().chain(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        {
            request = request.header(name, value);
        }
        if let Some(authorization) = self.auth.header(self.scheme).map_err(Failure::again)? {
            request = request.header("authorization", authorization);
        }
        let mut response = request.send(body).map_err(Failure::again)?;
        let mut body = Vec::new();
        let reader = response.body_mut().as_reader().take(ANSWER_MAX).read_to_end(&mut body);
        reader.map_err(Failure::again)?;
        Ok(Answer { status: response.status().as_u16(), body })
    }
}

impl Answer {
    /// An answer that is not a yes to all.
    pub fn judge(&self) -> Result<(), Failure> {
        match self.status {
            200..=299 => Ok(()),
            // What was sent is wrong or too long. Everything else may be put right by whoever runs the receiver.
            400 | 413 | 422 => Err(Failure::Refused(self.shown())),
            _ => Err(Failure::Again(self.shown())),
        }
    }

    pub fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = crate::alert::escape::terminal(text.trim());
        format!("status {}: {}", self.status, crate::alert::cmdline::shorten(&text, SHOWN_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16) -> Result<(), Failure> {
        Answer { status, body: "no\x1b[2J".into() }.judge()
    }

    #[test]
    fn only_what_is_wrong_with_the_alerts_themselves_is_refused_for_ever() {
        assert_eq!(judged(204), Ok(()));
        assert_eq!(judged(400), Err(Failure::Refused("status 400: no\\x1b[2J".into())));
        for status in [301, 401, 403, 404, 408, 429, 500, 503] {
            assert!(matches!(judged(status), Err(Failure::Again(_))), "{status}");
        }
    }

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        assert!(check_url("https://siem.example:9200/path").is_ok());
        for url in ["siem.example:9200", "ftp://x", "http://", ""] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_user_and_a_token_exclude_each_other() {
        let secret = Some(Secret { file: None, env: Some("PATH".into()) });
        let both = Auth { username: Some("u".into()), password: secret.clone(), token: secret.clone() };
        assert!(both.check().is_err());
        assert!(Auth { username: None, ..both.clone() }.check().is_err());
        let basic = Auth { token: None, ..both };
        basic.check().unwrap();
        assert!(basic.header("Bearer").unwrap().unwrap().starts_with("Basic "));
        let token = Auth { token: secret, ..Auth::default() };
        assert!(token.header("Splunk").unwrap().unwrap().starts_with("Splunk /"));
    }
}
