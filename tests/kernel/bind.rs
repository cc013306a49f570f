//! `bind`.

use std::{
    net::{TcpListener, UdpSocket},
    os::{fd::AsRawFd, unix::net::UnixListener},
};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::bind::*};
use nightjar_tests::Eyes;

use super::deed::mine;

#[test]
fn an_address_of_its_own_is_told_as_the_socket_has_it() {
    let eyes = Eyes::open();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = socket.local_addr().unwrap();
    let seen = mine(&eyes, Kind::Bind, |seen| seen.value(&OWN_PORT) == Value::Uint(here.port().into()));
    assert_eq!((seen.number(&RESULT), seen.number(&FD)), (0, socket.as_raw_fd().into()));
    assert_eq!((seen.text(&FAMILY), seen.text(&SOCK_TYPE)), ("ipv4".to_owned(), "dgram".to_owned()));
    assert_eq!((seen.value(&OWN_IP), seen.number(&PROTOCOL)), (Value::Ip(here.ip()), 17));
}

#[test]
fn an_address_that_is_taken_is_told_as_it_was_asked_for() {
    let first = TcpListener::bind("[::1]:0").unwrap();
    let here = first.local_addr().unwrap();
    let eyes = Eyes::open();
    TcpListener::bind(here).unwrap_err();
    // The first one's record may still be on its way.
    let seen = mine(&eyes, Kind::Bind, |seen| seen.number(&RESULT) == -98 && !seen.is_absent(&OWN_PORT));
    let address = (seen.value(&OWN_IP), seen.number(&OWN_PORT));
    assert_eq!(address, (Value::Ip(here.ip()), here.port().into()));
}

#[test]
fn a_unix_socket_is_told_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let eyes = Eyes::open();
    let _listener = UnixListener::bind(&path).unwrap();
    UnixListener::bind(&path).unwrap_err();
    for result in [0, -98] {
        let seen = mine(&eyes, Kind::Bind, |seen| seen.text(&PATH) == path.to_str().unwrap());
        assert_eq!((seen.number(&RESULT), seen.text(&FAMILY)), (result, "unix".to_owned()));
        assert!(seen.is_absent(&OWN_IP));
    }
}
