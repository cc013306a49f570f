//! `socket`.

use nightjar_events::{Kind, event::socket::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

#[test]
fn a_socket_is_told_with_the_family_that_was_asked_for() {
    let eyes = Eyes::open();
    // A protocol by which the test finds its own.
    let fd = call(libc::SYS_socket, &[libc::AF_INET as u64, libc::SOCK_RAW as u64, 253]);
    assert!(fd >= 0);
    let seen = mine(&eyes, Kind::SocketCall, |seen| seen.number(&PROTOCOL) == 253);
    assert_eq!((seen.text(&DOMAIN), seen.number(&RESULT)), ("AF_INET".to_owned(), fd.into()));
    assert_eq!(seen.number(&SOCK_TYPE), libc::SOCK_RAW.into());
    assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);

    let result = call(libc::SYS_socket, &[libc::AF_PACKET as u64, libc::SOCK_RAW as u64, 0x0300]);
    let seen = mine(&eyes, Kind::SocketCall, |seen| seen.text(&DOMAIN) == "AF_PACKET");
    assert_eq!((seen.number(&RESULT), seen.number(&PROTOCOL)), (result.into(), 0x0300));
    if result >= 0 {
        assert_eq!(call(libc::SYS_close, &[result as u64]), 0);
    }
    assert_eq!(call(libc::SYS_socket, &[999, 1, 0]), -97);
    let seen = mine(&eyes, Kind::SocketCall, |seen| seen.number(&RESULT) == -97);
    assert_eq!(seen.value(&DOMAIN), nightjar_engine::Value::Uint(999));
}
