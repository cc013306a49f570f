//! `mknod`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::mknod::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

#[test]
fn a_node_that_is_made_is_told_with_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("pipe");
    let dirfd = File::open(dir.path()).unwrap();
    let dirfd = dirfd.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_mknod, &[at(&c(&made)), u64::from(libc::S_IFIFO | 0o600), 0]), 0);
    let seen = mine(&eyes, Kind::Mknod, |seen| seen.text(&PATH) == made.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&MODE)), ("mknod", 0, 0o600));
    assert_eq!(seen.text(&FILE_TYPE), "fifo");

    let null = libc::makedev(1, 3);
    assert_eq!(call(libc::SYS_mknodat, &[dirfd, at(&c("null")), u64::from(libc::S_IFCHR | 0o666), null]), 0);
    let seen = mine(&eyes, Kind::Mknod, |seen| seen.text(&PATH) == "null");
    assert_eq!((type_of(&seen), seen.text(&FILE_TYPE)), ("mknodat", "char_device".to_owned()));
    assert_eq!((seen.number(&DEV), seen.number(&DIRFD)), (null.into(), dirfd.into()));
    assert_eq!(seen.text(&DIRECTORY), dir.path().to_str().unwrap());

    assert_eq!(call(libc::SYS_mknod, &[at(&c(&made)), 0o644, 0]), -17);
    let seen = mine(&eyes, Kind::Mknod, |seen| seen.text(&PATH) == made.to_str().unwrap());
    assert_eq!((seen.number(&RESULT), seen.text(&FILE_TYPE)), (-17, "file".to_owned()));
}
