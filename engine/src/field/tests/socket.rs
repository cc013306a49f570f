//! Fields of a socket and its two ends.

use super::*;

#[test]
fn a_connection_has_two_ends() {
    let event = of(connect(|_, _| ()));
    says(
        &event,
        &[
            ("fd.num", "5"),
            ("fd.type", "ipv4"),
            ("fd.typechar", "4"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
            ("fd.nameraw", "-"),
            ("fd.directory", "-"),
            ("fd.cip", "10.0.0.1"),
            ("fd.lip", "10.0.0.1"),
            ("fd.sip", "1.2.3.4"),
            ("fd.rip", "1.2.3.4"),
            ("fd.cport", "3456"),
            ("fd.lport", "3456"),
            ("fd.sport", "443"),
            ("fd.rport", "443"),
            ("fd.sproto", "https"),
            ("fd.cproto", "3456"),
            ("fd.l4proto", "tcp"),
            ("fd.sockfamily", "ip"),
            ("fd.is_server", "false"),
            ("fd.connected", "true"),
            ("fd.name_changed", "true"),
        ],
    );
    let ip = |ip: &str| Value::Ip(ip.parse().expect("an address"));
    assert_eq!(value(&event, "fd.ip"), Value::Any(vec![ip("10.0.0.1"), ip("1.2.3.4")]));
    assert_eq!(value(&event, "fd.net"), value(&event, "fd.ip"));
    assert_eq!(value(&event, "fd.snet"), ip("1.2.3.4"));
    assert_eq!(value(&event, "fd.port"), Value::Any(vec![Value::Uint(3456), Value::Uint(443)]));
    says(&of(connect(|c, _| c.result = -115)), &[("fd.connected", "false"), ("fd.name_changed", "true")]);
    says(&of(connect(|c, _| c.result = -111)), &[("fd.connected", "false"), ("fd.name_changed", "false")]);
    says(
        &of(connect_result(0)),
        &[
            ("fd.connected", "true"),
            ("fd.name_changed", "false"),
            ("fd.l4proto", "tcp"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
        ],
    );
}

#[test]
fn an_ipv4_address_is_one_through_an_ipv6_socket_too() {
    let mapped = |a: [u8; 4]| std::net::Ipv4Addr::from(a).to_ipv6_mapped().octets();
    let event = of(connect(|c, _| {
        c.socket = Socket {
            family: 10,
            source: mapped([10, 0, 0, 1]),
            destination: mapped([1, 2, 3, 4]),
            ..c.socket
        };
    }));
    says(
        &event,
        &[
            ("fd.typechar", "4"),
            ("fd.type", "ipv4"),
            ("fd.sip", "1.2.3.4"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
            ("evt.arg.daddr", "1.2.3.4"),
            ("evt.arg.family", "ipv6"),
        ],
    );
    let real = of(connect(|c, _| {
        c.socket.family = 10;
        c.socket.destination = "2001:db8::1".parse::<std::net::Ipv6Addr>().expect("an address").octets();
        c.socket.source = [0; 16];
    }));
    says(&real, &[("fd.typechar", "6"), ("fd.sip", "2001:db8::1"), ("fd.name", ":::3456->2001:db8::1:443")]);
}

#[test]
fn other_sockets_are_named_as_such() {
    let of_family = |family: u16, sock_type: u16, protocol: u16| {
        of(connect(|c, _| c.socket = Socket { family, sock_type, protocol, ..c.socket }))
    };
    says(&of_family(2, 2, 17), &[("fd.l4proto", "udp")]);
    says(&of_family(2, 2, 0), &[("fd.l4proto", "udp")]);
    says(&of_family(2, 3, 1), &[("fd.l4proto", "icmp")]);
    says(&of_family(2, 3, 255), &[("fd.l4proto", "raw")]);
    says(&of_family(2, 1, 132), &[("fd.l4proto", "-")]);
    says(
        &of_family(16, 3, 0),
        &[
            ("fd.typechar", "n"),
            ("fd.type", "netlink"),
            ("fd.name", "-"),
            ("fd.sip", "-"),
            ("fd.l4proto", "-"),
            ("fd.sockfamily", "-"),
        ],
    );
    says(&of_family(40, 1, 0), &[("fd.type", "-"), ("fd.name", "-"), ("evt.arg.family", "vsock")]);
    let unix = |path: &'static [u8]| {
        of(connect(|c, tail| {
            c.socket = Socket { family: 1, sock_type: 1, ..Socket::default() };
            c.spans = [tail.put(path, Span::WHOLE)];
        }))
    };
    says(
        &unix(b"/run/docker.sock"),
        &[
            ("fd.name", "/run/docker.sock"),
            ("fd.typechar", "u"),
            ("fd.sockfamily", "unix"),
            ("fd.ip", "-"),
            ("fd.sport", "-"),
            ("fd.l4proto", "-"),
            ("fd.directory", "-"),
        ],
    );
    says(&unix(b"\0abstract"), &[("fd.name", "@abstract"), ("evt.arg.addr", "@abstract")]);
}
