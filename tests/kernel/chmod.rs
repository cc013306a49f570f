//! `chmod`.

use std::{
    fs::{self, File},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
};

use nightjar_events::{Kind, event::chmod::*};
use nightjar_tests::Eyes;

use super::deed::{CWD, at, c, call, mine, type_of};

const ENOSYS: i64 = -38;

#[test]
fn each_call_that_changes_a_mode_is_told_with_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let (dirfd, file) = (File::open(dir.path()).unwrap(), File::open(&path).unwrap());
    let (dirfd, fd) = (dirfd.as_raw_fd() as u64, file.as_raw_fd() as u64);
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_chmod, &[at(&c(&path)), 0o4755]), 0);
    let seen = mine(&eyes, Kind::Chmod, |seen| seen.text(&FILE_NAME) == path.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&MODE)), ("chmod", 0, 0o4755));

    assert_eq!(call(libc::SYS_fchmod, &[fd, 0o2711]), 0);
    let seen = mine(&eyes, Kind::Chmod, |seen| type_of(seen) == "fchmod");
    assert_eq!((seen.number(&FD), seen.number(&MODE)), (fd.into(), 0o2711));
    assert!(seen.is_absent(&FILE_NAME));
    assert_eq!(seen.text(&DIRECTORY), path.to_str().unwrap());

    assert_eq!(call(libc::SYS_fchmodat, &[dirfd, at(&c("file")), 0o600]), 0);
    let seen = mine(&eyes, Kind::Chmod, |seen| seen.text(&FILE_NAME) == "file");
    assert_eq!((type_of(&seen), seen.number(&DIRFD), seen.number(&MODE)), ("fchmodat", dirfd.into(), 0o600));
    assert_eq!(seen.text(&DIRECTORY), dir.path().to_str().unwrap());

    // New in 6.6; unknown calls are seen by nobody.
    let result = call(libc::SYS_fchmodat2, &[CWD, at(&c(&path)), 0o640, 0]);
    if result != ENOSYS {
        assert_eq!(result, 0);
        let seen = mine(&eyes, Kind::Chmod, |seen| type_of(seen) == "fchmodat2");
        assert_eq!((seen.number(&FLAGS), seen.number(&MODE)), (0, 0o640));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    }
}

#[test]
fn a_change_of_mode_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_chmod, &[at(&c("/no-such-nightjar")), 0o777]), -2);
    let seen = mine(&eyes, Kind::Chmod, |seen| seen.text(&FILE_NAME) == "/no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
    assert_eq!(call(libc::SYS_fchmod, &[u64::MAX, 0o777]), -9);
    let seen = mine(&eyes, Kind::Chmod, |seen| seen.number(&RESULT) == -9);
    assert_eq!(seen.number(&FD), -1);
}
