//! `rename`.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::rename::*};
use nightjar_tests::Eyes;

use super::deed::{CWD, at, c, call, mine, type_of};

const RENAME_NOREPLACE: u64 = 1;

#[test]
fn each_call_that_renames_is_told_with_both_names() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (from.path().join("old"), to.path().join("new"));
    fs::write(&old, "").unwrap();
    let fds = [&from, &to].map(|dir| File::open(dir.path()).unwrap());
    let [from_fd, to_fd] = fds.each_ref().map(|fd| fd.as_raw_fd() as u64);
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_rename, &[at(&c(&old)), at(&c(&new))]), 0);
    let seen = mine(&eyes, Kind::Rename, |seen| seen.text(&OLD_PATH) == old.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("rename", 0));
    assert_eq!(seen.text(&NEW_PATH), new.to_str().unwrap());
    assert!(seen.is_absent(&OLD_DIRFD) && seen.is_absent(&NEW_DIRFD) && seen.is_absent(&FLAGS));

    assert_eq!(call(libc::SYS_renameat, &[to_fd, at(&c("new")), from_fd, at(&c("again"))]), 0);
    let seen = mine(&eyes, Kind::Rename, |seen| seen.text(&NEW_PATH) == "again");
    assert_eq!(type_of(&seen), "renameat");
    assert_eq!((seen.number(&OLD_DIRFD), seen.number(&NEW_DIRFD)), (to_fd.into(), from_fd.into()));
    assert_eq!(seen.text(&OLD_DIRECTORY), to.path().to_str().unwrap());
    assert_eq!(seen.text(&NEW_DIRECTORY), from.path().to_str().unwrap());

    let again = c(from.path().join("again"));
    assert_eq!(call(libc::SYS_renameat2, &[CWD, at(&again), CWD, at(&c(&new)), RENAME_NOREPLACE]), 0);
    let seen = mine(&eyes, Kind::Rename, |seen| seen.text(&NEW_PATH) == new.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&FLAGS)), ("renameat2", 1));
    assert_eq!(seen.text(&OLD_PATH).as_bytes(), again.as_bytes());
    assert!(seen.is_absent(&OLD_DIRECTORY) && seen.is_absent(&NEW_DIRECTORY));
}

#[test]
fn a_rename_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_rename, &[at(&c("no-such-old")), at(&c("/no-such/new"))]), -2);
    let seen = mine(&eyes, Kind::Rename, |seen| seen.text(&OLD_PATH) == "no-such-old");
    assert_eq!((seen.number(&RESULT), seen.text(&NEW_PATH)), (-2, "/no-such/new".to_owned()));
    assert_eq!(seen.text(&OLD_DIRECTORY), std::env::current_dir().unwrap().to_str().unwrap());
}
