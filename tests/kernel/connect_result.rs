//! `connect_result`.

use std::{net::TcpListener, os::fd::AsRawFd};

use nightjar_engine::Value;
use nightjar_events::{
    Kind,
    event::{connect, connect_result},
};
use nightjar_tests::{Eyes, Seen};
use rustix::net::{AddressFamily, SocketAddrV4, SocketFlags, SocketType};

use super::connect::closed_port;

const EINPROGRESS: i128 = -115;
const ECONNREFUSED: i128 = -111;

/// Connects without blocking; gives the socket and what the call itself was told.
fn start(eyes: &Eyes, port: u16) -> (rustix::fd::OwnedFd, Seen) {
    let socket =
        rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)
            .unwrap();
    let there = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port);
    assert_eq!(rustix::net::connect(&socket, &there), Err(rustix::io::Errno::INPROGRESS));
    let call = eyes.wait(Kind::Connect, |s| {
        s.0.header.pid == std::process::id() && s.value(&connect::DEST_PORT) == Value::Uint(port.into())
    });
    assert_eq!(call.number(&connect::RESULT), EINPROGRESS);
    (socket, call)
}

fn outcome(port: u16) -> (Seen, Seen, i32) {
    let eyes = Eyes::open();
    // A second view: the outcome may be told before the call's own record.
    let results = Eyes::open();
    let (socket, call) = start(&eyes, port);
    let seen = results
        .wait(Kind::ConnectResult, |s| s.value(&connect_result::DEST_PORT) == Value::Uint(port.into()));
    (call, seen, socket.as_raw_fd())
}

#[test]
fn a_nonblocking_connect_that_is_refused_later_is_told() {
    let port = closed_port();
    let (call, seen, fd) = outcome(port);
    assert_eq!(seen.number(&connect_result::RESULT), ECONNREFUSED);
    assert_eq!(seen.number(&connect_result::FD), fd.into());
    assert_eq!(seen.value(&connect_result::FAMILY), call.value(&connect::FAMILY));
    assert_eq!(seen.value(&connect_result::SOURCE_IP), call.value(&connect::SOURCE_IP));
    assert_eq!(seen.0.header.pid, std::process::id());
    assert_eq!(seen.0.header.tid, call.0.header.tid);
    assert_eq!(seen.0.header.cgroup_id, call.0.header.cgroup_id);
    assert_eq!(seen.value(&connect_result::DEST_IP), call.value(&connect::DEST_IP));
}

#[test]
fn a_nonblocking_connect_that_is_established_later_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (call, seen, _) = outcome(listener.local_addr().unwrap().port());
    assert_eq!(seen.number(&connect_result::RESULT), 0);
    assert_eq!(seen.number(&connect_result::SOURCE_PORT), call.number(&connect::SOURCE_PORT));
    assert!(seen.number(&connect_result::ELAPSED) > 0);
}

#[test]
fn a_blocking_connect_has_no_second_record() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let eyes = Eyes::open();
    let _stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    // One that does have a second record, after it: had the first one, it would come earlier.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other_port = other.local_addr().unwrap().port();
    let (_socket, _) = start(&Eyes::open(), other_port);
    let first = eyes.wait(Kind::ConnectResult, |s| {
        [port, other_port].map(|p| Value::Uint(p.into())).contains(&s.value(&connect_result::DEST_PORT))
    });
    assert_eq!(first.value(&connect_result::DEST_PORT), Value::Uint(other_port.into()));
}
