//! `setxattr`.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use nightjar_events::{Kind, event::setxattr::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine, type_of};

const ENOSYS: i64 = -38;
const XATTR_CREATE: u64 = 1;

/// CAP_NET_RAW, permitted and effective: `struct vfs_cap_data` (include/uapi/linux/capability.h).
const NET_RAW: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];

#[test]
fn each_call_that_sets_an_attribute_is_told_with_name_and_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let (dirfd, file) = (File::open(dir.path()).unwrap(), File::open(&path).unwrap());
    let (dirfd, fd) = (dirfd.as_raw_fd() as u64, file.as_raw_fd() as u64);
    let (name, value) = (c("security.capability"), NET_RAW.as_ptr() as u64);
    let eyes = Eyes::open();
    let result = call(libc::SYS_setxattr, &[at(&c(&path)), at(&name), value, 20, 0]);
    let seen = mine(&eyes, Kind::Setxattr, |seen| seen.text(&PATH) == path.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("setxattr", result.into()));
    assert_eq!((seen.text(&ATTRIBUTE), seen.number(&SIZE)), ("security.capability".to_owned(), 20));
    assert!(seen.is_absent(&FD) && seen.is_absent(&DIRFD));

    let result = call(libc::SYS_lsetxattr, &[at(&c(&path)), at(&name), value, 20, XATTR_CREATE]);
    let seen = mine(&eyes, Kind::Setxattr, |seen| type_of(seen) == "lsetxattr");
    assert_eq!((seen.number(&RESULT), seen.number(&FLAGS)), (result.into(), XATTR_CREATE.into()));

    let result = call(libc::SYS_fsetxattr, &[fd, at(&c("user.nightjar")), at(&c("x")), 1, 0]);
    let seen = mine(&eyes, Kind::Setxattr, |seen| type_of(seen) == "fsetxattr");
    assert_eq!((seen.number(&RESULT), seen.number(&FD)), (result.into(), fd.into()));
    assert_eq!(
        (seen.text(&DIRECTORY).as_str(), seen.text(&ATTRIBUTE)),
        (path.to_str().unwrap(), "user.nightjar".to_owned())
    );
    assert!(seen.is_absent(&PATH));

    // New in 6.13; unknown calls are seen by nobody.
    let args = [value, 20 | XATTR_CREATE << 32];
    let result = call(463, &[dirfd, at(&c("file")), 0x100, at(&name), args.as_ptr() as u64, 16]);
    if result != ENOSYS {
        let seen = mine(&eyes, Kind::Setxattr, |seen| type_of(seen) == "setxattrat");
        assert_eq!((seen.number(&RESULT), seen.number(&DIRFD)), (result.into(), dirfd.into()));
        assert_eq!(
            (seen.text(&PATH).as_str(), seen.text(&DIRECTORY).as_str()),
            ("file", dir.path().to_str().unwrap())
        );
        assert_eq!((seen.text(&ATTRIBUTE), seen.number(&SIZE)), ("security.capability".to_owned(), 20));
        assert_eq!((seen.number(&FLAGS), seen.number(&AT)), (XATTR_CREATE.into(), 0x100));
    }
}

#[test]
fn an_attribute_that_is_refused_is_told_with_its_errno() {
    let eyes = Eyes::open();
    let path = c("no-such-nightjar");
    assert_eq!(call(libc::SYS_setxattr, &[at(&path), at(&c("user.x")), at(&path), 1, 0]), -2);
    let seen = mine(&eyes, Kind::Setxattr, |seen| seen.text(&PATH) == "no-such-nightjar");
    assert_eq!(seen.number(&RESULT), -2);
    assert_eq!(seen.text(&DIRECTORY), std::env::current_dir().unwrap().to_str().unwrap());
}
