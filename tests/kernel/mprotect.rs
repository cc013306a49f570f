//! `mprotect`.

use nightjar_events::{Kind, event::mprotect::*};
use nightjar_tests::Eyes;

use super::{
    deed::{call, mine, type_of},
    mmap::Memory,
};

#[test]
fn memory_that_is_made_executable_is_told_and_other_memory_is_not() {
    let (memory, eyes) = (Memory::new(3, 0x22), Eyes::open());
    assert_eq!(call(libc::SYS_mprotect, &[memory.0, 4096, 1]), 0);
    assert_eq!(call(libc::SYS_mprotect, &[memory.0, 4096, 7]), 0);
    let seen = mine(&eyes, Kind::Mprotect, |seen| seen.number(&ADDRESS) == memory.0.into());
    assert_eq!(seen.number(&PROTECTION), 7);
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&LENGTH)), ("mprotect", 0, 4096));
    assert!(seen.is_absent(&KEY));
}

#[test]
fn a_protection_that_is_refused_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_mprotect, &[4711, 4096, 5]), -22);
    let seen = mine(&eyes, Kind::Mprotect, |seen| seen.number(&ADDRESS) == 4711);
    assert_eq!((seen.number(&RESULT), seen.number(&PROTECTION)), (-22, 5));
    // No key has been given out, but -1 is always one.
    let memory = Memory::new(3, 0x22);
    let result = call(libc::SYS_pkey_mprotect, &[memory.0, 4096, 5, u64::MAX]);
    assert_eq!(result, 0);
    let seen = mine(&eyes, Kind::Mprotect, |seen| type_of(seen) == "pkey_mprotect");
    assert_eq!((seen.number(&KEY), seen.number(&ADDRESS)), (-1, memory.0.into()));
}
