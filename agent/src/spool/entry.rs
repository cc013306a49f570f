//! An alert as it lies in the spool: the keys of docs/alerts.md in MessagePack, so that any version of the agent can read
//! what another one left.

use rmp_serde::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
struct Written<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    alert: &'a T,
}

#[derive(Debug, Deserialize)]
pub struct Entry {
    /// The one output that it is for; `None`: for all.
    pub to: Option<String>,
    pub alert: Value,
}

pub fn encode(alert: &impl Serialize, to: Option<&str>) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let mut bytes = Vec::with_capacity(2048);
    let mut serializer = Serializer::new(&mut bytes).with_struct_map().with_human_readable();
    Written { to, alert }.serialize(&mut serializer)?;
    Ok(bytes)
}

pub fn decode(bytes: &[u8]) -> Result<Entry, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Message, json::to_line, sample::alert};

    #[test]
    fn an_alert_comes_out_of_the_spool_as_it_would_have_been_printed() {
        let message = Message::Alert(Box::new(alert()));
        let entry = decode(&encode(&message, None).unwrap()).unwrap();
        assert_eq!(to_line(&entry.alert).unwrap(), to_line(&message).unwrap());
        assert_eq!(entry.to, None);
        assert_eq!(decode(&encode(&message, Some("siem")).unwrap()).unwrap().to.as_deref(), Some("siem"));
    }
}
