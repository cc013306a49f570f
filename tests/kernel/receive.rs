//! `receive`.

use std::{io::IoSliceMut, net::UdpSocket, os::fd::AsRawFd};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::receive::*};
use nightjar_tests::Eyes;
use rustix::net::{RecvAncillaryBuffer, RecvFlags};

use super::deed::{mine, type_of};

#[test]
fn a_datagram_is_told_with_where_it_came_from() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (here, there) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind(address).unwrap());
        let from = there.local_addr().unwrap();
        for message in ["first", "the second"] {
            there.send_to(message.as_bytes(), here.local_addr().unwrap()).unwrap();
        }
        let eyes = Eyes::open();
        let mut bytes = [0; 16];
        assert_eq!(here.recv_from(&mut bytes).unwrap(), (5, from));
        let mut control = RecvAncillaryBuffer::default();
        let mut room = [IoSliceMut::new(&mut bytes)];
        let got = rustix::net::recvmsg(&here, &mut room, &mut control, RecvFlags::empty()).unwrap();
        assert_eq!(got.bytes, 10);
        for (name, len) in [("recvfrom", 5), ("recvmsg", 10)] {
            let seen =
                mine(&eyes, Kind::Receive, |seen| seen.value(&PEER_PORT) == Value::Uint(from.port().into()));
            assert_eq!((type_of(&seen), seen.number(&RESULT)), (name, len));
            assert_eq!(seen.number(&FD), here.as_raw_fd().into());
            assert_eq!(
                (seen.value(&PEER_IP), seen.text(&SOCK_TYPE)),
                (Value::Ip(from.ip()), "dgram".to_owned())
            );
            assert_eq!(seen.number(&OWN_PORT), here.local_addr().unwrap().port().into());
            assert_eq!(seen.value(&CONNECTED), Value::Bool(false));
        }
    }
}
