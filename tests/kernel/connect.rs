//! `connect`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream},
    },
};

use nightjar_engine::Value;
use nightjar_events::{Kind, Raw, event::connect};
use nightjar_tests::{Eyes, Seen};

const ECONNREFUSED: i128 = -111;
const ENOENT: i128 = -2;

/// The record of this process's connect to a port.
fn to_port(eyes: &Eyes, port: u16) -> Seen {
    eyes.wait(Kind::Connect, |seen| {
        seen.0.header.pid == std::process::id() && seen.value(&connect::DEST_PORT) == Value::Uint(port.into())
    })
}

fn to_path(eyes: &Eyes, path: &[u8]) -> Seen {
    eyes.wait(Kind::Connect, |seen| {
        seen.0.header.pid == std::process::id()
            && !seen.is_absent(&connect::PATH)
            && seen.bytes(&connect::PATH) == path
    })
}

#[test]
fn a_tcp_connection_is_told_with_both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    let eyes = Eyes::open();
    let stream = TcpStream::connect(there).unwrap();
    let seen = to_port(&eyes, there.port());
    assert_eq!(seen.number(&connect::RESULT), 0);
    assert_eq!(seen.number(&connect::FD), stream.as_raw_fd().into());
    assert_eq!(seen.text(&connect::FAMILY), "ipv4");
    assert_eq!(seen.text(&connect::SOCK_TYPE), "stream");
    assert_eq!(seen.number(&connect::PROTOCOL), 6);
    assert_eq!(seen.value(&connect::DEST_IP), Value::Ip(there.ip()));
    assert_eq!(seen.value(&connect::SOURCE_IP), Value::Ip(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(seen.number(&connect::SOURCE_PORT), stream.local_addr().unwrap().port().into());
}

#[test]
fn a_refused_connection_is_told_with_where_it_was_to_go() {
    let port = closed_port();
    let eyes = Eyes::open();
    TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    let seen = to_port(&eyes, port);
    assert_eq!(seen.number(&connect::RESULT), ECONNREFUSED);
    assert_eq!(seen.value(&connect::DEST_IP), Value::Ip(Ipv4Addr::LOCALHOST.into()));
}

#[test]
fn ipv6_is_told_as_such() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let there = listener.local_addr().unwrap();
    let eyes = Eyes::open();
    let stream = TcpStream::connect(there).unwrap();
    let seen = to_port(&eyes, there.port());
    assert_eq!(seen.text(&connect::FAMILY), "ipv6");
    assert_eq!(seen.value(&connect::DEST_IP), Value::Ip(Ipv6Addr::LOCALHOST.into()));
    assert_eq!(seen.value(&connect::SOURCE_IP), Value::Ip(Ipv6Addr::LOCALHOST.into()));
    assert_eq!(seen.number(&connect::SOURCE_PORT), stream.local_addr().unwrap().port().into());

    let port = closed_port();
    TcpStream::connect(("::1", port)).unwrap_err();
    let seen = to_port(&eyes, port);
    assert_eq!(seen.number(&connect::RESULT), ECONNREFUSED);
    assert_eq!(seen.value(&connect::DEST_IP), Value::Ip(Ipv6Addr::LOCALHOST.into()));
}

#[test]
fn a_mapped_address_is_an_ipv6_address_that_holds_an_ipv4_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    let eyes = Eyes::open();
    let _stream = TcpStream::connect((mapped, port)).unwrap();
    let seen = to_port(&eyes, port);
    assert_eq!(seen.text(&connect::FAMILY), "ipv6");
    assert_eq!(seen.record().get(&connect::DEST_IP), Raw::Ip(IpAddr::V6(mapped)), "as the kernel has it");
    assert_eq!(seen.value(&connect::DEST_IP), Value::Ip(Ipv4Addr::LOCALHOST.into()), "as rules see it");
}

#[test]
fn udp_is_told_by_its_type() {
    let there = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = UdpSocket::bind("127.0.0.1:0").unwrap();
    let eyes = Eyes::open();
    here.connect(there.local_addr().unwrap()).unwrap();
    let seen = to_port(&eyes, there.local_addr().unwrap().port());
    assert_eq!(seen.text(&connect::SOCK_TYPE), "dgram");
    assert_eq!(seen.number(&connect::PROTOCOL), 17);
    assert_eq!(seen.number(&connect::SOURCE_PORT), here.local_addr().unwrap().port().into());
    assert_eq!(seen.number(&connect::RESULT), 0);
}

#[test]
fn a_unix_socket_is_told_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let eyes = Eyes::open();
    let _stream = UnixStream::connect(&path).unwrap();
    let seen = to_path(&eyes, path.as_os_str().as_encoded_bytes());
    assert_eq!(seen.text(&connect::FAMILY), "unix");
    assert_eq!(seen.number(&connect::RESULT), 0);
    assert!(seen.is_absent(&connect::DEST_IP));

    let missing = dir.path().join("missing");
    UnixStream::connect(&missing).unwrap_err();
    let seen = to_path(&eyes, missing.as_os_str().as_encoded_bytes());
    assert_eq!(seen.number(&connect::RESULT), ENOENT);
}

#[test]
fn an_abstract_name_keeps_its_nul() {
    let name = format!("nightjar-{}", std::process::id());
    let address = UnixAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let eyes = Eyes::open();
    let _stream = UnixStream::connect_addr(&address).unwrap();
    let seen = to_path(&eyes, format!("\0{name}").as_bytes());
    assert_eq!(seen.number(&connect::RESULT), 0);
}

#[test]
fn a_unix_datagram_socket_is_told_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("datagrams");
    let _receiver = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    let eyes = Eyes::open();
    sender.connect(&path).unwrap();
    let seen = to_path(&eyes, path.as_os_str().as_encoded_bytes());
    assert_eq!(seen.text(&connect::SOCK_TYPE), "dgram");
}

#[test]
fn netlink_is_named_as_such() {
    let eyes = Eyes::open();
    // SAFETY: a zeroed sockaddr_nl with its family is valid: the kernel's own port.
    let fd = unsafe {
        let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
        let mut address: libc::sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        assert_eq!(libc::connect(fd, (&raw const address).cast(), size_of_val(&address) as u32), 0);
        fd
    };
    let seen = eyes.wait(Kind::Connect, |s| {
        s.0.header.pid == std::process::id()
            && s.number(&connect::FD) == i128::from(fd)
            && s.text(&connect::FAMILY) == "netlink"
    });
    assert_eq!(seen.number(&connect::RESULT), 0);
}

#[test]
fn a_descriptor_that_is_no_socket_fails_and_is_told() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let eyes = Eyes::open();
    let there: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let SocketAddr::V4(v4) = there else { unreachable!() };
    // SAFETY: a zeroed sockaddr_in is valid.
    let result = unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as u16;
        address.sin_port = v4.port().to_be();
        libc::connect(file.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32)
    };
    assert_eq!(result, -1);
    let seen = eyes.wait(Kind::Connect, |s| {
        s.0.header.pid == std::process::id()
            && s.number(&connect::FD) == i128::from(file.as_raw_fd())
            && s.number(&connect::RESULT) == -88
    });
    assert!(seen.is_absent(&connect::DEST_IP));
}

/// A port of the loopback address on which nobody listens.
pub fn closed_port() -> u16 {
    let both = TcpListener::bind("[::]:0").unwrap();
    both.local_addr().unwrap().port()
}
