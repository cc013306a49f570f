//! OpenTelemetry logs, over HTTP or gRPC, the same message in both. What the conventions have a name for is an attribute;
//! the alert in the output's format is the body.

use std::{collections::BTreeMap, time::Duration};

use nightjar_engine::rule::Priority;
use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::{
    OpenError,
    http::{Auth, Client, check_url},
    otlp_grpc::Grpc,
    tls::Tls,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Http,
    Grpc,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub protocol: Protocol,
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

pub struct Otlp(Way);

enum Way {
    Http(Box<Client>),
    Grpc(Box<Grpc>),
}

impl Otlp {
    pub fn new(settings: Settings, timeout: Duration) -> Result<Otlp, OpenError> {
        let Settings { url, protocol, headers, auth, tls } = settings;
        Ok(Otlp(match protocol {
            Protocol::Http => {
                let url = format!("{}{ENDPOINT}", url.trim_end_matches('/').trim_end_matches(ENDPOINT));
                Way::Http(Box::new(Client::new(url, headers, ("Bearer", auth), &tls, timeout)?))
            }
            Protocol::Grpc => Way::Grpc(Box::new(Grpc::new(url, headers, auth, tls, timeout)?)),
        }))
    }
}

/// Of the conventions' numbers the first in each range.
fn severity(priority: Priority) -> i32 {
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

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) })
}

fn attribute(name: &str, value: &Value) -> Option<KeyValue> {
    let value = match value {
        Value::String(value) => text(value),
        Value::Number(number) => Some(AnyValue { value: Some(any_value::Value::IntValue(number.as_i64()?)) }),
        Value::Bool(truth) => Some(AnyValue { value: Some(any_value::Value::BoolValue(*truth)) }),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(KeyValue { key: name.to_owned(), value, ..KeyValue::default() })
}

fn record(item: &Item) -> LogRecord {
    let found = ATTRIBUTES.iter().filter_map(|(name, at)| attribute(name, item.alert.pointer(at)?));
    LogRecord {
        time_unix_nano: item.time,
        observed_time_unix_nano: item.time,
        severity_number: severity(item.priority),
        severity_text: item.priority.name().to_owned(),
        event_name: "nightjar.alert".to_owned(),
        body: text(&item.body),
        attributes: found.collect(),
        ..LogRecord::default()
    }
}

/// Every alert in a spool is of this node.
fn request(items: &[Item]) -> ExportLogsServiceRequest {
    let version = env!("CARGO_PKG_VERSION");
    let node = items.first().map_or("", |item| item.text("/hostname"));
    let resource = [("service.name", "nightjar"), ("service.version", version), ("host.name", node)];
    let resource = resource.map(|(name, value)| attribute(name, &value.into()));
    let scope = InstrumentationScope {
        name: "nightjar".to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    };
    let logs = ScopeLogs {
        scope: Some(scope),
        log_records: items.iter().map(record).collect(),
        ..ScopeLogs::default()
    };
    let resource = Resource { attributes: resource.into_iter().flatten().collect(), ..Resource::default() };
    let all = ResourceLogs { resource: Some(resource), scope_logs: vec![logs], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![all] }
}

impl Transport for Otlp {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let request = request(items);
        let answer = match &mut self.0 {
            Way::Grpc(grpc) => grpc.export(request)?,
            Way::Http(client) => {
                let body = request.encode_to_vec();
                let answer = client.post(&body, &[("content-type", "application/x-protobuf")])?;
                answer.judge()?;
                // An answer that is no message is still the yes that its status is.
                ExportLogsServiceResponse::decode(answer.body.as_slice()).unwrap_or_default()
            }
        };
        let ExportLogsPartialSuccess { rejected_log_records, error_message } =
            answer.partial_success.unwrap_or_default();
        // It does not say which: they are found by sending fewer.
        if rejected_log_records == 0 { Ok(all_taken(items)) } else { Err(Failure::Refused(error_message)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::transport::tests::item, *};

    #[test]
    fn what_the_conventions_have_a_name_for_is_an_attribute() {
        let record = record(&item());
        assert_eq!((record.severity_number, record.time_unix_nano), (13, 1_764_030_883_123_456_789));
        let value = |name: &str| {
            let found = record.attributes.iter().find(|attribute| attribute.key == name);
            found.and_then(|attribute| attribute.value.clone()?.value)
        };
        assert_eq!(value("k8s.namespace.name"), Some(any_value::Value::StringValue("shop".into())));
        assert_eq!(value("process.pid"), Some(any_value::Value::IntValue(1234)));
        assert_eq!(value("k8s.pod.uid"), None);
    }
}
