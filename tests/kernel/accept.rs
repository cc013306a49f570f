//! `accept`.

use std::{
    net::{TcpListener, TcpStream},
    os::{
        fd::AsRawFd,
        unix::net::{UnixListener, UnixStream},
    },
};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::accept::*};
use nightjar_tests::Eyes;

use super::deed::{call, mine, type_of};

#[test]
fn a_connection_is_told_with_who_made_it() {
    for (address, family) in [("127.0.0.1:0", "ipv4"), ("[::1]:0", "ipv6")] {
        let listener = TcpListener::bind(address).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (here, there) = (listener.local_addr().unwrap(), client.local_addr().unwrap());
        let eyes = Eyes::open();
        let (stream, _) = listener.accept().unwrap();
        let seen =
            mine(&eyes, Kind::Accept, |seen| seen.value(&PEER_PORT) == Value::Uint(there.port().into()));
        assert_eq!((type_of(&seen), seen.number(&RESULT)), ("accept4", stream.as_raw_fd().into()));
        assert_eq!(seen.number(&FD), listener.as_raw_fd().into());
        assert_eq!(seen.number(&FLAGS), libc::SOCK_CLOEXEC.into());
        assert_eq!(
            (seen.value(&PEER_IP), seen.value(&OWN_IP)),
            (Value::Ip(there.ip()), Value::Ip(here.ip()))
        );
        assert_eq!((seen.number(&OWN_PORT), seen.text(&FAMILY)), (here.port().into(), family.to_owned()));
        assert_eq!(seen.value(&CONNECTED), Value::Bool(true));
    }
}

#[test]
fn a_unix_connection_is_told_by_where_it_was_made_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    let eyes = Eyes::open();
    let fd = call(libc::SYS_accept, &[listener.as_raw_fd() as u64, 0, 0]);
    assert!(fd >= 0);
    let seen = mine(&eyes, Kind::Accept, |seen| seen.text(&PATH) == path.to_str().unwrap());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("accept", fd.into()));
    assert!(seen.is_absent(&FLAGS));
    assert_eq!(call(libc::SYS_close, &[fd as u64]), 0);
}

#[test]
fn a_socket_that_does_not_listen_accepts_nothing_and_that_is_told() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let fd = socket.as_raw_fd() as u64;
    let eyes = Eyes::open();
    assert_eq!(call(libc::SYS_accept, &[fd, 0, 0]), -95);
    let seen = mine(&eyes, Kind::Accept, |seen| seen.number(&RESULT) == -95);
    assert_eq!(seen.number(&FD), fd.into());
    assert_eq!(seen.number(&OWN_PORT), socket.local_addr().unwrap().port().into());
}
