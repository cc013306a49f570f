//! `mount`.

use nightjar_events::{Kind, event::mount::*};
use nightjar_tests::Eyes;

use super::deed::{CWD, at, c, call, mine, type_of};

const MS_NOSUID: u64 = 2;
const MNT_DETACH: u64 = 2;

#[test]
fn a_mount_and_its_end_are_told_with_where_and_what() {
    let dir = tempfile::tempdir().unwrap();
    let eyes = Eyes::open();
    let place = c(dir.path());
    assert_eq!(call(libc::SYS_mount, &[at(&c("nightjar")), at(&place), at(&c("tmpfs")), MS_NOSUID, 0]), 0);
    assert_eq!(call(libc::SYS_umount2, &[at(&place), MNT_DETACH]), 0);
    let here = |seen: &nightjar_tests::Seen| seen.text(&PATH).as_bytes() == place.as_bytes();
    let seen = mine(&eyes, Kind::Mount, here);
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("mount", 0));
    assert_eq!((seen.text(&DEVICE), seen.text(&FS_TYPE)), ("nightjar".to_owned(), "tmpfs".to_owned()));
    assert_eq!(seen.number(&FLAGS), MS_NOSUID.into());
    assert!(seen.is_absent(&UMOUNT_FLAGS));
    let seen = mine(&eyes, Kind::Mount, here);
    assert_eq!((type_of(&seen), seen.number(&UMOUNT_FLAGS)), ("umount2", MNT_DETACH.into()));
    assert!(seen.is_absent(&DEVICE) && seen.is_absent(&FS_TYPE) && seen.is_absent(&FLAGS));
}

#[test]
fn a_mount_that_fails_is_told_with_its_errno() {
    let eyes = Eyes::open();
    let (from, to) = (c("no-such-from"), c("no-such-to"));
    assert_eq!(call(libc::SYS_mount, &[at(&from), at(&to), at(&c("tmpfs")), 0, 0]), -2);
    assert_eq!(call(libc::SYS_move_mount, &[CWD, at(&from), CWD, at(&to), 0]), -2);
    for name in ["mount", "move_mount"] {
        let seen = mine(&eyes, Kind::Mount, |seen| seen.text(&PATH) == "no-such-to");
        assert_eq!((type_of(&seen), seen.number(&RESULT)), (name, -2));
        assert_eq!(seen.text(&DEVICE), "no-such-from");
        assert_eq!(seen.text(&DIRECTORY), std::env::current_dir().unwrap().to_str().unwrap());
    }
}
