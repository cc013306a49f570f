//! `bpf`.

use nightjar_events::{Kind, event::bpf::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

#[test]
fn loading_a_program_is_told_even_when_it_fails() {
    let attributes = [0u64; 16];
    let eyes = Eyes::open();
    let result = call(libc::SYS_bpf, &[5, attributes.as_ptr() as u64, 128]);
    assert!(result < 0);
    let seen = mine(&eyes, Kind::Bpf, |seen| seen.number(&RESULT) == result.into());
    assert_eq!(seen.text(&COMMAND), "BPF_PROG_LOAD");
    let result = call(libc::SYS_bpf, &[0x7fff_ffff, attributes.as_ptr() as u64, 128]);
    assert_eq!(result, -22);
    mine(&eyes, Kind::Bpf, |seen| {
        seen.value(&COMMAND) == nightjar_engine::Value::Uint(0x7fff_ffff) && seen.number(&RESULT) == -22
    });
}
