//! `setns`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::setns::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

#[test]
fn entering_a_namespace_is_told() {
    let namespace = File::open("/proc/self/ns/uts").unwrap();
    let fd = namespace.as_raw_fd() as u64;
    let flags = libc::CLONE_NEWUTS as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_setns, &[fd, flags]), 0);
    let seen = mine(&eyes, Kind::Setns, |seen| seen.number(&FD) == fd.into());
    assert_eq!((seen.number(&RESULT), seen.number(&NS_TYPE)), (0, flags.into()));
    assert_eq!(call(libc::SYS_setns, &[u64::MAX, 0]), -9);
    let seen = mine(&eyes, Kind::Setns, |seen| seen.number(&FD) == -1);
    assert_eq!((seen.number(&RESULT), seen.number(&NS_TYPE)), (-9, 0));
}
