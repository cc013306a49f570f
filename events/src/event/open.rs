//! `open`: a process opened a file, or failed to.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Body, Kind, Page};
use crate::{
    schema::{Bit, Event, Family, Field, Get, Hook, Lane, Point, Type, bit},
    wire::{Raw, Span},
};

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Open {
    pub spans: [Span; 2],
    pub inode: u64,
    /// `open_how::resolve` of openat2.
    pub resolve: u64,
    /// The descriptor, `NUMBER_UNKNOWN`, or a negated errno.
    pub result: i32,
    pub dirfd: i32,
    pub flags: u32,
    /// Mode asked for, for a file to be created.
    pub mode: u32,
    pub dev: u32,
    /// `inode::i_mode`: type and permission of what was opened.
    pub file_mode: u32,
    pub created: u32,
    /// 1 when it has no name (any more): O_TMPFILE, memfd, deleted.
    pub unnamed: u32,
}

/// In `Open::result`: the file was opened, and which number its descriptor has is not known. No descriptor can have
/// this one: numbers end below the kernel's `sysctl_nr_open_max`, which is less.
pub const NUMBER_UNKNOWN: i32 = i32::MAX;

/// Indices into `Open::spans`.
pub const SPAN_PATH: usize = 0;
pub const SPAN_NAME: usize = 1;

impl Page for Open {
    const KIND: Kind = Kind::Open;
    const LANE: Lane = Lane::Bulk;
    fn of(body: &Body) -> Option<&Self> {
        if let Body::Open(open) = body { Some(open) } else { None }
    }
    fn spans(&self) -> &[Span] {
        &self.spans
    }
}

pub static EVENT: Event = Event {
    kind: Kind::Open,
    name: "open",
    types: &["open", "openat", "openat2", "creat"],
    doc: "A process opened a file, or failed to.",
    lane: Open::LANE,
    hooks: &[
        Hook {
            family: Family::Fentry,
            since: (5, 10),
            // Where the name is looked up in the kernel's own copy, and where the call returns, which tells what the
            // first did not.
            points: &[
                Point { program: "open_found", targets: &["do_file_open", "do_filp_open"] },
                Point { program: "open_returned", targets: &["do_sys_openat2"] },
            ],
        },
        Hook {
            family: Family::SyscallTracepoint,
            since: (5, 10),
            // At exit alone: the arguments are still in the task's saved registers, the memory they point to has been
            // paged in by the call itself, and no table has to join two halves.
            points: &[
                Point { program: "open_exit", targets: &["syscalls/sys_exit_open"] },
                Point { program: "open_exit", targets: &["syscalls/sys_exit_openat"] },
                Point { program: "open_exit", targets: &["syscalls/sys_exit_openat2"] },
                Point { program: "open_exit", targets: &["syscalls/sys_exit_creat"] },
            ],
        },
    ],
    fields: &[
        RESULT, PATH, NAME, FLAGS, MODE, RESOLVE, DIRFD, INODE, DEV, FILE_TYPE, FILE_MODE, CREATED, UNNAMED,
    ],
};

const fn row(name: &'static str, ty: Type, ecs: Option<&'static str>, doc: &'static str, get: Get) -> Field {
    Field { kind: Kind::Open, name, ty, ecs, doc, get }
}

/// A field of the opened file: absent when the open failed.
fn opened<'a>(open: &'a Open, value: Raw<'a>) -> Raw<'a> {
    if open.result < 0 { Raw::Absent } else { value }
}

pub const RESULT: Field = row(
    "res",
    Type::Result,
    None,
    "The descriptor, or a negated errno. By fentry the descriptor is only known to be `>=0` where several threads share the descriptors, and where an io_uring opened a file without one.",
    |r| {
        r.of(|e: &Open| match e.result {
            NUMBER_UNKNOWN => Raw::AtLeast(0),
            result => Raw::Int(result.into()),
        })
    },
);
pub const PATH: Field = row(
    "path",
    Type::Path,
    Some("file.path"),
    "Path of what was opened, from the kernel's file object: links and `..` resolved, as seen from the process's root.",
    |r| r.of(|e: &Open| r.path(&e.spans[SPAN_PATH])),
);
pub const NAME: Field = row(
    "name",
    Type::Text,
    None,
    "Path as the caller gave it. By fentry the kernel's own copy; by tracepoint from user memory after the call, where another thread can change it in between.",
    |r| r.of(|e: &Open| r.text(&e.spans[SPAN_NAME])),
);
pub const FLAGS: Field = row(
    "flags",
    Type::Flags(OPEN_FLAGS),
    None,
    "Open flags. By fentry without those that the kernel does not know; O_CLOEXEC is not known of an io_uring and of 32-bit calls, O_NONBLOCK not of an io_uring.",
    |r| r.of(|e: &Open| Raw::Flags(e.flags.into())),
);
pub const MODE: Field =
    row("mode", Type::Mode, None, "Mode asked for, where a file might be created.", |r| {
        r.of(|e: &Open| Raw::Uint(e.mode.into()))
    });
