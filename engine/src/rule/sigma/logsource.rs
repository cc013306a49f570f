//! Which events a `logsource` means, and what its fields are called here: one table, which `rules explain` and
//! docs/sigma.md print.
//!
//! A log source is one view or several of what happened: auditd writes several records about one system call, and
//! each record is judged by itself, with its own fields.

use crate::rule::source::nearest;

/// One kind of record of a log source.
pub struct View {
    pub name: &'static str,
    /// The events of which there is such a record, as a condition in Falco's language.
    pub events: &'static str,
    /// Only for rules that ask for this field.
    pub only_with: Option<&'static str>,
    /// Its own fields; those of `PROCESS` are in every view.
    pub fields: &'static [(&'static str, Answer)],
    /// Fields that a keyword is searched in.
    pub text: &'static [&'static str],
}

/// What a field of Sigma is here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// A field by its Falco name.
    Field(&'static str),
    /// The same, which has a slash at its end that Sigma's does not have.
    Directory(&'static str),
    /// Always this text.
    Text(&'static str),
    /// One of these texts, each when its condition holds.
    When(&'static [(&'static str, &'static str)]),
    /// Argument of a system call by its place, in hexadecimal as auditd writes it.
    Argument(usize),
    /// The record does not have it.
    Absent,
    /// The record has it, and no event here does.
    Lacking,
    /// A field of the core that the rule names itself.
    Own,
}

use Answer::{Absent, Argument, Directory, Field, Lacking, Text, When};

pub struct LogSource {
    /// Category or service, as a rule names it.
    pub name: &'static str,
    pub views: &'static [View],
    /// What an alert of it shows beside the process and the container, as a template.
    pub shows: &'static str,
}

/// Who did it: in every view.
pub static PROCESS: &[(&str, Answer)] = &[
    ("Image", Field("proc.exepath")),
    ("CommandLine", Field("proc.exeline")),
    ("CurrentDirectory", Directory("proc.cwd")),
    ("User", Field("user.name")),
    ("LogonId", Field("user.uid")),
    ("ProcessId", Field("proc.pid")),
    ("ParentImage", Field("proc.pexepath")),
    ("ParentCommandLine", Field("proc.pexeline")),
    ("ParentProcessId", Field("proc.ppid")),
    ("GrandParentImage", Field("proc.aexepath[2]")),
];

/// What Sysmon and the taxonomy of Sigma have for these categories and Linux does not.
static LACKING: &[&str] = &[
    "Hashes",
    "md5",
    "sha1",
    "sha256",
    "Imphash",
    "OriginalFileName",
    "FileVersion",
    "Description",
    "Product",
    "Company",
    "IntegrityLevel",
    "LogonGuid",
    "ProcessGuid",
    "ParentProcessGuid",
    "ParentUser",
    "TerminalSessionId",
    "RuleName",
    "UtcTime",
    "CreationUtcTime",
    "PreviousCreationUtcTime",
    "Computer",
    "EventID",
    "Channel",
    "Provider_Name",
    "SourcePortName",
    "DestinationPortName",
];

const EXEC: &str = "evt.type in (execve, execveat)";
const OPEN: &str = "evt.type in (open, openat, openat2, creat) and fd.num >= 0";
const WRITE: &str = "evt.type in (open, openat, openat2, creat) and fd.num >= 0 and evt.is_open_write = true";
const READ: &str = "evt.type in (open, openat, openat2) and fd.num >= 0 and evt.is_open_read = true";
const REMOVE: &str = "evt.type in (unlink, unlinkat) and evt.rawres >= 0";
const RENAME: &str = "evt.type in (rename, renameat, renameat2) and evt.rawres >= 0";
const LINK: &str = "evt.type in (link, linkat, symlink, symlinkat) and evt.rawres >= 0";
const MAKE: &str = "evt.type in (mkdir, mkdirat, mknod, mknodat) and evt.rawres >= 0";
const CHANGE: &str =
    "evt.type in (chmod, fchmod, fchmodat, fchmodat2, chown, fchown, lchown, fchownat) and evt.rawres >= 0";
const CONNECT: &str = "evt.type = connect and fd.typechar in ('4', '6')";
const ACCEPT: &str = "evt.type in (accept, accept4) and fd.typechar in ('4', '6')";

const fn view(name: &'static str, events: &'static str, fields: &'static [(&'static str, Answer)]) -> View {
    View { name, events, only_with: None, fields, text: &["CommandLine", "Image"] }
}

const FILE_NAME: &[(&str, Answer)] = &[("TargetFilename", Field("fd.name"))];
const FILE_TARGET: &[(&str, Answer)] =
    &[("SourceFilename", Field("fs.path.source")), ("TargetFilename", Field("fs.path.target"))];

pub static CATEGORIES: &[LogSource] = &[
    LogSource { name: "process_creation", views: &[view("program started", EXEC, &[])], shows: "" },
    LogSource {
        name: "file_event",
        views: &[
            view("file opened for writing", WRITE, FILE_NAME),
            view("file renamed", RENAME, FILE_TARGET),
            view("link made", LINK, FILE_TARGET),
        ],
        shows: " file=%fd.name",
    },
    LogSource {
        name: "file_change",
        views: &[view("file opened for writing", WRITE, FILE_NAME)],
        shows: " file=%fd.name",
    },
    LogSource {
        name: "file_access",
        views: &[view(
            "file opened for reading",
            READ,
            &[("FileName", Field("fd.name")), ("TargetFilename", Field("fd.name"))],
        )],
        shows: " file=%fd.name",
    },
    LogSource {
        name: "file_delete",
        views: &[view("file removed", REMOVE, &[("TargetFilename", Field("fs.path.name"))])],
        shows: "",
    },
    LogSource { name: "file_rename", views: &[view("file renamed", RENAME, FILE_TARGET)], shows: "" },
    LogSource {
        name: "network_connection",
        views: &[
            view(
                "connection made",
                CONNECT,
                &[
                    ("Initiated", Text("true")),
                    ("Protocol", Field("fd.l4proto")),
                    ("SourceIp", Field("fd.cip")),
                    ("SourcePort", Field("fd.cport")),
                    ("SourceHostname", Field("fd.cip.name")),
                    ("DestinationIp", Field("fd.sip")),
                    ("DestinationPort", Field("fd.sport")),
                    ("DestinationHostname", Field("fd.sip.name")),
                ],
            ),
            view(
                "connection taken",
                ACCEPT,
                &[
                    ("Initiated", Text("false")),
                    ("Protocol", Field("fd.l4proto")),
                    ("SourceIp", Field("fd.cip")),
                    ("SourcePort", Field("fd.cport")),
                    ("SourceHostname", Field("fd.cip.name")),
                    ("DestinationIp", Field("fd.sip")),
                    ("DestinationPort", Field("fd.sport")),
                    ("DestinationHostname", Field("fd.sip.name")),
                ],
            ),
        ],
        shows: " connection=%fd.name",
    },
];

/// auditd's names for the same, in every record of it.
pub static AUDIT: &[(&str, Answer)] = &[
    ("exe", Field("proc.exepath")),
    ("comm", Field("proc.name")),
    ("pid", Field("proc.pid")),
    ("ppid", Field("proc.ppid")),
    ("euid", Field("user.uid")),
    ("egid", Field("group.gid")),
    ("auid", Field("user.loginuid")),
    ("cwd", Directory("proc.cwd")),
    ("exit", Field("evt.rawres")),
    ("success", When(&[("yes", "evt.failed = false"), ("no", "evt.failed = true")])),
    ("key", Lacking),
    ("uid", Lacking),
    ("gid", Lacking),
    ("suid", Lacking),
    ("fsuid", Lacking),
    ("ses", Lacking),
    ("tty", Lacking),
    ("arch", Lacking),
    ("unit", Lacking),
    ("acct", Lacking),
    ("op", Lacking),
    ("res", Lacking),
];

const EXECVE_FIELDS: &[(&str, Answer)] = &[
    ("type", Text("EXECVE")),
    ("a0", Field("proc.exe")),
    ("a1", Field("proc.args[0]")),
    ("a2", Field("proc.args[1]")),
    ("a3", Field("proc.args[2]")),
    ("a4", Field("proc.args[3]")),
    ("a5", Field("proc.args[4]")),
    ("a6", Field("proc.args[5]")),
    ("a7", Field("proc.args[6]")),
    ("a8", Field("proc.args[7]")),
    ("a9", Field("proc.args[8]")),
];

const fn path(name: &'static str, events: &'static str, fields: &'static [(&'static str, Answer)]) -> View {
    View { name, events, only_with: None, fields, text: &["name"] }
}

