//! `memfd_create`.

use nightjar_events::{Kind, event::memfd_create::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine};

#[test]
fn a_file_in_memory_is_told_with_its_name() {
    let eyes = Eyes::open();
    let fd = call(libc::SYS_memfd_create, &[at(&c("nightjar-memfd")), 3]);
    assert!(fd >= 0);
    let seen = mine(&eyes, Kind::MemfdCreate, |seen| seen.text(&MEMFD_NAME) == "nightjar-memfd");
    assert_eq!((seen.number(&RESULT), seen.number(&FLAGS)), (fd.into(), 3));
    assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);
    assert_eq!(call(libc::SYS_memfd_create, &[at(&c("nightjar-no-memfd")), 0x8000]), -22);
    let seen = mine(&eyes, Kind::MemfdCreate, |seen| seen.text(&MEMFD_NAME) == "nightjar-no-memfd");
    assert_eq!(seen.number(&RESULT), -22);
}
