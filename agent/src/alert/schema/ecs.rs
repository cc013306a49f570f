//! Elastic Common Schema.

use nightjar_engine::rule::Priority;
use nightjar_events::EVENTS;
use serde_json::{Map, Value, json};

use super::table::ROWS;
use crate::output::transport::Item;

/// The version that the names are of.
const VERSION: &str = "9.4.0";
/// Fields that ECS holds as text whatever they are to us.
const AS_TEXT: &[&str] = &["process.user.id", "process.real_user.id"];

pub fn of(item: &Item) -> Value {
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| set(&mut document, name, value);
    for row in ROWS.iter().filter(|row| !row.ecs.is_empty()) {
        match item.alert.pointer(row.at) {
            None | Some(Value::Null) => {}
            Some(number) if AS_TEXT.contains(&row.ecs) => put(row.ecs, json!(number.to_string())),
            Some(value) => put(row.ecs, value.clone()),
        }
    }
    put("ecs.version", json!(VERSION));
    put("event.kind", json!("alert"));
    put("event.module", json!("nightjar"));
    put("event.dataset", json!("nightjar.alert"));
    put("event.severity", json!(severity(item.priority)));
    put("log.level", json!(item.priority.name().to_lowercase()));
    put("agent.type", json!("nightjar"));
    put("host.hostname", json!(item.text("/hostname")));
    put("event.reason", json!(reasons(&item.alert)));
    let tags: Vec<_> = item.tags().collect();
    put("tags", json!(tags));
    let (subs, mut techniques): (Vec<&str>, Vec<&str>) =
        tags.iter().filter(|tag| is_technique(tag)).partition(|tag| tag.contains('.'));
    techniques.extend(subs.iter().filter_map(|sub| Some(sub.split_once('.')?.0)));
    techniques.sort_unstable();
    techniques.dedup();
    if !techniques.is_empty() {
        put("threat.framework", json!("MITRE ATT&CK"));
        put("threat.technique.id", json!(techniques));
    }
    let tactics: Vec<_> = tags.iter().filter_map(|tag| tag.strip_prefix("mitre_")).map(tactic).collect();
    if !tactics.is_empty() {
        put("threat.framework", json!("MITRE ATT&CK"));
        put("threat.tactic.name", json!(tactics));
    }
    if !subs.is_empty() {
        put("threat.technique.subtechnique.id", json!(subs));
    }
    image(item, &mut put);
    if !item.text("/container/pod/name").is_empty() {
        put("orchestrator.type", json!("kubernetes"));
        put("orchestrator.resource.type", json!("pod"));
    }
    event(item, &mut put);
    // What ECS has no word for, in ours.
    put("nightjar", rest(&item.alert));
    Value::Object(document)
}

/// From 1 to 100, as detections commonly are.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Emergency => 99,
        Priority::Alert => 95,
        Priority::Critical => 90,
        Priority::Error => 73,
        Priority::Warning => 47,
        Priority::Notice => 32,
        Priority::Informational => 21,
        Priority::Debug => 10,
    }
}

/// The comparisons that held, as one text.
pub fn reasons(alert: &Value) -> String {
    let why = alert.get("why").and_then(Value::as_array).into_iter().flatten();
    let each = why.filter_map(|why| why.get("check").and_then(Value::as_str));
    each.collect::<Vec<_>>().join("; ")
}

/// `T1003` or `T1003.008`.
pub fn is_technique(tag: &str) -> bool {
    let Some(number) = tag.strip_prefix('T') else { return false };
    let (technique, sub) = number.split_once('.').unwrap_or((number, "000"));
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(technique, 4) && digits(sub, 3)
}

/// `credential_access` as ATT&CK writes it: `Credential Access`.
fn tactic(tag: &str) -> String {
    let word = |word: &str| {
        let mut rest = word.chars();
        let first = rest.next().filter(|_| word != "and").map(|first| first.to_ascii_uppercase());
        first.map_or_else(|| word.to_owned(), |first| format!("{first}{}", rest.as_str()))
    };
    tag.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// Name and tag of an image as it was asked for.
pub fn name_and_tag(image: &str) -> (&str, Option<&str>) {
    let whole = image.split_once('@').map_or(image, |(name, _)| name);
    match whole.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (whole, None),
    }
}

fn image(item: &Item, put: &mut impl FnMut(&str, Value)) {
    let image = item.text("/container/image");
    if !image.is_empty() {
        let (name, tag) = name_and_tag(image);
        put("container.image.name", json!(name));
        if let Some(tag) = tag {
            put("container.image.tag", json!([tag]));
        }
    }
    let digest = item.text("/container/image_digest");
    if !digest.is_empty() {
        put("container.image.hash.all", json!([digest]));
    }
}

/// Objects whose fields are taken from the event's own page, and the numbers in them; other numbers are keywords to ECS.
const OF_EVENT: [&str; 4] = ["file.", "source.", "destination.", "process.exit_code"];
const NUMBERS: [&str; 3] = ["source.port", "destination.port", "process.exit_code"];

/// The arguments of the event that ECS has a name for: the event's own page says which.
fn event(item: &Item, put: &mut impl FnMut(&str, Value)) {
    let name = item.text("/event/type");
    if name.is_empty() {
        return;
    }
    put("event.action", json!(name));
    let page = EVENTS.iter().find(|event| event.types.contains(&name));
    for field in page.into_iter().flat_map(|event| event.fields) {
        let (Some(ecs), Some(value)) = (field.ecs, item.alert.pointer(&format!("/event/{}", field.name)))
        else {
            continue;
        };
        if !OF_EVENT.iter().any(|object| ecs.starts_with(object)) {
            continue;
        }
        match value {
            Value::Number(number) if !NUMBERS.contains(&ecs) => put(ecs, json!(number.to_string())),
            Value::String(_) | Value::Number(_) => put(ecs, value.clone()),
            // A text that was cut is an object here and no value for ECS.
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

/// The keys of the alert that no name of ECS holds.
fn rest(alert: &Value) -> Value {
    const KEYS: [&str; 9] =
        ["priority", "source", "output_fields", "why", "identity", "incident", "cgroups", "held", "others"];
    let found = KEYS.iter().filter_map(|key| Some(((*key).to_owned(), alert.get(*key)?.clone())));
    let mut rest: Map<String, Value> = found.collect();
    if let Some(ancestry) = alert.pointer("/process/ancestry") {
        rest.insert("ancestry".to_owned(), ancestry.clone());
    }
    // An index would make a field of every name: the fields' names have dots.
    for key in ["output_fields", "others"] {
        if let Some(value) = rest.get_mut(key) {
            *value = json!(value.to_string());
        }
    }
    rest.into()
}

/// Puts a value at a path with dots.
pub fn set(document: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        document.insert(path.to_owned(), value);
        return;
    };
    let inner = document.entry(first.to_owned()).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        set(inner, rest, value);
    }
}
