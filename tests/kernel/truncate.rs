//! `truncate`.

use std::{
    fs::{self, OpenOptions},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::truncate::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

#[test]
fn a_file_that_is_cut_short_is_told_with_its_path_and_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "what was done").unwrap();
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_truncate, &[at(&c(&path)), 4]), 0);
    let seen = mine(&eyes, Kind::Truncate, |seen| seen.text(&PATH) == path.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&LENGTH)), ("truncate", 0, 4));
    assert!(seen.is_absent(&FD));

    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let fd = file.as_raw_fd() as u64;
    assert_eq!(call(libc::SYS_ftruncate, &[fd, 2]), 0);
    let seen = mine(&eyes, Kind::Truncate, |seen| type_of(seen) == "ftruncate");
    assert_eq!((seen.number(&FD), seen.number(&LENGTH)), (fd.into(), 2));
    assert_eq!(seen.text(&DIRECTORY), path.to_str().unwrap());
    assert!(seen.is_absent(&PATH));
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_truncate, &[at(&c("/no-such-nightjar")), 0]), -2);
    let seen = mine(&eyes, Kind::Truncate, |seen| seen.text(&PATH) == "/no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
}
