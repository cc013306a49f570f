//! `listen`.

use std::{net::TcpListener, os::fd::AsRawFd};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::listen::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine};

#[test]
fn a_socket_that_waits_for_connections_is_told_with_where() {
    let eyes = Eyes::open();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let seen = mine(&eyes, Kind::Listen, |seen| seen.value(&OWN_PORT) == Value::Uint(here.port().into()));
    assert_eq!((seen.number(&RESULT), seen.number(&FD)), (0, listener.as_raw_fd().into()));
    assert_eq!((seen.value(&OWN_IP), seen.text(&SOCK_TYPE)), (Value::Ip(here.ip()), "stream".to_owned()));
    assert!(seen.number(&BACKLOG) > 0);
    assert_eq!(call(libc::SYS_listen, &[u64::MAX, 5]), -9);
    let seen = mine(&eyes, Kind::Listen, |seen| seen.number(&RESULT) == -9);
    assert_eq!((seen.number(&FD), seen.number(&BACKLOG)), (-1, 5));
    assert!(seen.is_absent(&FAMILY));
}
