//! `fd.*`: the file that was opened or the socket that an event is about. Names of hosts have no rows: they would have
//! to be asked of a name server.

mod file;
mod socket;

use nightjar_events::{Kind, event::dup};

pub(super) use self::file::{given_path, joined};
use self::{
    file::File,
    socket::{Socket, has_socket},
};
use super::{Class, Field, Get, Type, row};
use crate::{
    event::Event,
    value::{Cut, Text, Value},
};

pub(super) static CLASS: Class = Class {
    name: "fd",
    doc: "The file that was opened, the socket that an event is about, or what a copied descriptor leads to. The local end of a connection is the process itself: the server of what it accepts and receives, the client of what it connects and sends. IPv4-mapped IPv6 addresses are IPv4 addresses.",
    rows: ROWS,
};

fn has_file(kind: Kind) -> bool {
    kind == Kind::Open
}

fn has_either(kind: Kind) -> bool {
    has_file(kind) || has_socket(kind)
}

static ROWS: &[Field] = &[
    both(
        "fd.num",
        Type::Int,
        "Number of the descriptor, -1 when the open failed; `>=0` where it is not known (see `res` of `open`).",
        |e, _| number(e),
    ),
    both(
        "fd.type",
        Type::Text,
        "`file`, `directory`, `ipv4`, `ipv6`, `unix` or `netlink`. Devices and pipes opened by path are files.",
        |e, _| object(e).type_name().map_or(Value::Absent, |(name, _)| Value::text(name)),
    ),
    both("fd.typechar", Type::Text, "The same in one character: `f`, `d`, `4`, `6`, `u`, `n`.", |e, _| {
        object(e).type_name().map_or(Value::Absent, |(_, char)| Value::text(char))
    }),
    both(
        "fd.name",
        Type::Text,
        "Of a file its path: as the kernel resolved it, or as it was asked for when the open failed. Of a connection `client:port->server:port`, of a unix socket its path (`@` begins an abstract name).",
        |e, _| name(e),
    ),
    file("fd.nameraw", "Path as the caller gave it, without doubled slashes.", |e, _| {
        File::of(e).map_or(Value::Absent, |f| f.raw_name())
    }),
    file("fd.directory", "Directory of the file; a directory itself.", |e, _| directory(e)),
    file("fd.filename", "Last part of the path. Absent for a directory.", |e, _| {
        File::of(e).map_or(Value::Absent, |f| f.file_name())
    }),
    both("fd.containername", Type::Text, "`container.id` and `fd.name` with a colon between.", |e, _| {
        in_container(e, name(e))
    }),
    file("fd.containerdirectory", "`container.id` and `fd.directory` with a colon between.", |e, _| {
        in_container(e, directory(e))
    }),
    number_of_file("fd.ino", "Inode number.", |e, _| File::of(e).map_or(Value::Absent, |f| f.inode())),
    number_of_file("fd.dev", "Device, as stat(2) gives it.", |e, _| {
        device(e, |major, minor| minor & 0xff | major << 8 | (minor & !0xff) << 12)
    }),
    number_of_file("fd.dev.major", "Major number of the device.", |e, _| device(e, |major, _| major)),
    number_of_file("fd.dev.minor", "Minor number of the device.", |e, _| device(e, |_, minor| minor)),
    both("fd.uid", Type::Text, "Thread id and descriptor in one word.", |e, _| match number(e) {
        Value::Int(fd) => Value::owned(format!("{}{fd}", e.tid)),
        Value::AtLeast(_) => Value::Text(Text::cut(e.tid.to_string().into_bytes(), Cut::Back)),
        _ => Value::Absent,
    }),
    socket("fd.ip", Type::Ip, "Address of either end.", |e, _| ends(e, Socket::local_ip, Socket::remote_ip)),
    socket("fd.net", Type::Net, "Network of either end.", |e, _| {
        ends(e, Socket::local_ip, Socket::remote_ip)
    }),
    socket("fd.port", Type::Port, "Port of either end.", |e, _| {
        ends(e, Socket::local_port, Socket::remote_port)
    }),
    socket("fd.proto", Type::Text, "Name of the service at the port of either end.", |e, _| {
        ends(e, Socket::local_service, Socket::remote_service)
    }),
    socket("fd.cip", Type::Ip, "Address of the client.", |e, _| ask(e, Socket::client_ip)),
    socket("fd.cnet", Type::Net, "Network of the client.", |e, _| ask(e, Socket::client_ip)),
    socket("fd.cport", Type::Port, "Port of the client.", |e, _| ask(e, Socket::client_port)),
    socket("fd.cproto", Type::Text, "Name of the service at the client's port.", |e, _| {
        ask(e, Socket::client_service)
    }),
    socket("fd.lip", Type::Ip, "Address of the local end.", local_ip),
    socket("fd.lnet", Type::Net, "Network of the local end.", local_ip),
    socket("fd.lport", Type::Port, "Port of the local end.", local_port),
    socket("fd.lproto", Type::Text, "Name of the service at the local port.", local_service),
    socket("fd.sip", Type::Ip, "Address of the server.", |e, _| ask(e, Socket::server_ip)),
    socket("fd.snet", Type::Net, "Network of the server.", |e, _| ask(e, Socket::server_ip)),
    socket("fd.sport", Type::Port, "Port of the server.", |e, _| ask(e, Socket::server_port)),
    socket(
        "fd.sproto",
        Type::Text,
        "Name of the service at the server's port, such as `https`; the number where it has no name.",
        |e, _| ask(e, Socket::server_service),
    ),
    socket("fd.rip", Type::Ip, "Address of the remote end.", remote_ip),
    socket("fd.rnet", Type::Net, "Network of the remote end.", remote_ip),
    socket("fd.rport", Type::Port, "Port of the remote end.", remote_port),
    socket("fd.rproto", Type::Text, "Name of the service at the remote port.", remote_service),
    socket("fd.l4proto", Type::Text, "`tcp`, `udp`, `icmp` or `raw`.", |e, _| ask(e, Socket::protocol)),
    socket("fd.sockfamily", Type::Text, "`ip` or `unix`.", |e, _| ask(e, Socket::family_group)),
    socket(
        "fd.is_server",
        Type::Bool,
        "Whether the process is the server: never so for what it connects itself.",
        |e, _| ask(e, |s| Value::Bool(s.is_server)),
    ),
    socket("fd.connected", Type::Bool, "Whether the socket is connected.", |e, _| {
        ask(e, |s| Value::Bool(s.connected))
    }),
    socket(
        "fd.name_changed",
        Type::Bool,
        "Whether the event gave the socket another destination: a connect, or a message to or from an address of its own.",
        |e, _| ask(e, |s| Value::Bool(s.name_changed)),
    ),
];

