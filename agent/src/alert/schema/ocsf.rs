//! OCSF 1.4.0, class Detection Finding (2004) with the profiles `host` and `container`.

use nightjar_engine::rule::Priority;
use serde_json::{Map, Value, json};

use super::{
    ecs::{is_technique, name_and_tag, reasons, set},
    table::ROWS,
};
use crate::output::transport::Item;

const VERSION: &str = "1.4.0";
/// Fields that OCSF holds as text whatever they are to us.
const AS_TEXT: &[&str] = &["evidence.process.user.uid"];

pub fn of(item: &Item) -> Value {
    let (mut document, mut evidence) = (Map::new(), Map::new());
    for row in ROWS.iter().filter(|row| !row.ocsf.is_empty()) {
        let value = match item.alert.pointer(row.at) {
            None | Some(Value::Null) => continue,
            Some(number) if AS_TEXT.contains(&row.ocsf) => json!(number.to_string()),
            Some(value) => value.clone(),
        };
        match row.ocsf.strip_prefix("evidence.") {
            Some(path) if value.is_string() || value.is_number() => set(&mut evidence, path, value),
            // A text that was cut is an object here and no value for OCSF.
            Some(_) => {}
            None => set(&mut document, row.ocsf, value),
        }
    }
    let mut put = |path: &str, value: Value| set(&mut document, path, value);
    put("class_uid", json!(2004));
    put("class_name", json!("Detection Finding"));
    put("category_uid", json!(2));
    put("category_name", json!("Findings"));
    let (activity_id, activity) = activity(item);
    put("activity_id", json!(activity_id));
    put("activity_name", json!(activity));
    put("type_uid", json!(200_400 + activity_id));
    put("type_name", json!(format!("Detection Finding: {activity}")));
    put("time", json!(item.time / 1_000_000));
    let (severity_id, severity) = severity(item.priority);
    put("severity_id", json!(severity_id));
    put("severity", json!(severity));
    put("status_id", json!(1));
    put("status", json!("New"));
    put("is_alert", json!(true));
    put("metadata.version", json!(VERSION));
    put("metadata.profiles", json!(["host", "container"]));
    put("metadata.product.name", json!("Nightjar"));
    put("metadata.product.vendor_name", json!("Nightjar"));
    put("metadata.log_level", json!(item.priority.name()));
    put("device.type_id", json!(1));
    put("device.type", json!("Server"));
    put("device.os", json!({"name": "Linux", "type_id": 200, "type": "Linux"}));
    match item.millis("/incident/first") {
        Some(first) => {
            put("finding_info.uid", json!(item.text("/incident/id")));
            put("start_time", json!(first));
            put("end_time", json!(item.millis("/incident/last")));
            put("finding_info.created_time", json!(first));
            put("finding_info.modified_time", json!(item.time / 1_000_000));
            put("finding_info.first_seen_time", json!(first));
            put("finding_info.last_seen_time", json!(item.millis("/incident/last")));
        }
        None => {
            put("finding_info.uid", json!(item.key));
            put("finding_info.created_time", json!(item.time / 1_000_000));
        }
    }
    put("finding_info.desc", json!(reasons(&item.alert)));
    put("finding_info.analytic", json!({"name": item.text("/rule"), "type_id": 1, "type": "Rule"}));
    let tags: Vec<_> = item.tags().collect();
    put("metadata.labels", json!(tags));
    let attacks: Vec<_> = tags.iter().filter(|tag| is_technique(tag)).map(|tag| attack(tag)).collect();
    if !attacks.is_empty() {
        put("finding_info.attacks", json!(attacks));
    }
    let pod = item.text("/container/pod/name");
    if !pod.is_empty() {
        let (namespace, uid) = (item.text("/container/pod/namespace"), item.text("/container/pod/uid"));
        put("resources", json!([{"type": "Pod", "name": pod, "namespace": namespace, "uid": uid}]));
    }
    complete(item, &mut evidence);
    let evidences: Vec<Value> = Some(evidence)
        .filter(|one| !one.is_empty())
        .map(Value::Object)
        .into_iter()
        .chain(others(item))
        .collect();
    if !evidences.is_empty() {
        put("evidences", json!(evidences));
    }
    put(
        "unmapped",
        json!({"source": item.text("/source"), "identity": item.text("/identity"),
        "output_fields": item.alert.get("output_fields").map(Value::to_string)}),
    );
    if let Some(incident) = item.alert.get("incident") {
        put("unmapped.incident", unmapped(incident));
    }
    Value::Object(document)
}

