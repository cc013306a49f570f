//! The container's network: a loopback that also answers for the addresses which the deeds call. No packet leaves.

use std::{
    io::{self, Read, Write},
    mem,
    net::{Ipv4Addr, TcpListener},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::{
    AddressFamily, SocketType,
    sockopt::{Timeout, set_socket_timeout},
};

use super::{InitError, Tried};

/// Where cloud providers serve a machine's credentials.
pub(super) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// An address kept for documentation (RFC 5737): nobody's.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

const CALL_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn set_up() -> Result<(), InitError> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).to("make a socket")?;
    for (alias, address) in [("lo:1", METADATA), ("lo:2", ATTACKER)] {
        let mut request = request(alias);
        request.ifr_ifru.ifru_addr = address_of(address);
        ioctl(&socket, libc::SIOCSIFADDR, &request).to(format!("give the loopback {address}"))?;
    }
    let mut request = request("lo");
    // The two flags fit: IFF_UP is 1 and IFF_RUNNING 64.
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    ioctl(&socket, libc::SIOCSIFFLAGS, &request).to("start the loopback")
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: `ifreq` is made of integers and arrays of them; zero is a value of each.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn address_of(address: Ipv4Addr) -> libc::sockaddr {
    let mut plain = libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: [0; 14] };
    // A `sockaddr_in` has two bytes of port and then the address.
    for (to, from) in plain.sa_data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    plain
}

fn ioctl(socket: &OwnedFd, what: libc::Ioctl, request: &libc::ifreq) -> io::Result<()> {
    // SAFETY: both requests read one `ifreq`, which lives through the call.
    match unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), what, request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The far side of a deed: takes one caller, says `greeting`, and returns what the caller said to that.
pub(super) fn answer_once(
    address: Ipv4Addr,
    port: u16,
    greeting: &'static [u8],
) -> Result<JoinHandle<io::Result<String>>, InitError> {
    let listener = TcpListener::bind((address, port)).to(format!("listen on {address}:{port}"))?;
    // Also for `accept`: a deed that never calls must not hold the container up.
    set_socket_timeout(&listener, Timeout::Recv, Some(CALL_WITHIN)).to("set a socket's timeout")?;
    Ok(thread::spawn(move || {
        let (mut caller, _) = listener.accept()?;
        caller.set_read_timeout(Some(CALL_WITHIN))?;
        caller.write_all(greeting)?;
        caller.shutdown(std::net::Shutdown::Write)?;
        let mut said = Vec::new();
        caller.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }))
}
