//! `fsmount`.

use nightjar_events::{Kind, event::fsmount::*};
use nightjar_tests::{Eyes, Seen};

use super::deed::{CWD, at, c, call, mine, type_of};

const OPEN_TREE_CLONE: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const CMD_CREATE: u64 = 6;

#[test]
fn each_step_of_a_mount_is_told() {
    let eyes = Eyes::open();
    let step = |name: &str| mine(&eyes, Kind::Fsmount, |seen: &Seen| type_of(seen) == name);
    let fs = call(libc::SYS_fsopen, &[at(&c("tmpfs")), 1]);
    assert!(fs >= 0, "{fs}");
    let seen = step("fsopen");
    assert_eq!((seen.number(&RESULT), seen.text(&FS_TYPE)), (fs.into(), "tmpfs".to_owned()));
    assert_eq!(seen.number(&OPEN_FLAGS), 1);
    assert!(seen.is_absent(&KEY) && seen.is_absent(&PATH) && seen.is_absent(&FLAGS));

    let set = u64::from(FSCONFIG_SET_STRING);
    let (key, value) = (c("source"), c("/dev/nightjar"));
    assert_eq!(call(libc::SYS_fsconfig, &[fs as u64, set, at(&key), at(&value), 0]), 0);
    let seen = step("fsconfig");
    assert_eq!((seen.text(&COMMAND), seen.number(&FD)), ("FSCONFIG_SET_STRING".to_owned(), fs.into()));
    assert_eq!((seen.text(&KEY), seen.text(&VALUE)), ("source".to_owned(), "/dev/nightjar".to_owned()));
    assert!(seen.is_absent(&FS_TYPE));
    assert_eq!(call(libc::SYS_fsconfig, &[fs as u64, CMD_CREATE, 0, 0, 0]), 0);
    let seen = step("fsconfig");
    assert_eq!((seen.text(&COMMAND), seen.is_absent(&KEY)), ("FSCONFIG_CMD_CREATE".to_owned(), true));

    let mount = call(libc::SYS_fsmount, &[fs as u64, 1, MOUNT_ATTR_NOSUID]);
    assert!(mount >= 0, "{mount}");
    let seen = step("fsmount");
    assert_eq!((seen.number(&RESULT), seen.number(&FD)), (mount.into(), fs.into()));
    assert_eq!((seen.number(&FLAGS), seen.number(&ATTRIBUTES)), (1, MOUNT_ATTR_NOSUID.into()));
    for fd in [mount, fs] {
        assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);
    }
}

#[test]
fn a_tree_that_is_taken_along_and_one_that_is_not_there_are_told_with_their_path() {
    let dir = tempfile::tempdir().unwrap();
    let eyes = Eyes::open();
    let tree = call(libc::SYS_open_tree, &[CWD, at(&c(dir.path())), OPEN_TREE_CLONE]);
    assert!(tree >= 0, "{tree}");
    assert_eq!(call(libc::SYS_close, &[tree as u64]), 0);
    let seen = mine(&eyes, Kind::Fsmount, |seen| seen.text(&PATH) == dir.path().to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("open_tree", tree.into()));
    assert_eq!((seen.number(&TREE_FLAGS), seen.number(&DIRFD)), (OPEN_TREE_CLONE.into(), -100));

    assert_eq!(call(libc::SYS_fspick, &[CWD, at(&c("no-such-nightjar")), 1]), -2);
    let seen = mine(&eyes, Kind::Fsmount, |seen| seen.text(&PATH) == "no-such-nightjar");
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("fspick", -2));
    assert_eq!(seen.number(&PICK_FLAGS), 1);
    assert_eq!(seen.text(&DIRECTORY), std::env::current_dir().unwrap().to_str().unwrap());
}
