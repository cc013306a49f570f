//! ArcSight's Common Event Format: one line of text, whose header and extension are escaped each in its own way.

use nightjar_engine::rule::Priority;
use serde_json::Value;

use super::table::ROWS;
use crate::output::transport::Item;

/// Fields of ours that CEF has only numbered places for: label and place.
const CUSTOM: &[(&str, &str, &str)] = &[
    ("cs1", "commandLine", "/process/cmdline"),
    ("cs2", "containerId", "/container/id"),
    ("cs3", "containerName", "/container/name"),
    ("cs4", "containerImage", "/container/image"),
    ("cs5", "podName", "/container/pod/name"),
    ("cs6", "namespace", "/container/pod/namespace"),
    ("cn1", "incidentScore", "/incident/score"),
    ("cn2", "incidentUpdate", "/incident/update"),
    ("flexString1", "incidentState", "/incident/state"),
];
/// What names the alert; of an incident all alerts have one name, and each its own beside it.
const NAME: &str = "externalId";

pub fn of(item: &Item) -> String {
    let rule = header(item.text("/rule"));
    let mut line = format!(
        "CEF:0|Nightjar|Nightjar|{}|{rule}|{rule}|{}|",
        header(item.text("/nightjar/version")),
        severity(item.priority)
    );
    let mut extension = vec![format!("rt={}", item.time / 1_000_000)];
    let incident = text(item, "/incident/id");
    for row in ROWS.iter().filter(|row| !row.cef.is_empty()) {
        let value = match &incident {
            Some(incident) if row.cef == NAME => Some(incident.clone()),
            Some(_) | None => text(item, row.at),
        };
        extension.extend(value.map(|value| format!("{}={value}", row.cef)));
    }
    if incident.is_some() {
        let times = [("start", "/incident/first"), ("end", "/incident/last")];
        extension.extend(times.iter().filter_map(|(key, at)| Some(format!("{key}={}", item.millis(at)?))));
        extension.push(format!("flexString2={} flexString2Label=alertId", value(&item.key)));
    }
    for (place, label, at) in CUSTOM {
        extension.extend(text(item, at).map(|value| format!("{place}={value} {place}Label={label}")));
    }
    line.push_str(&extension.join(" "));
    line
}

fn text(item: &Item, at: &str) -> Option<String> {
    match item.alert.pointer(at)? {
        Value::String(text) if !text.is_empty() => Some(value(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// From 0 to 10.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Emergency | Priority::Alert => 10,
        Priority::Critical => 9,
        Priority::Error => 7,
        Priority::Warning => 5,
        Priority::Notice => 3,
        Priority::Informational => 1,
        Priority::Debug => 0,
    }
}

/// A header has no line ends at all.
fn header(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

fn value(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('=', "\\=").replace('\r', "\\r").replace('\n', "\\n")
}

/// What acts on a terminal is spelled out; line ends have their own escapes.
fn printable(text: &str) -> String {
    let spelled = |c: char| match c {
        '\r' | '\n' => c.to_string(),
        c if crate::alert::escape::is_hazard(c) => format!("<U+{:04X}>", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::transport::tests::item;

    #[test]
    fn header_and_extension_are_escaped_each_in_its_own_way() {
        let mut item = item();
        item.alert["rule"] = "a|b\\c\nd=e".into();
        item.alert["message"] = "x=1|y\nz\\ \u{202e}".into();
        let line = of(&item);
        assert!(
            line.starts_with("CEF:0|Nightjar|Nightjar|0.1.0|a\\|b\\\\c d=e|a\\|b\\\\c d=e|5|rt="),
            "{line}"
        );
        assert!(line.contains(" msg=x\\=1|y\\nz\\\\ <U+202E> spid=1234 "), "{line}");
        assert!(line.contains(" cs1=cat /etc/shadow cs1Label=commandLine "), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
