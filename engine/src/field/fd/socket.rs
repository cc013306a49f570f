//! The socket that an event is about, and both its ends.

use std::{net::IpAddr, sync::LazyLock};

use nightjar_events::{EVENTS, Field, Kind};

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
    /// Whether the process is the server of the two.
    pub is_server: bool,
    pub connected: bool,
    /// Whether the event gave the socket another destination.
    pub name_changed: bool,
    pub fd: Option<i64>,
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

/// Where an event keeps the facts, which have one name on every page.
struct Page {
    family: &'static Field,
    local: &'static Field,
    local_port: &'static Field,
    remote: Option<&'static Field>,
    remote_port: Option<&'static Field>,
    sock_type: Option<&'static Field>,
    protocol: Option<&'static Field>,
    path: Option<&'static Field>,
    connected: Option<&'static Field>,
    fd: Option<&'static Field>,
    result: &'static Field,
}

/// By `Kind`; `None` for an event that is not about a socket.
static PAGES: LazyLock<Vec<Option<Page>>> =
    LazyLock::new(|| EVENTS.iter().map(|event| Page::of(event)).collect());

impl Page {
    fn of(event: &'static nightjar_events::Event) -> Option<Page> {
        Some(Page {
            family: event.field("family")?,
            local: event.field("saddr")?,
            local_port: event.field("sport")?,
            remote: event.field("daddr"),
            remote_port: event.field("dport"),
            sock_type: event.field("sock_type"),
            protocol: event.field("protocol"),
            path: event.field("path"),
            connected: event.field("connected"),
            fd: event.field("fd"),
            result: event.field("res")?,
        })
    }
}

/// Whether an event is about a socket.
pub fn has_socket(kind: Kind) -> bool {
    PAGES[kind as usize].is_some()
}

impl<'e> Socket<'e> {
    /// The socket of an event; `None` too where a descriptor leads to something else.
    pub fn of(event: &'e Event) -> Option<Self> {
        let page = PAGES[event.kind() as usize].as_ref()?;
        let get = |field: Option<&'static Field>| field.map_or(Value::Absent, |field| event.get(field));
        let family = event.get(page.family);
        if family.is_absent() && event.kind() == Kind::Dup {
            return None;
        }
        let path = if let Value::Text(path) = get(page.path) { Some(path) } else { None };
        let result = int(event.get(page.result)).unwrap_or(0);
        let connected = match (get(page.connected), event.kind()) {
            (Value::Bool(connected), _) => connected,
            (_, Kind::Connect | Kind::ConnectResult) => result == 0,
            _ => false,
        };
        let name_changed = match event.kind() {
            // One that was accepted or is under way names the socket; its outcome changes nothing about the name.
            Kind::Connect => result >= 0 || result == EINPROGRESS,
            Kind::Send | Kind::Receive => !connected,
            _ => false,
        };
        let fd = match event.kind() {
            Kind::Dup | Kind::Accept => Some(result.max(-1)),
            _ => int(get(page.fd)),
        };
        Some(Socket {
            family: family_of(family),
            local: ip(event.get(page.local)),
            remote: ip(get(page.remote)),
            local_port: uint(event.get(page.local_port)),
            remote_port: uint(get(page.remote_port)),
            path,
            protocol: match page.protocol {
                Some(number) => protocol(get(page.sock_type), uint(event.get(number)).unwrap_or(0)),
                // `connect_result` is about TCP.
                None => Protocol::Tcp,
            },
            is_server: matches!(event.kind(), Kind::Bind | Kind::Listen | Kind::Accept | Kind::Receive),
            connected,
            name_changed,
            fd,
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
                Value::owned(match (self.is_server, self.remote) {
                    // One that listens has no other end.
                    (true, None) => local,
                    (true, Some(_)) => format!("{remote}->{local}"),
                    (false, _) => format!("{local}->{remote}"),
                })
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

    pub fn client_ip(&self) -> Value<'e> {
        if self.is_server { self.remote_ip() } else { self.local_ip() }
    }

    pub fn client_port(&self) -> Value<'e> {
        if self.is_server { self.remote_port() } else { self.local_port() }
    }

    pub fn client_service(&self) -> Value<'e> {
        if self.is_server { self.remote_service() } else { self.local_service() }
    }

    pub fn server_ip(&self) -> Value<'e> {
        if self.is_server { self.local_ip() } else { self.remote_ip() }
    }

    pub fn server_port(&self) -> Value<'e> {
        if self.is_server { self.local_port() } else { self.remote_port() }
    }

    pub fn server_service(&self) -> Value<'e> {
        if self.is_server { self.local_service() } else { self.remote_service() }
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
}

fn family_of(family: Value<'_>) -> Family {
    match family {
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

fn protocol(ty: Value<'_>, number: u64) -> Protocol {
    let Value::Text(ty) = ty else { return Protocol::Other };
    match (&*ty.bytes, number) {
        (_, ICMP | ICMPV6) => Protocol::Icmp,
        // 0 is the family's own choice; 262 is MPTCP, TCP to all who look at it from outside.
        (b"stream", 0 | 6 | 262) => Protocol::Tcp,
        (b"dgram", 0 | 17 | 136) => Protocol::Udp,
        (b"raw", _) => Protocol::Raw,
        _ => Protocol::Other,
    }
}

fn ip(value: Value<'_>) -> Option<IpAddr> {
    if let Value::Ip(ip) = value { Some(ip) } else { None }
}

fn uint(value: Value<'_>) -> Option<u64> {
    if let Value::Uint(n) = value { Some(n) } else { None }
}

fn int(value: Value<'_>) -> Option<i64> {
    if let Value::Int(n) = value { Some(n) } else { None }
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