static AUDIT_VIEWS: &[View] = &[
    View { name: "EXECVE", events: EXEC, only_with: None, fields: EXECVE_FIELDS, text: &["CommandLine"] },
    // auditd reports the calls that its own rules select. Without such rules, a rule that names no call means
    // programs that start; else it would be asked of everything that they do.
    View {
        name: "SYSCALL of an exec",
        events: EXEC,
        only_with: None,
        fields: &[("type", Text("SYSCALL")), ("SYSCALL", Field("evt.type")), ("syscall", Lacking)],
        text: &["exe", "comm"],
    },
    View {
        name: "SYSCALL of a named call",
        events: "syscall.type exists and not evt.type in (execve, execveat)",
        only_with: Some("SYSCALL"),
        fields: &[
            ("type", Text("SYSCALL")),
            ("SYSCALL", Field("evt.type")),
            ("syscall", Lacking),
            ("a0", Argument(0)),
            ("a1", Argument(1)),
            ("a2", Argument(2)),
            ("a3", Argument(3)),
        ],
        text: &["exe", "comm"],
    },
    path(
        "PATH of a program",
        EXEC,
        &[("type", Text("PATH")), ("name", Field("proc.exepath")), ("nametype", Text("NORMAL"))],
    ),
    path(
        "PATH of an open",
        OPEN,
        &[
            ("type", Text("PATH")),
            ("name", Field("fd.name")),
            (
                "nametype",
                When(&[("CREATE", "evt.is_open_create = true"), ("NORMAL", "not evt.is_open_create = true")]),
            ),
        ],
    ),
    path(
        "PATH of what is removed",
        "evt.type in (unlink, unlinkat, rmdir) and evt.rawres >= 0",
        &[("type", Text("PATH")), ("name", Field("fs.path.name")), ("nametype", Text("DELETE"))],
    ),
    path(
        "PATH of what is made",
        MAKE,
        &[("type", Text("PATH")), ("name", Field("fs.path.name")), ("nametype", Text("CREATE"))],
    ),
    path(
        "PATH of what is changed",
        CHANGE,
        &[("type", Text("PATH")), ("name", Field("fs.path.name")), ("nametype", Text("NORMAL"))],
    ),
    path(
        "PATH of an old name",
        RENAME,
        &[("type", Text("PATH")), ("name", Field("fs.path.source")), ("nametype", Text("DELETE"))],
    ),
    path(
        "PATH of a new name",
        "evt.type in (rename, renameat, renameat2, link, linkat, symlink, symlinkat) and evt.rawres >= 0",
        &[("type", Text("PATH")), ("name", Field("fs.path.target")), ("nametype", Text("CREATE"))],
    ),
];

