//! The records of one call, and the record of ours that the kernel side would have made of it.

use bytes::Bytes;
use nightjar_engine::{Payload, value::absolute};
use nightjar_events::{
    EVENTS, Header, Kind, Span,
    event::{
        call,
        connect::{AF_INET, AF_INET6, AF_UNIX, Connect, Socket},
        endpoint::OnSocket,
        exec::Exec,
        open::Open,
    },
    wire::{self, COMM_LEN, TAIL_MAX},
};
use zerocopy::IntoBytes;

use super::record::Record;

/// What stands for the working directory in the place of a descriptor.
const AT_FDCWD: u64 = 0xffff_ff9c;
/// Descriptors are C `int`s in registers.
const INT: u64 = 0xffff_ffff;
/// O_CREAT, O_WRONLY, O_TRUNC: what creat(2) means.
const CREAT: u64 = 0o1101;

pub struct Call<'r> {
    pub syscall: &'r Record,
    pub name: Option<String>,
    pub args: Option<Vec<Vec<u8>>>,
    pub cwd: Option<Vec<u8>>,
    records: &'r [Record],
}

impl<'r> Call<'r> {
    /// `None`: they are about something else.
    pub fn of(records: &'r [Record]) -> Option<Call<'r>> {
        let syscall = records.iter().find(|record| record.kind == "SYSCALL")?;
        let named = |kind: &'static str| records.iter().filter(move |record| record.kind == kind);
        Some(Call {
            syscall,
            name: name(syscall),
            args: named("EXECVE").next().map(|_| arguments(&named("EXECVE").collect::<Vec<_>>())),
            cwd: named("CWD").next().and_then(|record| record.text("cwd")),
            records,
        })
    }

    /// The first record of a kind.
    pub fn record(&self, kind: &str) -> Option<&'r Record> {
        self.records.iter().find(|record| record.kind == kind)
    }

    pub fn succeeded(&self) -> bool {
        self.syscall.word("success") == Some("yes")
    }

    fn result(&self) -> i64 {
        self.syscall.number("exit").unwrap_or_default()
    }

    fn arg(&self, at: usize) -> u64 {
        ["a0", "a1", "a2", "a3"].get(at).and_then(|key| self.syscall.hex(key)).unwrap_or_default()
    }

