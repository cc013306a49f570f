//! `symlink`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::symlink::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

#[test]
fn a_symbolic_link_is_told_with_what_it_says_and_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    let dirfd = File::open(dir.path()).unwrap();
    let dirfd = dirfd.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_symlink, &[at(&c("/etc/shadow")), at(&c(&link))]), 0);
    let seen = mine(&eyes, Kind::Symlink, |seen| seen.text(&LINK_PATH) == link.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("symlink", 0));
    assert_eq!(seen.text(&TARGET), "/etc/shadow");

    assert_eq!(call(libc::SYS_symlinkat, &[at(&c("nowhere")), dirfd, at(&c("linkat"))]), 0);
    let seen = mine(&eyes, Kind::Symlink, |seen| seen.text(&LINK_PATH) == "linkat");
    assert_eq!((type_of(&seen), seen.text(&TARGET)), ("symlinkat", "nowhere".to_owned()));
    assert_eq!(seen.number(&LINK_DIRFD), dirfd.into());
    assert_eq!(seen.text(&LINK_DIRECTORY), dir.path().to_str().unwrap());
}

#[test]
fn a_symbolic_link_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_symlink, &[at(&c("anything")), at(&c("/no-such/link"))]), -2);
    let seen = mine(&eyes, Kind::Symlink, |seen| seen.text(&LINK_PATH) == "/no-such/link");
    assert_eq!(seen.number(&RESULT), -2);
}
