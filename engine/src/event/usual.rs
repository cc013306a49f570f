//! What a case need not say: values that follow from others, or that are as nearly always.
//!
//! Reading a case fills them in, writing one leaves them out. They hold for cases only, never for records.

use std::collections::{BTreeMap, BTreeSet};

use nightjar_events::{Field, Kind, Type, event::*, schema::Bit};

use super::Process;
use crate::value::{Cut, Text, Value};

pub type Values = BTreeMap<String, Value<'static>>;

/// `absent` are the fields that the case says the event does not have.
pub fn fill(
    kind: Kind,
    variant: u16,
    values: &mut Values,
    absent: &BTreeSet<&'static str>,
    process: &Process,
) {
    let mut usual = Usual { values, absent };
    if let Some((_, fill)) = USUAL.iter().find(|(of, _)| *of == kind) {
        fill(&mut usual, variant, process);
    }
    usual.directories(kind, process);
    // A call that is not said to have failed has succeeded.
    if let Some(result) = kind.event().field("res") {
        usual.number(result, 0);
    }
}

type Fill = fn(&mut Usual<'_>, u16, &Process);

/// What is usual of an event, beyond its success.
static USUAL: &[(Kind, Fill)] = &[
    (Kind::Exec, |usual, _, process| usual.exec(process)),
    (Kind::Open, |usual, variant, _| usual.open(variant)),
    (Kind::Connect, |usual, _, _| usual.socket(Kind::Connect, "stream")),
    (Kind::Dup, |usual, _, _| usual.socket(Kind::Dup, "stream")),
    (Kind::Bind, |usual, _, _| usual.socket(Kind::Bind, "stream")),
    (Kind::Listen, |usual, _, _| usual.socket(Kind::Listen, "stream")),
    (Kind::Accept, |usual, _, _| usual.socket(Kind::Accept, "stream")),
    (Kind::Send, |usual, _, _| usual.socket(Kind::Send, "dgram")),
    (Kind::Receive, |usual, _, _| usual.socket(Kind::Receive, "dgram")),
    (Kind::ConnectResult, |usual, _, _| {
        usual.number(&connect_result::FD, 3);
        usual.family(&connect_result::FAMILY, &connect_result::DEST_IP);
    }),
    (Kind::Exit, |usual, _, process| {
        usual.number(&exit::CODE, 0);
        usual.put(&exit::SIGNAL, Value::Uint(0));
        usual.put(&exit::CORE, Value::Bool(false));
        usual.put(&exit::COMM, Value::owned(process.comm.clone()));
    }),
    (Kind::Fork, |usual, _, process| usual.put(&fork::COMM, Value::owned(process.comm.clone()))),
];

struct Usual<'v> {
    values: &'v mut Values,
    absent: &'v BTreeSet<&'static str>,
}

