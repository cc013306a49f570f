//! `unlink`.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::unlink::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

const AT_REMOVEDIR: u64 = 0x200;

#[test]
fn each_call_that_removes_a_name_is_told_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("unlink"), "").unwrap();
    fs::create_dir(path("rmdir")).unwrap();
    fs::create_dir(path("unlinkat")).unwrap();
    let dirfd = File::open(dir.path()).unwrap();
    let dirfd = dirfd.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_unlink, &[at(&c(path("unlink")))]), 0);
    assert_eq!(call(libc::SYS_rmdir, &[at(&c(path("rmdir")))]), 0);
    assert_eq!(call(libc::SYS_unlinkat, &[dirfd, at(&c("unlinkat")), AT_REMOVEDIR]), 0);
    for name in ["unlink", "rmdir"] {
        let seen = mine(&eyes, Kind::Unlink, |seen| seen.text(&PATH) == path(name).to_str().unwrap());
        assert_eq!((type_of(&seen), seen.number(&RESULT)), (name, 0));
        assert!(seen.is_absent(&DIRFD) && seen.is_absent(&FLAGS) && seen.is_absent(&DIRECTORY));
    }
    let seen = mine(&eyes, Kind::Unlink, |seen| seen.text(&PATH) == "unlinkat");
    assert_eq!(type_of(&seen), "unlinkat");
    assert_eq!(seen.number(&DIRFD), dirfd.into());
    assert_eq!(seen.text(&DIRECTORY), dir.path().to_str().unwrap());
    assert_eq!(seen.number(&FLAGS), AT_REMOVEDIR.into());
}

#[test]
fn a_removal_that_fails_is_told_with_its_errno_and_from_where_it_was_asked() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_unlink, &[at(&c("no-such-nightjar"))]), -2);
    let seen = mine(&eyes, Kind::Unlink, |seen| seen.text(&PATH) == "no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
    assert_eq!(seen.text(&DIRECTORY), std::env::current_dir().unwrap().to_str().unwrap());
    assert_eq!(call(libc::SYS_unlinkat, &[u64::MAX, at(&c("no-such-directory"))]), -9);
    let seen = mine(&eyes, Kind::Unlink, |seen| seen.text(&PATH) == "no-such-directory");
    assert_eq!((seen.number(&RESULT), seen.number(&DIRFD)), (-9, -1));
    assert!(seen.is_absent(&DIRECTORY));
    // An address where nothing is: no name, but a record.
    assert_eq!(call(libc::SYS_rmdir, &[8]), -14);
    let seen = mine(&eyes, Kind::Unlink, |seen| seen.number(&RESULT) == -14);
    assert!(seen.is_absent(&PATH));
}