    /// The names that the call was given, without the folders in which they lie.
    fn paths(&self) -> Vec<&'r Record> {
        let named = |record: &&Record| record.kind == "PATH" && record.word("nametype") != Some("PARENT");
        self.records.iter().filter(named).filter(|record| record.text("name").is_some()).collect()
    }

    /// `None`: there is no such event, or it is none when it fails.
    pub fn payload(&self) -> Option<(Header, Payload)> {
        let name = self.name.as_deref()?;
        let (kind, variant) = EVENTS.iter().find_map(|event| {
            let variant = event.types.iter().position(|known| *known == name)?;
            Some((event.kind, u16::try_from(variant).ok()?))
        })?;
        let mut tail = Tail::default();
        let body = match kind {
            Kind::Exec if self.succeeded() => self.exec(&mut tail).as_bytes().to_vec(),
            Kind::Open => self.open(name, &mut tail).as_bytes().to_vec(),
            Kind::Connect => self.connect(&mut tail)?.as_bytes().to_vec(),
            Kind::Bind | Kind::Send | Kind::Receive | Kind::Accept | Kind::Listen | Kind::Dup => {
                self.on_socket(kind, &mut tail).as_bytes().to_vec()
            }
            // Made and ended processes are told by more than their call, cgroups not at all.
            Kind::Exec
            | Kind::Fork
            | Kind::Exit
            | Kind::ConnectResult
            | Kind::CgroupMkdir
            | Kind::CgroupRmdir => {
                return None;
            }
            // What remains is plain calls.
            _ => self.plain(kind, name, &mut tail).as_bytes().to_vec(),
        };
        let syscall = self.syscall;
        let pid = syscall.id("pid").unwrap_or_default();
        let header = Header {
            // Within its millisecond, as its serial number has it: so no two are the same.
            time: syscall.time.saturating_mul(1_000_000).saturating_add(syscall.serial % 1_000_000),
            pid,
            tid: pid,
            uid: syscall.id("uid").unwrap_or_default(),
            kind: kind as u16,
            variant,
            tail_len: u32::try_from(tail.0.len()).ok()?,
            ..Header::default()
        };
        let bytes = Bytes::from([header.as_bytes(), &body, &tail.0].concat());
        let (header, body, tail) = wire::decode(&bytes).ok()?;
        Some((header, Payload::Record { header, body: Box::new(body), tail: bytes.slice_ref(tail) }))
    }

    fn exec(&self, tail: &mut Tail) -> Exec {
        let args: Vec<u8> =
            self.args.iter().flatten().flat_map(|arg| [arg.as_slice(), &[0]].concat()).collect();
        let given = self.paths().first().and_then(|record| record.text("name"));
        let file = self.paths().first().copied();
        let id = |key: &str| self.syscall.id(key).unwrap_or_default();
        Exec {
            spans: [
                tail.text(&args, wire::ARGV_MAX),
                tail.path(&self.syscall.text("exe").unwrap_or_default()),
                self.cwd.as_deref().map_or(Span::default(), |cwd| tail.path(cwd)),
                given.map_or(Span::default(), |given| tail.text(&given, wire::PATH_MAX)),
            ],
            exe_inode: file.and_then(|file| file.number("inode")).unwrap_or_default().unsigned_abs(),
            exe_dev: file.and_then(device).unwrap_or_default(),
            ppid: id("ppid"),
            tty: super::who::tty(self.syscall),
            loginuid: self.syscall.id("auid").unwrap_or(u32::MAX),
            uid: id("uid"),
            gid: id("gid"),
            euid: id("euid"),
            egid: id("egid"),
            argc: self.args.as_ref().map_or(0, |args| args.len() as u32),
            comm: comm(&self.syscall.text("comm").unwrap_or_default()),
            ..Exec::default()
        }
    }

    fn open(&self, name: &str, tail: &mut Tail) -> Open {
        let how = self.record("OPENAT2");
        let (dirfd, flags, mode) = match name {
            "open" => (AT_FDCWD, self.arg(1), self.arg(2)),
            "creat" => (AT_FDCWD, CREAT, self.arg(1)),
            "openat" => (self.arg(0), self.arg(2), self.arg(3)),
            _ => {
                let octal = |key| how.and_then(|how| how.octal(key)).unwrap_or_default().into();
                (self.arg(0), octal("oflag"), octal("mode"))
            }
        };
        let paths = self.paths();
        let file = paths.last();
        let given = file.and_then(|file| file.text("name"));
        let path = given.as_deref().filter(|_| self.succeeded()).and_then(|given| self.whole(given, dirfd));
        Open {
            spans: [
                path.map_or(Span::default(), |path| tail.path(&path)),
                given.map_or(Span::default(), |given| tail.text(&given, wire::PATH_MAX)),
            ],
            inode: file.and_then(|file| file.number("inode")).unwrap_or_default().unsigned_abs(),
            resolve: how.and_then(|how| how.hex("resolve")).unwrap_or_default(),
            result: i32::try_from(self.result()).unwrap_or(i32::MIN),
            dirfd: dirfd as u32 as i32,
            flags: flags as u32,
            mode: mode as u32,
            dev: file.and_then(|file| device(file)).unwrap_or_default(),
            file_mode: file.and_then(|file| file.octal("mode")).unwrap_or_default(),
            created: file.is_some_and(|file| file.word("nametype") == Some("CREATE")).into(),
            unnamed: 0,
        }
    }

    /// The path that a name leads to, where its beginning is known. Links stay.
    fn whole(&self, name: &[u8], dirfd: u64) -> Option<Vec<u8>> {
        let known = name.starts_with(b"/") || dirfd & INT == AT_FDCWD;
        known.then(|| absolute(self.cwd.as_deref().unwrap_or(b"/"), name))
    }

    fn connect(&self, tail: &mut Tail) -> Option<Connect> {
        let (socket, path) = self.address()?;
        let Socket { family, source, source_port, .. } = socket;
        let socket =
            Socket { family, destination: source, destination_port: source_port, ..Socket::default() };
        Some(Connect {
            spans: [path.map_or(Span::default(), |path| tail.text(&path, wire::PATH_MAX))],
            socket,
            result: i32::try_from(self.result()).unwrap_or(i32::MIN),
            fd: self.arg(0) as u32 as i32,
        })
    }

    fn on_socket(&self, kind: Kind, tail: &mut Tail) -> OnSocket {
        let mut call = self.plain(kind, "", tail);
        let Some((own, path)) = self.address() else { return OnSocket { call, ..OnSocket::default() } };
        call.spans[call::NAME] = path.map_or(Span::default(), |path| tail.text(&path, wire::PATH_MAX));
        let peer = Socket {
            family: own.family,
            destination: own.source,
            destination_port: own.source_port,
            ..Socket::default()
        };
        OnSocket { call, socket: if kind == Kind::Bind { own } else { peer }, connected: 0 }
    }

    /// The address that the call named, as one of its own, and the path of a unix socket.
    fn address(&self) -> Option<(Socket, Option<Vec<u8>>)> {
        let bytes = self.record("SOCKADDR")?.text("saddr")?;
        let family = u16::from_ne_bytes(bytes.first_chunk().copied()?);
        let mut socket = Socket { family, ..Socket::default() };
        let (from, len) = match family {
            AF_INET => (4, 4),
            AF_INET6 => (8, 16),
            AF_UNIX => {
                let name = &bytes[2..];
                let from = usize::from(name.first() == Some(&0));
                // What follows the name is whatever lay in memory there.
                let end = name.iter().skip(from).position(|byte| *byte == 0);
                return Some((socket, Some(name[..end.map_or(name.len(), |end| end + from)].to_vec())));
            }
            _ => return Some((socket, None)),
        };
        socket.source_port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
        socket.source[..len].copy_from_slice(bytes.get(from..from + len)?);
        Some((socket, None))
    }

    fn plain(&self, kind: Kind, name: &str, tail: &mut Tail) -> call::Call {
        let mut made = call::Call { result: self.result(), ..call::Call::default() };
        for (at, arg) in made.args.iter_mut().take(4).enumerate() {
            *arg = self.arg(at);
        }
        let paths = self.paths();
        let is_new = |record: &&&Record| record.word("nametype") == Some("CREATE");
        let (first, second) = match kind.event().paths.len() {
            2 => {
                let old = paths.iter().find(|record| !is_new(record));
                (old, paths.iter().rfind(is_new).or(paths.last()).filter(|_| paths.len() > 1))
            }
            _ => (paths.last(), None),
        };
        // A descriptor of a folder is among the arguments of such calls, and where it leads is not told.
        let begins_here = !name.contains("at") || (0..3).any(|at| self.arg(at) & INT == AT_FDCWD);
        let spans = [(first, call::NAME, call::DIR), (second, call::NAME_2, call::DIR_2)];
        for (record, name_span, dir_span) in spans {
            let Some(given) = record.and_then(|record| record.text("name")) else { continue };
            made.spans[name_span] = tail.text(&given, wire::PATH_MAX);
            if let Some(cwd) = self.cwd.as_deref().filter(|_| begins_here && !given.starts_with(b"/")) {
                made.spans[dir_span] = tail.path(cwd);
            }
        }
        made
    }
}

