//! `kill`.

use nightjar_events::{Kind, event::kill::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine, type_of};

#[test]
fn a_signal_is_told_with_to_whom_it_was_sent() {
    let eyes = Eyes::open();
    let pid = u64::from(std::process::id());
    let tid = call(libc::SYS_gettid, &[]) as u64;
    assert_eq!(call(libc::SYS_kill, &[pid, 0]), 0);
    let seen = mine(&eyes, Kind::Kill, |seen| type_of(seen) == "kill");
    assert_eq!((seen.number(&PID), seen.number(&RESULT), seen.number(&SIGNAL)), (pid.into(), 0, 0));
    assert!(seen.is_absent(&TID));
    assert_eq!(call(libc::SYS_tkill, &[tid, libc::SIGCONT as u64]), 0);
    let seen = mine(&eyes, Kind::Kill, |seen| type_of(seen) == "tkill");
    assert_eq!((seen.number(&TID), seen.text(&SIGNAL)), (tid.into(), "SIGCONT".to_owned()));
    assert!(seen.is_absent(&PID));
    assert_eq!(call(libc::SYS_tgkill, &[pid, tid, 65]), -22);
    let seen = mine(&eyes, Kind::Kill, |seen| type_of(seen) == "tgkill");
    assert_eq!((seen.number(&PID), seen.number(&TID), seen.number(&RESULT)), (pid.into(), tid.into(), -22));
    assert_eq!(call(libc::SYS_kill, &[0x3fff_ffff, libc::SIGKILL as u64]), -3);
    let seen = mine(&eyes, Kind::Kill, |seen| seen.number(&RESULT) == -3);
    assert_eq!((seen.number(&PID), seen.text(&SIGNAL)), (0x3fff_ffff, "SIGKILL".to_owned()));
}
