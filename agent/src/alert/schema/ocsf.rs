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
    put("activity_id", json!(1));
    put("activity_name", json!("Create"));
    put("type_uid", json!(200_401));
    put("type_name", json!("Detection Finding: Create"));
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
    put("finding_info.uid", json!(item.key));
    put("finding_info.created_time", json!(item.time / 1_000_000));
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
    if !evidence.is_empty() {
        put("evidences", json!([evidence]));
    }
    put(
        "unmapped",
        json!({"source": item.text("/source"), "identity": item.text("/identity"),
        "output_fields": item.alert.get("output_fields").map(Value::to_string)}),
    );
    Value::Object(document)
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
