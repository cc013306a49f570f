//! `ptrace`.

use nightjar_events::{Kind, event::ptrace::*};
use nightjar_tests::Eyes;

use super::deed::{call, in_child, mine};

const ATTACH: u64 = 16;
const SEIZE: u64 = 0x4206;
const POKEDATA: u64 = 5;

#[test]
fn a_process_that_asks_to_be_traced_is_told() {
    let eyes = Eyes::open();
    let mut child = in_child(|| i32::from(call(libc::SYS_ptrace, &[0]) != 0));
    assert!(child.wait().unwrap().success());
    let seen = eyes.wait_for(Kind::Ptrace, child.id());
    assert_eq!((seen.text(&REQUEST), seen.number(&RESULT)), ("PTRACE_TRACEME".to_owned(), 0));
}

#[test]
fn an_attach_is_told_even_when_there_is_nobody_to_attach_to() {
    let eyes = Eyes::open();
    for (request, name) in [(ATTACH, "PTRACE_ATTACH"), (SEIZE, "PTRACE_SEIZE"), (POKEDATA, "PTRACE_POKEDATA")]
    {
        assert_eq!(call(libc::SYS_ptrace, &[request, 0x3fff_ffff, 0x1000, 42]), -3);
        let seen = mine(&eyes, Kind::Ptrace, |seen| seen.number(&PID) == 0x3fff_ffff);
        assert_eq!((seen.text(&REQUEST), seen.number(&RESULT)), (name.to_owned(), -3));
        assert_eq!((seen.number(&ADDR), seen.number(&DATA)), (0x1000, 42));
    }
}
