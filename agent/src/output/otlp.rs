//! OpenTelemetry logs over HTTP, in JSON. What the conventions have a name for is an attribute; the alert in the output's
//! format is the body.

use std::{collections::BTreeMap, time::Duration};

use nightjar_engine::rule::Priority;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    http::{Auth, Client, check_url},
    tls::{Tls, TlsError},
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

const ENDPOINT: &str = "/v1/logs";

/// Semantic conventions' names, and where the alert has the fact.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("log.record.uid", "/uuid"),
    ("rule.name", "/rule"),
    ("container.id", "/container/id"),
    ("container.name", "/container/name"),
    ("container.image.name", "/container/image"),
    ("container.runtime.name", "/container/runtime"),
    ("k8s.pod.name", "/container/pod/name"),
    ("k8s.pod.uid", "/container/pod/uid"),
    ("k8s.namespace.name", "/container/pod/namespace"),
    ("process.pid", "/process/pid"),
    ("process.executable.name", "/process/name"),
    ("process.executable.path", "/process/exe"),
    ("process.command_line", "/process/cmdline"),
    ("process.working_directory", "/process/cwd"),
    ("process.parent_pid", "/process/ancestry/0/pid"),
    ("process.user.name", "/process/user"),
];

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub auth: Auth,
    pub tls: Tls,
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        check_url(&self.url)?;
        self.auth.check()?;
        self.tls.config()?;
        Ok(())
    }
}

pub struct Otlp {
    client: Client,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    /// Some receivers say null when all went well.
    partial_success: Option<PartialSuccess>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PartialSuccess {
    /// 64 bits are text in the JSON form, but not every receiver knows.
    rejected_log_records: Value,
    error_message: String,
}

impl Otlp {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Otlp, TlsError> {
        let Settings { url, headers, auth, tls } = settings;
        let url = format!("{}{ENDPOINT}", url.trim_end_matches('/').trim_end_matches(ENDPOINT));
        Ok(Otlp { client: Client::new(url, headers, ("Bearer", auth), &tls, timeout)? })
    }
}

/// Of the conventions' numbers the first in each range.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Debug => 5,
        Priority::Informational => 9,
        Priority::Notice => 10,
        Priority::Warning => 13,
        Priority::Error => 17,
        Priority::Critical => 18,
        Priority::Alert => 19,
        Priority::Emergency => 21,
    }
}

fn attribute(name: &str, value: &Value) -> Option<Value> {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(json!({"key": name, "value": value}))
}

fn record(item: &Item) -> Value {
    let found = ATTRIBUTES.iter().filter_map(|(name, at)| attribute(name, item.alert.pointer(at)?));
    json!({
        "timeUnixNano": item.time.to_string(),
        "observedTimeUnixNano": item.time.to_string(),
        "severityNumber": severity(item.priority),
        "severityText": item.priority.name(),
        "eventName": "nightjar.alert",
        "body": {"stringValue": item.body},
        "attributes": found.collect::<Vec<_>>(),
    })
}

impl Transport for Otlp {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let Some(first) = items.first() else { return Ok(Vec::new()) };
        let version = env!("CARGO_PKG_VERSION");
        // Every alert in a spool is of this node.
        let resource = [
            attribute("service.name", &json!("nightjar")),
            attribute("service.version", &json!(version)),
            attribute("host.name", &json!(first.text("/hostname"))),
        ];
        let resource: Vec<_> = resource.into_iter().flatten().collect();
        let records: Vec<_> = items.iter().map(record).collect();
        let scope = json!({"scope": {"name": "nightjar", "version": version}, "logRecords": records});
        let body = json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [scope]}]});
        let answer =
            self.client.post(body.to_string().as_bytes(), &[("content-type", "application/json")])?;
        answer.judge()?;
        let PartialSuccess { rejected_log_records, error_message } =
            serde_json::from_str::<Answer>(&answer.body)
                .unwrap_or_default()
                .partial_success
                .unwrap_or_default();
        let none = matches!(&rejected_log_records, Value::Null)
            || rejected_log_records == json!(0)
            || rejected_log_records == json!("0");
        // It does not say which: they are found by sending fewer.
        if none { Ok(all_taken(items)) } else { Err(Failure::Refused(error_message)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::transport::tests::item, *};

    #[test]
    fn what_the_conventions_have_a_name_for_is_an_attribute() {
        let record = record(&item());
        assert_eq!(record["severityNumber"], 13);
        assert_eq!(record["timeUnixNano"], "1764030883123456789");
        let attributes = record["attributes"].as_array().unwrap();
        let value = |name: &str| attributes.iter().find(|a| a["key"] == name).map(|a| a["value"].clone());
        assert_eq!(value("k8s.namespace.name").unwrap(), json!({"stringValue": "shop"}));
        assert_eq!(value("process.pid").unwrap(), json!({"intValue": "1234"}));
        assert_eq!(value("k8s.pod.uid"), None);
    }
}
