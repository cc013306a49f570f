//! `nightjar outputs test` and `nightjar spool`, as a person uses them.

use std::process::{Command, Output};

use crate::{agent::program, feeder::Site, http::Receiver, process::free_port};

fn nightjar(arguments: &[&str], site: &Site) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(program())
        .args(arguments)
        .arg("--config")
        .arg(site.config())
        .output()
        .expect("it is built");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

#[test]
fn outputs_test_says_of_each_output_what_came_back() {
    let receiver = Receiver::start();
    let nobody = free_port();
    let good = format!("{{name: good, webhook: {{url: '{}'}}}}", receiver.url);
    let bad = format!("{{name: bad, syslog: {{address: '127.0.0.1:{nobody}'}}}}");
    let site = Site::new(&format!("[{good}, {bad}]"));
    let (code, said, _) = nightjar(&["outputs", "test"], &site);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("good (webhook): taken in "), "{said}");
    assert!(said.contains("bad (syslog): not taken, after ") && said.contains("refused"), "{said}");
    let (code, _, said) = nightjar(&["outputs", "test", "godo"], &site);
    assert_eq!((code, said.trim()), (2, "nightjar: no output is named `godo`"));
    assert_eq!(nightjar(&["outputs", "test", "good"], &site).0, 0);
}

#[test]
fn spool_status_and_verify_look_at_a_spool_in_use() {
    let receiver = Receiver::start();
    receiver.close(true);
    let site = Site::new(&format!("[{{name: siem, webhook: {{url: '{}'}}}}]", receiver.url));
    let mut feeder = site.feed(1, 1000);
    assert!(feeder.wait());
    let (code, said, _) = nightjar(&["spool", "status"], &site);
    assert_eq!(code, 0);
    assert!(said.contains("siem"), "{said}");
    assert_eq!(feeder.finish(), 1000);
    let (code, said, _) = nightjar(&["spool", "verify"], &site);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(" 1000 alerts, 0 missing, 0 bytes damaged") && said.ends_with("the spool is whole\n"),
        "{said}"
    );
    let (_, said, _) = nightjar(&["spool", "status"], &site);
    assert!(said.contains("status 503"), "{said}");
    let (code, said, _) = nightjar(&["spool", "requeue", "siem"], &site);
    assert_eq!((code, said.as_str()), (0, "siem: nothing was refused\n"));
}
