//! `cgroup_attach`.

use std::{io::Write, process::Command};

use nightjar_events::{Kind, event::cgroup_attach::*};
use nightjar_tests::Eyes;

use super::deed::Home;

#[test]
fn a_process_that_is_moved_is_told_with_the_cgroup_and_by_whom() {
    let home = Home::new("attach");
    let mut child = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let eyes = Eyes::open();
    home.door().write_all(child.id().to_string().as_bytes()).unwrap();
    let seen = eyes.wait(Kind::CgroupAttach, |seen| seen.number(&ID) == home.id.into());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen.0.header.pid, std::process::id());
    assert_eq!((seen.number(&PID), seen.number(&TID)), (child.id().into(), child.id().into()));
    assert_eq!(seen.number(&WHOLE), 1);
    assert_eq!(seen.text(&PATH), format!("/nightjar-attach-{}", std::process::id()));
}
