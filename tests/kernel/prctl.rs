//! `prctl`.

use nightjar_events::{Kind, event::prctl::*};
use nightjar_tests::Eyes;

use super::deed::{at, c, call, mine};

#[test]
fn a_thread_that_gives_itself_a_name_is_told_with_it() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_prctl, &[15, at(&c("nightjar-prctl"))]), 0);
    let seen = mine(&eyes, Kind::Prctl, |seen| seen.text(&TEXT) == "nightjar-prctl");
    assert_eq!((seen.text(&OPTION), seen.number(&RESULT)), ("PR_SET_NAME".to_owned(), 0));
}

#[test]
fn an_option_is_told_by_name_or_else_by_number() {
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_prctl, &[libc::PR_SET_PDEATHSIG as u64, 4711]), -22);
    let seen = mine(&eyes, Kind::Prctl, |seen| seen.number(&NUMBER) == 4711);
    assert_eq!((seen.text(&OPTION), seen.number(&RESULT)), ("PR_SET_PDEATHSIG".to_owned(), -22));
    assert!(seen.is_absent(&TEXT));
    assert_eq!(call(libc::SYS_prctl, &[0x7000_0000, 4712]), -22);
    let seen = mine(&eyes, Kind::Prctl, |seen| seen.number(&NUMBER) == 4712);
    assert_eq!(seen.number(&OPTION), 0x7000_0000);
}
