//! One alert in every schema, against the files in golden/. `NIGHTJAR_GOLDEN=write` writes them anew; then look at the
//! difference.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::Format;
use crate::{
    alert::{Message, incident::tests::told},
    output::transport::{Item, tests::item},
};

/// With everything in it that a schema has a word for.
fn whole() -> Item {
    let mut item = item();
    item.alert["tags"] = json!(["container", "T1003.008", "T1005"]);
    item.alert["container"]["image_digest"] = json!("sha256:0123");
    item.alert["container"]["privileged"] = json!(true);
    item.alert["container"]["pod"]["uid"] = json!("6f1c3d2a-0000-0000-0000-000000000000");
    item.alert["event"]["ino"] = json!(4711);
    item
}

/// An incident of two steps, four findings.
fn incident(report: usize) -> Item {
    let alert = Message::Alert(Box::new(told().swap_remove(report)));
    Item::of(serde_json::to_value(&alert).unwrap())
}

fn check(format: Format, file: &str) {
    check_item(format, &whole(), file);
}

fn check_item(format: Format, item: &Item, file: &str) {
    let body = format.body(item);
    let text = match serde_json::from_str::<Value>(&body) {
        Ok(value) => format!("{value:#}\n"),
        Err(_) => format!("{body}\n"),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alert/schema/golden").join(file);
    if std::env::var_os("NIGHTJAR_GOLDEN").is_some_and(|how| how == "write") {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

#[test]
fn an_alert_in_ecs_is_as_it_was() {
    check(Format::Ecs, "ecs.json");
}

#[test]
fn an_alert_in_ocsf_is_as_it_was() {
    check(Format::Ocsf, "ocsf.json");
}

#[test]
fn an_alert_in_cef_is_as_it_was() {
    check(Format::Cef, "alert.cef");
}

#[test]
fn an_incident_in_each_schema_is_as_it_was() {
    check_item(Format::Native, &incident(2), "incident.json");
    check_item(Format::Ecs, &incident(2), "incident.ecs.json");
    check_item(Format::Ocsf, &incident(2), "incident.ocsf.json");
    check_item(Format::Cef, &incident(2), "incident.cef");
}

#[test]
fn an_incident_is_created_updated_and_closed_under_one_name() {
    let ocsf = |report| serde_json::from_str::<Value>(&Format::Ocsf.body(&incident(report))).unwrap();
    let told = [ocsf(0), ocsf(1), ocsf(2)];
    let activities: Vec<_> = told.iter().map(|alert| (&alert["activity_id"], &alert["type_uid"])).collect();
    assert_eq!(
        activities,
        [(&json!(1), &json!(200_401)), (&json!(2), &json!(200_402)), (&json!(3), &json!(200_403))]
    );
    assert!(told.iter().all(|alert| alert["finding_info"]["uid"] == told[0]["finding_info"]["uid"]));
    assert_ne!(told[0]["metadata"]["uid"], told[1]["metadata"]["uid"]);
    let counts: Vec<_> =
        told.iter().map(|alert| (&alert["count"], alert["evidences"].as_array().unwrap().len())).collect();
    assert_eq!(counts, [(&json!(1), 1), (&json!(4), 2), (&json!(4), 2)]);
}

#[test]
fn an_alert_in_its_own_words_is_what_was_spooled() {
    let item = whole();
    assert_eq!(serde_json::from_str::<Value>(&Format::Native.body(&item)).unwrap(), item.alert);
}

#[test]
fn an_alert_of_the_host_and_one_about_the_agent_have_no_container() {
    let mut item = whole();
    for key in ["container", "process", "event"] {
        item.alert[key] = Value::Null;
    }
    let ecs: Value = serde_json::from_str(&Format::Ecs.body(&item)).unwrap();
    assert_eq!((&ecs["container"], &ecs["process"]), (&Value::Null, &Value::Null));
    let ocsf: Value = serde_json::from_str(&Format::Ocsf.body(&item)).unwrap();
    assert_eq!(ocsf.get("evidences"), None);
}