pub const RESOLVE: Field = row(
    "resolve",
    Type::Flags(RESOLVE_FLAGS),
    None,
    "How openat2 was asked to resolve the path. From user memory.",
    |r| r.of(|e: &Open| Raw::Flags(e.resolve)),
);
pub const DIRFD: Field =
    row("dirfd", Type::Int, None, "Directory descriptor, -100 (AT_FDCWD) for the working directory.", |r| {
        r.of(|e: &Open| Raw::Int(e.dirfd.into()))
    });
pub const INODE: Field = row("ino", Type::Uint, Some("file.inode"), "Inode number.", |r| {
    r.of(|e: &Open| opened(e, Raw::Uint(e.inode)))
});
pub const DEV: Field = row(
    "dev",
    Type::Uint,
    Some("file.device"),
    "Device, as the kernel encodes it (major << 20 | minor).",
    |r| r.of(|e: &Open| opened(e, Raw::Uint(e.dev.into()))),
);
pub const FILE_TYPE: Field =
    row("file_type", Type::Enum(FILE_TYPES), Some("file.type"), "What was opened.", |r| {
        r.of(|e: &Open| opened(e, Raw::Uint((e.file_mode & 0o170000).into())))
    });
pub const FILE_MODE: Field =
    row("file_mode", Type::Mode, Some("file.mode"), "Permission bits of what was opened.", |r| {
        r.of(|e: &Open| opened(e, Raw::Uint((e.file_mode & 0o7777).into())))
    });
pub const CREATED: Field = row("created", Type::Bool, None, "Whether this open made the file.", |r| {
    r.of(|e: &Open| opened(e, Raw::Bool(e.created != 0)))
});
pub const UNNAMED: Field =
    row("unnamed", Type::Bool, None, "Whether it has no name (any more): O_TMPFILE, memfd, deleted.", |r| {
        r.of(|e: &Open| opened(e, Raw::Bool(e.unnamed != 0)))
    });

const fn access(name: &'static str, value: u64) -> Bit {
    Bit { name, mask: 3, value }
}

/// include/uapi/asm-generic/fcntl.h, 6.18.
pub const OPEN_FLAGS: &[Bit] = &[
    access("O_RDONLY", 0),
    access("O_WRONLY", 1),
    access("O_RDWR", 2),
    bit("O_CREAT", 0o100),
    bit("O_EXCL", 0o200),
    bit("O_NOCTTY", 0o400),
    bit("O_TRUNC", 0o1000),
    bit("O_APPEND", 0o2000),
    bit("O_NONBLOCK", 0o4000),
    bit("O_DSYNC", 0o10000),
    bit("O_DIRECT", 0o40000),
    bit("O_DIRECTORY", 0o200000),
    bit("O_NOFOLLOW", 0o400000),
    bit("O_NOATIME", 0o1000000),
    bit("O_CLOEXEC", 0o2000000),
    bit("O_SYNC", 0o4010000),
    bit("O_PATH", 0o10000000),
    bit("O_TMPFILE", 0o20200000),
];

/// include/uapi/linux/openat2.h, 6.18.
const RESOLVE_FLAGS: &[Bit] = &[
    bit("RESOLVE_NO_XDEV", 1),
    bit("RESOLVE_NO_MAGICLINKS", 2),
    bit("RESOLVE_NO_SYMLINKS", 4),
    bit("RESOLVE_BENEATH", 8),
    bit("RESOLVE_IN_ROOT", 16),
    bit("RESOLVE_CACHED", 32),
];

const FILE_TYPES: &[(&str, u64)] = &[
    ("fifo", 0o010000),
    ("char_device", 0o020000),
    ("dir", 0o040000),
    ("block_device", 0o060000),
    ("file", 0o100000),
    ("symlink", 0o120000),
    ("socket", 0o140000),
];
