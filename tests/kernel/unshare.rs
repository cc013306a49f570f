//! `unshare`.

use nightjar_events::{Kind, event::unshare::*};
use nightjar_tests::Eyes;

use super::deed::{call, in_child, mine};

#[test]
fn namespaces_of_its_own_are_told() {
    let eyes = Eyes::open();
    let flags = (libc::CLONE_NEWUTS | libc::CLONE_NEWNS) as u64;
    let mut child = in_child(move || i32::from(call(libc::SYS_unshare, &[flags]) != 0));
    assert!(child.wait().unwrap().success());
    let seen = eyes.wait_for(Kind::Unshare, child.id());
    assert_eq!((seen.number(&RESULT), seen.number(&FLAGS)), (0, flags.into()));
    // CLONE_PIDFD cannot be unshared.
    assert_eq!(call(libc::SYS_unshare, &[0x1000]), -22);
    let seen = mine(&eyes, Kind::Unshare, |seen| seen.number(&FLAGS) == 0x1000);
    assert_eq!(seen.number(&RESULT), -22);
}