/// The name of the call; `None` for an architecture that is not known here.
fn name(syscall: &Record) -> Option<String> {
    if let Some(name) = syscall.word("SYSCALL") {
        return Some(name.to_owned());
    }
    let number = usize::try_from(syscall.number("syscall")?).ok()?;
    // AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 (include/uapi/linux/audit.h, 6.18).
    match syscall.hex("arch")? {
        0xc000_003e => syscalls::x86_64::Sysno::new(number).map(|call| call.name().to_owned()),
        0xc000_00b7 => syscalls::aarch64::Sysno::new(number).map(|call| call.name().to_owned()),
        _ => None,
    }
}

/// `a0`, `a1` …; a long one is `a1[0]`, `a1[1]` …, perhaps over several records.
fn arguments(records: &[&Record]) -> Vec<Vec<u8>> {
    let find = |key: &str| records.iter().find_map(|record| record.text(key));
    let count = records.iter().find_map(|record| record.number("argc")).unwrap_or_default();
    let mut args = Vec::new();
    let mut bytes = 0;
    for at in 0..count {
        let Some(arg) = find(&format!("a{at}")).or_else(|| {
            let pieces = (0..).map_while(|piece| find(&format!("a{at}[{piece}]")));
            let whole = pieces.take(wire::ARGV_MAX).collect::<Vec<_>>().concat();
            (!whole.is_empty()).then_some(whole)
        }) else {
            break;
        };
        bytes += arg.len() + 1;
        args.push(arg);
        if bytes > wire::ARGV_MAX {
            break;
        }
    }
    args
}

/// `fe:00`, as the kernel side has it.
fn device(path: &Record) -> Option<u32> {
    let (major, minor) = path.word("dev")?.split_once(':')?;
    let part = |text| u32::from_str_radix(text, 16).ok();
    Some(part(major)? << 20 | part(minor)?)
}

fn comm(name: &[u8]) -> [u8; COMM_LEN] {
    let mut comm = [0; COMM_LEN];
    let len = name.len().min(COMM_LEN - 1);
    comm[..len].copy_from_slice(&name[..len]);
    comm
}

/// A record's tail, as it grows.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn text(&mut self, text: &[u8], max: usize) -> Span {
        let room = TAIL_MAX.saturating_sub(self.0.len()).min(max);
        let kept = text.len().min(room);
        let state = if kept < text.len() { Span::CUT } else { Span::WHOLE };
        let span = Span { off: self.0.len() as u16, len: kept as u16, state, reserved: 0 };
        self.0.extend_from_slice(&text[..kept]);
        span
    }

    /// Leaf first.
    fn path(&mut self, path: &[u8]) -> Span {
        let parts = path.rsplit(|byte| *byte == b'/').filter(|part| !part.is_empty());
        let parts: Vec<u8> = parts.flat_map(|part| [part, &[0]].concat()).collect();
        self.text(&parts, wire::PATH_MAX)
    }
}
