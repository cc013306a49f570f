//! Elasticsearch's `_bulk`, to osmem-server, which speaks OpenSearch's interface. Neither Elasticsearch nor OpenSearch can
//! be had here.

use std::process::Command;

use nightjar_tests::until::until;
use serde_json::Value;

use crate::{
    feeder::Site,
    process::{Process, count, free_port, python_version, receiver, said, wait_for_port},
};

fn server(port: u16) -> Process {
    let folder = "import osmem_server as m, os; print(os.path.dirname(m.__file__))";
    let folder = said(Command::new(receiver("bin/python")).args(["-c", folder]));
    let address = format!("127.0.0.1:{port}");
    let server = Process::start(Command::new(format!("{folder}/bin/osmem-server")).args([
        "-addr",
        &address,
        "-no-stdin-watch",
    ]));
    wait_for_port(port);
    server
}

fn curl(arguments: &[&str]) -> Value {
    let output = Command::new("curl").arg("-sS").args(arguments).output().expect("curl is there");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn each_alert_is_one_document_however_often_it_is_sent() {
    let port = free_port();
    let _server = server(port);
    let url = format!("http://127.0.0.1:{port}");
    // Batches that a slow receiver has done before the feeder ends.
    let output = format!("[{{name: siem, batch: 100, elasticsearch: {{url: '{url}', index: alerts}}}}]");
    // The second agent sends the same alerts again.
    Site::new(&output).deliver(1, 1500);
    Site::new(&output).deliver(1, 1500);
    let arrived = until("the documents can be counted", || {
        curl(&[&format!("{url}/alerts/_count")])["count"].as_u64().filter(|count| *count >= 1500)
    });
    let found = curl(&[&format!("{url}/alerts/_search?size=1&q=rule.name:internal")]);
    let document = &found["hits"]["hits"][0];
    assert_eq!(document["_source"]["ecs"]["version"], "9.4.0", "{found}");
    assert_eq!(document["_source"]["event"]["id"], document["_id"]);
    let receiver = format!("osmem-server {} (an OpenSearch look-alike)", python_version("osmem-server"));
    count("elasticsearch", &receiver, 1500, arrived as usize);
}

#[test]
fn a_document_that_does_not_fit_the_mapping_is_put_aside_and_the_others_arrive() {
    let port = free_port();
    let _server = server(port);
    let url = format!("http://127.0.0.1:{port}");
    // Severity as a date: a Critical alert's 90 is one, an Error's 73 too; a keyword where an object comes is none.
    let mapping = r#"{"mappings": {"dynamic": false, "properties": {"ecs": {"type": "object"}, "nightjar": {"properties": {"priority": {"type": "integer"}}}}}}"#;
    curl(&["-X", "PUT", "-H", "content-type: application/json", "-d", mapping, &format!("{url}/strict")]);
    let site = Site::new(&format!("[{{name: siem, elasticsearch: {{url: '{url}', index: strict}}}}]"));
    site.deliver(1, 20);
    let status = site.status();
    let output = &status.outputs[0];
    assert_eq!((output.counts.delivered, output.counts.refused, output.put_aside), (0, 20, 20), "{output:?}");
    assert!(output.trouble.as_ref().expect("it said why").text.contains("status 400"), "{output:?}");
}
