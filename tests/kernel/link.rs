//! `link`.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::link::*};
use nightjar_tests::Eyes;

use super::deed::{CWD, at, c, call, mine, type_of};

const AT_SYMLINK_FOLLOW: u64 = 0x400;

#[test]
fn a_hard_link_is_told_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("file"), "").unwrap();
    let dirfd = File::open(dir.path()).unwrap();
    let dirfd = dirfd.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_link, &[at(&c(path("file"))), at(&c(path("link")))]), 0);
    let seen = mine(&eyes, Kind::Link, |seen| seen.text(&NEW_PATH) == path("link").to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("link", 0));
    assert_eq!(seen.text(&OLD_PATH), path("file").to_str().unwrap());

    let old = c(path("file"));
    assert_eq!(call(libc::SYS_linkat, &[CWD, at(&old), dirfd, at(&c("linkat")), AT_SYMLINK_FOLLOW]), 0);
    let seen = mine(&eyes, Kind::Link, |seen| seen.text(&NEW_PATH) == "linkat");
    assert_eq!((type_of(&seen), seen.number(&FLAGS)), ("linkat", AT_SYMLINK_FOLLOW.into()));
    assert_eq!((seen.number(&OLD_DIRFD), seen.number(&NEW_DIRFD)), (-100, dirfd.into()));
    assert_eq!(seen.text(&NEW_DIRECTORY), dir.path().to_str().unwrap());
}

#[test]
fn a_hard_link_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_link, &[at(&c("/no-such-nightjar")), at(&c("/tmp/link"))]), -2);
    let seen = mine(&eyes, Kind::Link, |seen| seen.text(&OLD_PATH) == "/no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
}
