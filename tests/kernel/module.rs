//! `module`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::module::*};
use nightjar_tests::{Eyes, is_watched};

use super::deed::{at, c, call, mine, type_of};

const ENOSYS: i64 = -38;
const O_NONBLOCK: u64 = 0o4000;

#[test]
fn loading_and_unloading_modules_is_told_even_when_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rootkit.ko");
    std::fs::write(&path, "no module").unwrap();
    let file = File::open(&path).unwrap();
    let fd = file.as_raw_fd() as u64;
    let eyes = Eyes::open();
    let result = call(libc::SYS_finit_module, &[fd, at(&c("hide=1")), 1]);
    if result == ENOSYS {
        assert!(!is_watched(Kind::Module), "a kernel without modules has nothing to see them by");
        return;
    }
    assert!(result < 0);
    let seen = mine(&eyes, Kind::Module, |seen| type_of(seen) == "finit_module");
    assert_eq!((seen.number(&RESULT), seen.number(&FD)), (result.into(), fd.into()));
    assert_eq!(
        (seen.text(&PATH), seen.text(&PARAMETERS)),
        (path.to_str().unwrap().to_owned(), "hide=1".to_owned())
    );
    assert_eq!(seen.number(&FLAGS), 1);

    let image = *b"no module";
    let result = call(libc::SYS_init_module, &[image.as_ptr() as u64, 9, at(&c("hide=2"))]);
    assert!(result < 0);
    let seen = mine(&eyes, Kind::Module, |seen| type_of(seen) == "init_module");
    assert_eq!((seen.number(&RESULT), seen.number(&LENGTH)), (result.into(), 9));
    assert_eq!(seen.text(&PARAMETERS), "hide=2");
    assert!(seen.is_absent(&PATH) && seen.is_absent(&FD));

    let result = call(libc::SYS_delete_module, &[at(&c("no_such_nightjar")), O_NONBLOCK]);
    assert!(result < 0);
    let seen = mine(&eyes, Kind::Module, |seen| type_of(seen) == "delete_module");
    assert_eq!((seen.number(&RESULT), seen.number(&FLAGS)), (result.into(), O_NONBLOCK.into()));
    assert_eq!(seen.text(&MODULE_NAME), "no_such_nightjar");
}
