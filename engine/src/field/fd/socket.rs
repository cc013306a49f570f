//! The socket of a connect or of its later outcome.

use std::net::IpAddr;

use nightjar_events::{
    Field, Kind,
    event::{connect, connect_result},
};

use crate::{
    event::Event,
    value::{Text, Value},
};

const EINPROGRESS: i64 = -115;
/// Protocol numbers (include/uapi/linux/in.h, 6.18).
const ICMP: u64 = 1;
const ICMPV6: u64 = 58;

pub struct Socket<'e> {
    family: Family,
    local: Option<IpAddr>,
    remote: Option<IpAddr>,
    local_port: Option<u64>,
    remote_port: Option<u64>,
    path: Option<Text<'e>>,
    protocol: Protocol,
    /// Whether this is the connect itself.
    is_connect: bool,
    pub fd: Option<i64>,
    pub result: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
    Unix,
    Netlink,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Raw,
    Other,
}

/// Where the two events keep the same facts.
struct Page {
    family: &'static Field,
    local: &'static Field,
    local_port: &'static Field,
    remote: &'static Field,
    remote_port: &'static Field,
    fd: &'static Field,
    result: &'static Field,
}

static CONNECT: Page = Page {
    family: &connect::FAMILY,
    local: &connect::SOURCE_IP,
    local_port: &connect::SOURCE_PORT,
    remote: &connect::DEST_IP,
    remote_port: &connect::DEST_PORT,
    fd: &connect::FD,
    result: &connect::RESULT,
};

static CONNECT_RESULT: Page = Page {
    family: &connect_result::FAMILY,
    local: &connect_result::SOURCE_IP,
    local_port: &connect_result::SOURCE_PORT,
    remote: &connect_result::DEST_IP,
    remote_port: &connect_result::DEST_PORT,
    fd: &connect_result::FD,
    result: &connect_result::RESULT,
};

impl<'e> Socket<'e> {
    pub fn of(event: &'e Event) -> Option<Self> {
        let (page, protocol) = match event.kind() {
            Kind::Connect => (&CONNECT, protocol(event)),
            Kind::ConnectResult => (&CONNECT_RESULT, Protocol::Tcp),
            _ => return None,
        };
        let path = if let Value::Text(path) = event.get(&connect::PATH) { Some(path) } else { None };
        Some(Socket {
            family: family(event, page.family),
            local: ip(event, page.local),
            remote: ip(event, page.remote),
            local_port: uint(event, page.local_port),
            remote_port: uint(event, page.remote_port),
            path,
            protocol,
            is_connect: event.kind() == Kind::Connect,
            fd: int(event, page.fd),
            result: int(event, page.result).unwrap_or(0),
        })
    }

    /// Name and character. An IPv6 socket that speaks to an IPv4 address is an IPv4 socket.
    pub fn type_name(&self) -> Option<(&'static str, &'static str)> {
        match (self.family, self.remote.or(self.local)) {
            (Family::Ipv4 | Family::Ipv6, Some(IpAddr::V4(_))) | (Family::Ipv4, None) => Some(("ipv4", "4")),
            (Family::Ipv4 | Family::Ipv6, Some(IpAddr::V6(_))) | (Family::Ipv6, None) => Some(("ipv6", "6")),
            (Family::Unix, _) => Some(("unix", "u")),
            (Family::Netlink, _) => Some(("netlink", "n")),
            (Family::Other, _) => None,
        }
    }