pub static SERVICES: &[LogSource] =
    &[LogSource { name: "auditd", views: AUDIT_VIEWS, shows: " call=%evt.type file=%fd.name" }];

/// Arguments of system calls that events have as numbers: call, place, field.
pub static ARGUMENTS: &[(&str, usize, &str)] = &[
    ("socket", 0, "evt.rawarg.domain"),
    ("socket", 1, "evt.rawarg.type"),
    ("socket", 2, "evt.rawarg.proto"),
    ("setuid", 0, "evt.rawarg.uid"),
    ("setgid", 0, "evt.rawarg.gid"),
    ("bpf", 0, "evt.rawarg.cmd"),
    ("ptrace", 0, "evt.rawarg.request"),
    ("ptrace", 1, "evt.rawarg.pid"),
    ("kill", 0, "evt.rawarg.pid"),
    ("kill", 1, "evt.rawarg.sig"),
];

/// The record types that auditd's views are.
pub static RECORD_TYPES: &[&str] = &["SYSCALL", "EXECVE", "PATH"];

impl LogSource {
    pub fn is_audit(&self) -> bool {
        std::ptr::eq(self.views, AUDIT_VIEWS)
    }

    /// What a field is in a view; `None`: nobody knows the name.
    pub fn answer(&self, view: &View, field: &str) -> Option<Answer> {
        let find = |rows: &'static [(&'static str, Answer)]| {
            rows.iter().find(|(name, _)| *name == field).map(|(_, answer)| *answer)
        };
        let audit: &'static [_] = if self.is_audit() { AUDIT } else { &[] };
        let found = find(view.fields).or_else(|| find(audit)).or_else(|| find(PROCESS));
        let elsewhere = || self.views.iter().any(|other| other.fields.iter().any(|(name, _)| *name == field));
        found
            .or_else(|| elsewhere().then_some(Absent))
            .or_else(|| LACKING.contains(&field).then_some(Lacking))
    }

    /// The known name that is most like a wrong one.
    pub fn like(&self, wrong: &str) -> Option<&'static str> {
        let audit: &'static [_] = if self.is_audit() { AUDIT } else { &[] };
        let views = self.views.iter().flat_map(|view| view.fields);
        let names = views.chain(audit).chain(PROCESS).map(|(name, _)| *name).chain(LACKING.iter().copied());
        nearest(wrong, names)
    }
}