/// What becomes of a finding with this alert.
fn activity(item: &Item) -> (u32, &'static str) {
    let update = item.alert.pointer("/incident/update").and_then(Value::as_u64).unwrap_or_default();
    match item.text("/incident/state") {
        "closed" => (3, "Close"),
        _ if update > 0 => (2, "Update"),
        _ => (1, "Create"),
    }
}

/// The incident without what stands in evidences.
fn unmapped(incident: &Value) -> Value {
    let mut incident = incident.clone();
    if let Value::Object(keys) = &mut incident {
        keys.remove("steps");
    }
    incident
}

/// The other steps of an incident: the alert's own is the first of the worst.
fn others(item: &Item) -> Vec<Value> {
    let priority = |step: &Value| step.get("priority").and_then(Value::as_str).and_then(Priority::of);
    let own = item.steps().enumerate().min_by_key(|(_, step)| priority(step)).map(|(at, _)| at);
    let others = item.steps().enumerate().filter(|(at, _)| Some(*at) != own);
    others.map(|(_, step)| of_step(step)).collect()
}

fn of_step(step: &Value) -> Value {
    let text = |at: &str| step.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let file = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        json!({"path": path, "name": name, "type_id": 0})
    };
    let mut process = json!({"pid": step.pointer("/process/pid"), "name": text("/process/name"),
        "cmd_line": text("/process/cmdline")});
    if !text("/process/exe").is_empty() {
        process["file"] = file(text("/process/exe"));
    }
    let mut evidence = json!({"process": process});
    if !text("/path").is_empty() {
        evidence["file"] = file(text("/path"));
    }
    let mut data = step.clone();
    if let Value::Object(keys) = &mut data {
        keys.retain(|key, _| !["process", "path"].contains(&key.as_str()));
    }
    evidence["data"] = data;
    evidence
}

/// OCSF's numbers and words.
fn severity(priority: Priority) -> (u8, &'static str) {
    match priority {
        Priority::Emergency => (6, "Fatal"),
        Priority::Alert | Priority::Critical => (5, "Critical"),
        Priority::Error => (4, "High"),
        Priority::Warning => (3, "Medium"),
        Priority::Notice => (2, "Low"),
        Priority::Informational | Priority::Debug => (1, "Informational"),
    }
}

fn attack(tag: &str) -> Value {
    match tag.split_once('.') {
        Some((technique, _)) => json!({"technique": {"uid": technique}, "sub_technique": {"uid": tag}}),
        None => json!({"technique": {"uid": tag}}),
    }
}

/// What OCSF wants beside what the table gave.
fn complete(item: &Item, evidence: &mut Map<String, Value>) {
    for at in ["file", "process.file"] {
        let pointer = format!("/{}/path", at.replace('.', "/"));
        let whole = Value::Object(evidence.clone());
        let path = whole.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
        if !path.is_empty() {
            let name = path.rsplit('/').next().unwrap_or(path);
            set(evidence, &format!("{at}.name"), json!(name));
            // Not told apart: a regular file, a device, a directory.
            set(evidence, &format!("{at}.type_id"), json!(0));
        } else if let Some(parent) = at.strip_suffix(".file")
            && let Some(Value::Object(parent)) = evidence.get_mut(parent)
        {
            parent.remove("file");
        }
    }
    let image = item.text("/container/image");
    if !image.is_empty() {
        let (name, tag) = name_and_tag(image);
        let digest = item.text("/container/image_digest");
        let uid = if digest.is_empty() { image } else { digest };
        let mut object = json!({"name": name, "uid": uid});
        if let Some(tag) = tag {
            object["tag"] = json!(tag);
        }
        set(evidence, "container.image", object);
    }
    if !item.text("/container/pod/name").is_empty() {
        set(evidence, "container.orchestrator", json!("Kubernetes"));
    }
}