const fn both(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    row(name, ty, doc, get).needs(has_either)
}

const fn file(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Text, doc, get).needs(has_file)
}

const fn number_of_file(name: &'static str, doc: &'static str, get: Get) -> Field {
    row(name, Type::Uint, doc, get).needs(has_file)
}

const fn socket(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    row(name, ty, doc, get).needs(has_socket)
}

enum Object<'e> {
    File(File<'e>),
    Socket(Socket<'e>),
    None,
}

fn object(event: &Event) -> Object<'_> {
    match (File::of(event), Socket::of(event)) {
        (Some(file), _) => Object::File(file),
        (None, Some(socket)) => Object::Socket(socket),
        (None, None) => Object::None,
    }
}

impl Object<'_> {
    fn type_name(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Object::File(file) if file.is_directory() => Some(("directory", "d")),
            Object::File(_) => Some(("file", "f")),
            Object::Socket(socket) => socket.type_name(),
            Object::None => None,
        }
    }
}

fn number(event: &Event) -> Value<'_> {
    match object(event) {
        Object::File(file) => file.number(),
        Object::Socket(socket) => socket.fd.map_or(Value::Absent, Value::Int),
        // The descriptor that leads to something else.
        Object::None => match event.get(&dup::RESULT) {
            Value::Int(n) => Value::Int(n.max(-1)),
            value => value,
        },
    }
}

/// `fd.name`.
pub(super) fn name(event: &Event) -> Value<'_> {
    match object(event) {
        Object::File(file) => file.path(),
        Object::Socket(socket) => socket.name(),
        Object::None => event.get(&dup::FILE),
    }
}

/// The other end: `address:port`, or the path of a unix socket.
pub(super) fn remote(event: &Event) -> Value<'_> {
    ask(event, Socket::remote)
}

fn directory(event: &Event) -> Value<'_> {
    File::of(event).map_or(Value::Absent, |f| f.directory())
}

fn in_container<'e>(event: &'e Event, value: Value<'e>) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Absent };
    let id = event.container.as_deref().map_or("host", |c| c.id.get(..12).unwrap_or(&c.id));
    // What is missing at the front of the path is now missing in the middle: only the part before it can be told.
    match text.cut {
        super::Cut::Front => Value::Text(Text::cut(format!("{id}:").into_bytes(), super::Cut::Back)),
        super::Cut::None | super::Cut::Back => {
            Value::Text(Text::cut([id.as_bytes(), b":", &text.bytes].concat(), text.cut))
        }
    }
}

fn device<'e>(event: &'e Event, ask: fn(u64, u64) -> u64) -> Value<'e> {
    match File::of(event).map(|f| f.device()) {
        Some(Value::Uint(dev)) => Value::Uint(ask(dev >> 20, dev & 0xf_ffff)),
        _ => Value::Absent,
    }
}

fn ask<'e>(event: &'e Event, ask: fn(&Socket<'e>) -> Value<'e>) -> Value<'e> {
    Socket::of(event).map_or(Value::Absent, |socket| ask(&socket))
}

fn ends<'e>(
    event: &'e Event,
    local: fn(&Socket<'e>) -> Value<'e>,
    remote: fn(&Socket<'e>) -> Value<'e>,
) -> Value<'e> {
    Socket::of(event).map_or(Value::Absent, |socket| Value::any([local(&socket), remote(&socket)]))
}

fn local_ip<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::local_ip)
}

fn local_port<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::local_port)
}

fn local_service<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::local_service)
}

fn remote_ip<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::remote_ip)
}

fn remote_port<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::remote_port)
}

fn remote_service<'e>(event: &'e Event, _: &super::Arg) -> Value<'e> {
    ask(event, Socket::remote_service)
}
