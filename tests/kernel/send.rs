//! `send`.

use std::{
    io::IoSlice,
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::send::*};
use nightjar_tests::{Eyes, Seen};
use rustix::net::{SendAncillaryBuffer, SendFlags};

use super::deed::{mine, type_of};

fn to(eyes: &Eyes, there: SocketAddr) -> Seen {
    mine(eyes, Kind::Send, |seen| seen.value(&PEER_PORT) == Value::Uint(there.port().into()))
}

#[test]
fn a_datagram_is_told_with_where_it_goes() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (here, there) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind(address).unwrap());
        let place = there.local_addr().unwrap();
        let eyes = Eyes::open();
        here.send_to(b"nightjar", place).unwrap();
        let seen = to(&eyes, place);
        assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&SIZE)), ("sendto", 8, 8));
        assert_eq!(seen.number(&FD), here.as_raw_fd().into());
        assert_eq!(
            (seen.value(&PEER_IP), seen.text(&SOCK_TYPE)),
            (Value::Ip(place.ip()), "dgram".to_owned())
        );
        assert_eq!(seen.number(&OWN_PORT), here.local_addr().unwrap().port().into());
        assert_eq!(seen.value(&CONNECTED), Value::Bool(false));

        let mut control = SendAncillaryBuffer::default();
        let message = [IoSlice::new(b"message")];
        rustix::net::sendmsg_addr(&here, &place, &message, &mut control, SendFlags::empty()).unwrap();
        let seen = to(&eyes, place);
        assert_eq!(
            (type_of(&seen), seen.number(&RESULT), seen.value(&PEER_IP)),
            ("sendmsg", 7, Value::Ip(place.ip()))
        );
        assert!(seen.is_absent(&SIZE));
    }
}

#[test]
fn what_goes_to_the_peer_is_not_told_and_what_fails_is() {
    let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let place = there.local_addr().unwrap();
    here.connect(place).unwrap();
    let eyes = Eyes::open();
    here.send(b"to the peer").unwrap();
    // The next one to that place is the one that names it.
    here.send_to(b"named", place).unwrap();
    let seen = to(&eyes, place);
    assert_eq!((seen.number(&RESULT), seen.value(&CONNECTED)), (5, Value::Bool(true)));
    // More than a datagram can hold.
    here.send_to(&[0; 70_000], place).unwrap_err();
    let seen = to(&eyes, place);
    assert_eq!((seen.number(&RESULT), seen.number(&SIZE)), (-90, 70_000));
}
