//! Words of the settings that are defined elsewhere.

use std::net::{Ipv4Addr, SocketAddr};

use jiff::SignedDuration;
use nightjar_engine::rule::Priority;
use serde::{Deserialize, Deserializer, de};

/// A priority by its name, in any case; `info` for short as in Falco.
pub fn priority(text: &str) -> Result<Priority, String> {
    Priority::of(text).ok_or_else(|| {
        let names = Priority::ALL.map(|priority| priority.name().to_lowercase()).join(", ");
        format!("`{text}` is not a priority: expected one of {names}")
    })
}

pub(super) fn priority_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Priority>, D::Error> {
    priority(&String::deserialize(d)?).map(Some).map_err(de::Error::custom)
}

/// A length of time with its unit, such as `500ms`.
pub(super) fn time_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SignedDuration>, D::Error> {
    let text = String::deserialize(d)?;
    let parsed = text.parse();
    parsed.map(Some).map_err(|error| de::Error::custom(format!("`{text}` is no time such as `2s`: {error}")))
}

/// An address to listen on: `127.0.0.1:9464`, `[::1]:9464`, or a port alone, which is then on loopback.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    port.or_else(|_| text.parse())
        .map_err(|_| format!("`{text}` is not an address: expected IP:PORT, or a port alone for loopback"))
}

pub(super) fn listen_key<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SocketAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected IP:PORT, or a port alone")]
    enum Listen {
        Port(u16),
        Address(String),
    }
    match Listen::deserialize(d)? {
        Listen::Port(port) => listen(&port.to_string()),
        Listen::Address(text) => listen(&text),
    }
    .map(Some)
    .map_err(de::Error::custom)
}

/// One text, or a list of them.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(d)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_loopback() {
        assert_eq!(listen("9464"), Ok("127.0.0.1:9464".parse().unwrap()));
        assert_eq!(listen("0.0.0.0:80"), Ok("0.0.0.0:80".parse().unwrap()));
        assert_eq!(listen("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        for text in ["", "localhost:80", "65536", "1.2.3.4"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_priority_is_known_in_any_case_and_by_its_short_name() {
        assert_eq!(priority("WARNING"), Ok(Priority::Warning));
        assert_eq!(priority("info"), Ok(Priority::Informational));
        assert!(priority("urgent").unwrap_err().contains("emergency, alert, critical"));
    }
}
