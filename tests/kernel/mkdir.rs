//! `mkdir`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::mkdir::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

#[test]
fn a_directory_that_is_made_is_told_with_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("mkdir");
    let dirfd = File::open(dir.path()).unwrap();
    let dirfd = dirfd.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_mkdir, &[at(&c(&made)), 0o750]), 0);
    let seen = mine(&eyes, Kind::Mkdir, |seen| seen.text(&PATH) == made.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&MODE)), ("mkdir", 0, 0o750));

    assert_eq!(call(libc::SYS_mkdirat, &[dirfd, at(&c("mkdirat")), 0o700]), 0);
    let seen = mine(&eyes, Kind::Mkdir, |seen| seen.text(&PATH) == "mkdirat");
    assert_eq!((type_of(&seen), seen.number(&DIRFD), seen.number(&MODE)), ("mkdirat", dirfd.into(), 0o700));
    assert_eq!(seen.text(&DIRECTORY), dir.path().to_str().unwrap());

    assert_eq!(call(libc::SYS_mkdir, &[at(&c(&made)), 0o755]), -17);
    let seen = mine(&eyes, Kind::Mkdir, |seen| seen.text(&PATH) == made.to_str().unwrap());
    assert_eq!((seen.number(&RESULT), seen.number(&MODE)), (-17, 0o755));
}
