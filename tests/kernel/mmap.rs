//! `mmap`.

use std::{fs::File, os::fd::AsRawFd};

use nightjar_events::{Kind, event::mmap::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine, type_of};

const MAP_PRIVATE: u64 = 2;
const ANONYMOUS: u64 = MAP_PRIVATE | MAP_ANONYMOUS;
/// Told apart from what other code of this thread maps.
const LENGTH_HERE: u64 = 3 * 4096;

/// Memory that is given back with the test.
pub struct Memory(pub u64, u64);

impl Memory {
    pub fn new(protection: u64, flags: u64) -> Memory {
        Memory::of(LENGTH_HERE, protection, flags, u64::MAX, 0)
    }

    fn of(length: u64, protection: u64, flags: u64, fd: u64, offset: u64) -> Memory {
        let address = call(libc::SYS_mmap, &[0, length, protection, flags, fd, offset]);
        assert!(address > 0, "mmap: {address}");
        Memory(address as u64, length)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        assert_eq!(call(libc::SYS_munmap, &[self.0, self.1]), 0);
    }
}

#[test]
fn executable_memory_is_told_and_other_memory_is_not() {
    let eyes = Eyes::open();
    let _data = Memory::new(3, ANONYMOUS);
    let code = Memory::new(7, ANONYMOUS);
    let seen = mine(&eyes, Kind::Mmap, |seen| seen.number(&LENGTH) == LENGTH_HERE.into());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("mmap", code.0.into()));
    assert_eq!(seen.number(&PROTECTION), 7);
    assert_eq!((seen.number(&FLAGS), seen.number(&ADDRESS)), (ANONYMOUS.into(), 0));
    assert!(seen.is_absent(&FD) && seen.is_absent(&OFFSET) && seen.is_absent(&PATH));
    let _later = Memory::new(5, ANONYMOUS);
    let seen = mine(&eyes, Kind::Mmap, |seen| seen.number(&LENGTH) == LENGTH_HERE.into());
    assert_eq!(seen.number(&PROTECTION), 5);
}

#[test]
fn of_a_mapped_file_only_what_can_be_written_and_run_is_told_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("code");
    std::fs::write(&path, vec![0; 3 * 4096]).unwrap();
    let file = File::open(&path).unwrap();
    let fd = file.as_raw_fd() as u64;
    let eyes = Eyes::open();
    let _library = Memory::of(LENGTH_HERE, 5, MAP_PRIVATE, fd, 0);
    let _patched = Memory::of(2 * 4096, 7, MAP_PRIVATE, fd, 4096);
    let seen = mine(&eyes, Kind::Mmap, |seen| !seen.is_absent(&FD) && seen.number(&FD) == fd.into());
    assert_eq!((seen.number(&LENGTH), seen.number(&OFFSET)), (8192, 4096));
    assert_eq!(seen.text(&PATH), path.to_str().unwrap());
}

#[test]
fn memory_that_is_refused_is_told_with_its_errno() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_mmap, &[0, 0, 7, ANONYMOUS, u64::MAX, 0]), -22);
    let seen = mine(&eyes, Kind::Mmap, |seen| seen.number(&LENGTH) == 0);
    assert_eq!(seen.number(&RESULT), -22);
}