impl Usual<'_> {
    fn put(&mut self, field: &Field, value: Value<'static>) {
        if !value.is_absent() && !self.absent.contains(field.name) && !self.values.contains_key(field.name) {
            self.values.insert(field.name.to_owned(), value);
        }
    }

    fn number(&mut self, field: &Field, n: i64) {
        self.put(field, Value::Int(n));
    }

    /// A relative path begins at the working directory.
    fn directories(&mut self, kind: Kind, process: &Process) {
        let page = kind.event();
        for row in page.fields {
            let Type::Given(directory) = row.ty else { continue };
            let relative = matches!(self.get(row), Value::Text(name) if !name.bytes.starts_with(b"/"));
            if let Some(directory) = page.field(directory).filter(|_| relative && !process.cwd.is_empty()) {
                self.put(directory, Value::owned(process.cwd.clone()));
            }
        }
    }

    fn text(&mut self, field: &Field, text: &'static str) {
        self.put(field, Value::text(text));
    }

    fn get(&self, field: &Field) -> Value<'static> {
        self.values.get(field.name).cloned().unwrap_or_default()
    }

    /// What the new program is, the process says already.
    fn exec(&mut self, p: &Process) {
        let bytes = |bytes: &[u8], cut| {
            if bytes.is_empty() { Value::Absent } else { Value::Text(Text::cut(bytes.to_vec(), cut)) }
        };
        let mut args: Vec<_> = p.args.iter().map(|arg| Text::whole(arg.clone())).collect();
        if let (Some(last), true) = (args.last_mut(), p.args_cut) {
            last.cut = Cut::Back;
        }
        if !p.args_cut {
            self.put(&exec::ARGC, Value::Uint(args.len() as u64));
        }
        if !args.is_empty() {
            self.put(&exec::ARGS, Value::List(args));
        }
        let exe = bytes(&p.exe_path, if p.exe_path_cut { Cut::Front } else { Cut::None });
        if !p.script_path.is_empty() {
            self.put(&exec::FILENAME, bytes(&p.script_path, Cut::None));
        } else if !p.exe_path_cut {
            self.put(&exec::FILENAME, exe.clone());
        }
        self.put(&exec::EXE, exe);
        self.put(&exec::CWD, bytes(&p.cwd, Cut::None));
        self.put(&exec::COMM, bytes(&p.comm, Cut::None));
        for (field, number) in [
            (&exec::EXE_INODE, p.exe_inode),
            (&exec::EXE_MTIME, p.exe_mtime),
            (&exec::EXE_CTIME, p.exe_ctime),
            (&exec::PPID, p.ppid.into()),
            (&exec::VPID, p.vpid.into()),
            (&exec::PGID, p.pgid.into()),
            (&exec::VPGID, p.vpgid.into()),
            (&exec::SID, p.sid.into()),
            (&exec::TTY, p.tty.into()),
            (&exec::LOGINUID, p.loginuid.unwrap_or(u32::MAX).into()),
            (&exec::UID, p.uid.into()),
            (&exec::GID, p.gid.into()),
            (&exec::EUID, p.euid.into()),
            (&exec::EGID, p.egid.into()),
            (&exec::PID_NS, p.pid_ns.into()),
        ] {
            self.put(field, Value::Uint(number));
        }
        let facts = [
            (p.exe_from_memfd, exec::EXE_MEMFD),
            (p.exe_upper_layer, exec::EXE_UPPER_LAYER),
            (p.exe_deleted, exec::EXE_DELETED),
            (!p.script_path.is_empty(), exec::SCRIPT),
        ];
        let flags =
            facts.iter().filter(|(holds, _)| *holds).fold(0, |flags, (_, bit)| flags | u64::from(*bit));
        for (field, bits) in [
            (&exec::FLAGS_FIELD, flags),
            (&exec::CAP_EFFECTIVE, p.cap_effective),
            (&exec::CAP_PERMITTED, p.cap_permitted),
            (&exec::CAP_INHERITABLE, p.cap_inheritable),
        ] {
            self.put(field, Value::Flags(bits, names(field)));
        }
    }

    /// A plain file, opened by its own absolute path.
    fn open(&mut self, variant: u16) {
        /// O_CREAT, O_WRONLY, O_TRUNC: what creat(2) means.
        const CREAT: u64 = 0o1101;
        let creat = open::EVENT.types.get(usize::from(variant)) == Some(&"creat");
        self.number(&open::RESULT, 3);
        self.put(&open::FLAGS, Value::Flags(if creat { CREAT } else { 0 }, names(&open::FLAGS)));
        self.put(&open::MODE, Value::Uint(0));
        self.put(&open::RESOLVE, Value::Flags(0, names(&open::RESOLVE)));
        self.number(&open::DIRFD, -100);
        let (path, name) = (self.get(&open::PATH), self.get(&open::NAME));
        if matches!(&path, Value::Text(text) if text.cut == Cut::None) {
            self.put(&open::NAME, path);
        }
        if matches!(self.get(&open::RESULT), Value::Int(n) if n < 0) {
            return;
        }
        if matches!(&name, Value::Text(text) if text.cut == Cut::None && text.bytes.starts_with(b"/")) {
            self.put(&open::PATH, name);
        }
        self.text(&open::FILE_TYPE, "file");
        self.put(&open::CREATED, Value::Bool(false));
        self.put(&open::UNNAMED, Value::Bool(false));
    }

    /// A socket with one end in the case, of the type that is usual for the event.
    fn socket(&mut self, kind: Kind, ty: &'static str) {
        let page = kind.event();
        let [Some(family), Some(sock_type), Some(protocol), Some(own), Some(path)] =
            ["family", "sock_type", "protocol", "saddr", "path"].map(|name| page.field(name))
        else {
            return;
        };
        if let Some(fd) = page.field("fd") {
            self.number(fd, 3);
        }
        self.family(family, page.field("daddr").unwrap_or(own));
        self.family(family, own);
        if !self.get(path).is_absent() {
            self.text(family, "unix");
        }
        // What is copied need not be a socket.
        if kind == Kind::Dup && self.get(family).is_absent() {
            return;
        }
        self.text(sock_type, ty);
        let number = match (self.get(family), self.get(sock_type)) {
            (Value::Text(family), Value::Text(ty)) if family.bytes.starts_with(b"ipv") => match &*ty.bytes {
                b"stream" => 6,
                b"dgram" => 17,
                _ => 0,
            },
            _ => 0,
        };
        self.put(protocol, Value::Uint(number));
        if let Some(connected) = page.field("connected") {
            self.put(connected, Value::Bool(ty == "stream"));
        }
    }

    fn family(&mut self, family: &Field, address: &Field) {
        if let Value::Ip(ip) = self.get(address) {
            self.text(family, if ip.is_ipv4() { "ipv4" } else { "ipv6" });
        }
    }
}

fn names(field: &Field) -> &'static [Bit] {
    if let Type::Flags(names) = field.ty { names } else { &[] }
}
