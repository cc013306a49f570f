//! `process_vm`.

use nightjar_events::{Kind, event::process_vm::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine, type_of};

#[test]
fn reading_and_writing_another_processs_memory_is_told() {
    let (from, mut to) = (*b"nightjar", [0u8; 8]);
    let own = [to.as_mut_ptr() as u64, 8];
    let others = [from.as_ptr() as u64, 8];
    let (own, others) = (own.as_ptr() as u64, others.as_ptr() as u64);
    let pid = u64::from(std::process::id());
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_process_vm_readv, &[pid, own, 1, others, 1, 0]), 8);
    assert_eq!(to, from);
    let seen = mine(&eyes, Kind::ProcessVm, |seen| seen.number(&PID) == pid.into());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("process_vm_readv", 8));
    assert_eq!(call(libc::SYS_process_vm_writev, &[0x3fff_ffff, own, 1, others, 1, 0]), -3);
    let seen = mine(&eyes, Kind::ProcessVm, |seen| seen.number(&PID) == 0x3fff_ffff);
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("process_vm_writev", -3));
}