    pub fn name(&self) -> Value<'e> {
        match self.family {
            Family::Ipv4 | Family::Ipv6 => {
                let (Some(local), Some(remote)) =
                    (self.end(self.local, self.local_port), self.end(self.remote, self.remote_port))
                else {
                    return Value::Absent;
                };
                Value::owned(format!("{local}->{remote}"))
            }
            Family::Unix => self.unix_path(),
            Family::Netlink | Family::Other => Value::Absent,
        }
    }

    pub fn remote(&self) -> Value<'e> {
        match self.family {
            Family::Ipv4 | Family::Ipv6 => {
                self.end(self.remote, self.remote_port).map_or(Value::Absent, Value::owned)
            }
            Family::Unix => self.unix_path(),
            Family::Netlink | Family::Other => Value::Absent,
        }
    }

    /// `address:port`, all zeros for an end that is not known.
    fn end(&self, ip: Option<IpAddr>, port: Option<u64>) -> Option<String> {
        let (_, char) = self.type_name()?;
        let port = port.unwrap_or(0);
        Some(match ip {
            Some(ip) => format!("{ip}:{port}"),
            None if char == "4" => format!("0.0.0.0:{port}"),
            None => format!(":::{port}"),
        })
    }

    fn unix_path(&self) -> Value<'e> {
        match &self.path {
            Some(path) if path.bytes.starts_with(&[0]) => {
                let mut name = path.bytes.to_vec();
                name[0] = b'@';
                Value::Text(Text::cut(name, path.cut))
            }
            Some(path) => Value::Text(path.clone()),
            None => Value::Absent,
        }
    }

    pub fn local_ip(&self) -> Value<'e> {
        self.local.map_or(Value::Absent, Value::Ip)
    }

    pub fn remote_ip(&self) -> Value<'e> {
        self.remote.map_or(Value::Absent, Value::Ip)
    }

    pub fn local_port(&self) -> Value<'e> {
        self.local_port.map_or(Value::Absent, Value::Uint)
    }

    pub fn remote_port(&self) -> Value<'e> {
        self.remote_port.map_or(Value::Absent, Value::Uint)
    }

    pub fn local_service(&self) -> Value<'e> {
        self.local_port.map_or(Value::Absent, service)
    }

    pub fn remote_service(&self) -> Value<'e> {
        self.remote_port.map_or(Value::Absent, service)
    }

    pub fn protocol(&self) -> Value<'e> {
        match (self.family, self.protocol) {
            (Family::Unix | Family::Netlink | Family::Other, _) | (_, Protocol::Other) => Value::Absent,
            (_, Protocol::Tcp) => Value::text("tcp"),
            (_, Protocol::Udp) => Value::text("udp"),
            (_, Protocol::Icmp) => Value::text("icmp"),
            (_, Protocol::Raw) => Value::text("raw"),
        }
    }

    pub fn family_group(&self) -> Value<'e> {
        match self.family {
            Family::Ipv4 | Family::Ipv6 => Value::text("ip"),
            Family::Unix => Value::text("unix"),
            Family::Netlink | Family::Other => Value::Absent,
        }
    }

    /// A connect that was accepted or is under way names the socket; its outcome changes nothing about the name.
    pub fn name_changed(&self) -> Value<'e> {
        Value::Bool(self.is_connect && (self.result >= 0 || self.result == EINPROGRESS))
    }
}

fn family(event: &Event, field: &Field) -> Family {
    match event.get(field) {
        Value::Text(name) => match &*name.bytes {
            b"ipv4" => Family::Ipv4,
            b"ipv6" => Family::Ipv6,
            b"unix" => Family::Unix,
            b"netlink" => Family::Netlink,
            _ => Family::Other,
        },
        _ => Family::Other,
    }
}

fn protocol(event: &Event) -> Protocol {
    let number = uint(event, &connect::PROTOCOL).unwrap_or(0);
    let Value::Text(ty) = event.get(&connect::SOCK_TYPE) else { return Protocol::Other };
    match (&*ty.bytes, number) {
        (_, ICMP | ICMPV6) => Protocol::Icmp,
        // 0 is the family's own choice; 262 is MPTCP, TCP to all who look at it from outside.
        (b"stream", 0 | 6 | 262) => Protocol::Tcp,
        (b"dgram", 0 | 17 | 136) => Protocol::Udp,
        (b"raw", _) => Protocol::Raw,
        _ => Protocol::Other,
    }
}

fn ip(event: &Event, field: &Field) -> Option<IpAddr> {
    if let Value::Ip(ip) = event.get(field) { Some(ip) } else { None }
}

fn uint(event: &Event, field: &Field) -> Option<u64> {
    if let Value::Uint(n) = event.get(field) { Some(n) } else { None }
}

fn int(event: &Event, field: &Field) -> Option<i64> {
    if let Value::Int(n) = event.get(field) { Some(n) } else { None }
}

/// Name of a well-known port (IANA service registry), else its number. The node's /etc/services is not asked: a
/// rule means the same everywhere.
fn service<'e>(port: u64) -> Value<'e> {
    let name = match port {
        20 => "ftp-data",
        21 => "ftp",
        22 => "ssh",
        23 => "telnet",
        25 => "smtp",
        53 => "domain",
        67 => "bootps",
        68 => "bootpc",
        69 => "tftp",
        80 => "http",
        88 => "kerberos",
        110 => "pop3",
        111 => "sunrpc",
        123 => "ntp",
        143 => "imap",
        161 => "snmp",
        179 => "bgp",
        389 => "ldap",
        443 => "https",
        445 => "microsoft-ds",
        465 => "submissions",
        514 => "syslog",
        587 => "submission",
        636 => "ldaps",
        853 => "domain-s",
        873 => "rsync",
        993 => "imaps",
        995 => "pop3s",
        1433 => "ms-sql-s",
        2049 => "nfs",
        3306 => "mysql",
        3389 => "ms-wbt-server",
        5432 => "postgresql",
        5671 => "amqps",
        5672 => "amqp",
        5900 => "rfb",
        6379 => "redis",
        6667 => "ircu",
        8080 => "http-alt",
        11211 => "memcache",
        27017 => "mongodb",
        _ => return Value::owned(port.to_string()),
    };
    Value::text(name)
}
