//! `chown`.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::chown::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

#[test]
fn each_call_that_changes_an_owner_is_told_with_the_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let (dirfd, file) = (File::open(dir.path()).unwrap(), File::open(&path).unwrap());
    let (dirfd, fd) = (dirfd.as_raw_fd() as u64, file.as_raw_fd() as u64);
    // As the machine has it: an `int`.
    let stay = u64::from(u32::MAX);
    let eyes = Eyes::open();
    for (number, name, uid) in [(libc::SYS_chown, "chown", 1001), (libc::SYS_lchown, "lchown", 1002)] {
        assert_eq!(call(number, &[at(&c(&path)), uid, stay]), 0);
        let seen = mine(&eyes, Kind::Chown, |seen| seen.number(&UID) == uid.into());
        assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&GID)), (name, 0, -1));
        assert_eq!(seen.text(&PATH), path.to_str().unwrap());
    }
    assert_eq!(call(libc::SYS_fchown, &[fd, stay, 1003]), 0);
    let seen = mine(&eyes, Kind::Chown, |seen| seen.number(&GID) == 1003);
    assert_eq!((type_of(&seen), seen.number(&FD), seen.number(&UID)), ("fchown", fd.into(), -1));
    assert_eq!(seen.text(&DIRECTORY), path.to_str().unwrap());

    assert_eq!(call(libc::SYS_fchownat, &[dirfd, at(&c("file")), 1004, 1005, 0x100]), 0);
    let seen = mine(&eyes, Kind::Chown, |seen| seen.number(&UID) == 1004);
    assert_eq!((type_of(&seen), seen.number(&DIRFD), seen.number(&GID)), ("fchownat", dirfd.into(), 1005));
    assert_eq!(
        (seen.number(&FLAGS), seen.text(&DIRECTORY)),
        (0x100, dir.path().to_str().unwrap().to_owned())
    );
}

#[test]
fn a_change_of_owner_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_chown, &[at(&c("/no-such-nightjar")), 0, 0]), -2);
    let seen = mine(&eyes, Kind::Chown, |seen| seen.text(&PATH) == "/no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
}
