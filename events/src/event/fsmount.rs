//! `fsmount`: a process made a mount by the calls that came with Linux 5.2, step by step, or failed to. The last step,
//! which gives it a place, is `move_mount` (page `mount`).

use super::{
    Kind,
    call::{self, DIR, DIR_2, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NAME_2, NO, page},
};
use crate::{
    Raw, Record,
    schema::{Bit, Category, Event, Field, Lane, Type, bit},
};

page!("fsmount" Fsmount: (fsopen fsopen) (fspick fspick) (fsconfig fsconfig) (fsmount fsmount) (open_tree open_tree));

pub static EVENT: Event = Event {
    kind: Kind::Fsmount,
    name: "fsmount",
    types: TYPES,
    doc: "A process made a mount step by step, or failed to; `move_mount` then gives it a place.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[
        RESULT, FS_TYPE, FD, COMMAND, KEY, VALUE, PATH, DIRECTORY, DIRFD, OPEN_FLAGS, PICK_FLAGS, FLAGS,
        ATTRIBUTES, TREE_FLAGS,
    ],
};

/// The variant of a call that text 2 is about.
const FSOPEN: u16 = 0;
const FSCONFIG: u16 = 2;

/// Commands of fsconfig that a text comes with.
pub const FSCONFIG_SET_STRING: u32 = 1;
pub const FSCONFIG_SET_PATH: u32 = 3;
pub const FSCONFIG_SET_PATH_EMPTY: u32 = 4;

pub const RESULT: Field =
    row("res", Type::Result, "A descriptor, of fsconfig 0; or a negated errno.", call::result::<Fsmount>);
pub const FS_TYPE: Field =
    row("fs_type", Type::Text, "Type of the filesystem, as the caller gave it. Of fsopen.", |r| {
        text_of(FSOPEN, r, NAME_2)
    });
pub const FD: Field = row("fd", Type::Int, "What fsopen or fspick gave. Of fsconfig and fsmount.", |r| {
    call::int::<Fsmount>(r, &[NO, NO, 0, 0, NO])
});
pub const COMMAND: Field = row("cmd", Type::Enum(COMMANDS), "What fsconfig is to do.", |r| {
    call::uint::<Fsmount>(r, &[NO, NO, 1, NO, NO])
});
pub const KEY: Field =
    row("key", Type::Text, "What fsconfig is to set, as the caller gave it; `source` is the device.", |r| {
        text_of(FSCONFIG, r, NAME_2)
    });
pub const VALUE: Field =
    row("value", Type::Text, "What to, as the caller gave it, where it is a text or a path.", |r| {
        text_of(FSCONFIG, r, DIR_2)
    });
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Fsmount>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Fsmount>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Fsmount>(r, &[NO, 0, NO, NO, 0]));
pub const OPEN_FLAGS: Field =
    row("open_flags", Type::Flags(&[bit("FSOPEN_CLOEXEC", 1)]), "Flags of fsopen.", |r| {
        call::flags::<Fsmount>(r, &[1, NO, NO, NO, NO])
    });
pub const PICK_FLAGS: Field = row("pick_flags", Type::Flags(PICK_FLAG_NAMES), "Flags of fspick.", |r| {
    call::flags::<Fsmount>(r, &[NO, 2, NO, NO, NO])
});
pub const FLAGS: Field = row("flags", Type::Flags(&[bit("FSMOUNT_CLOEXEC", 1)]), "Flags of fsmount.", |r| {
    call::flags::<Fsmount>(r, &[NO, NO, NO, 1, NO])
});
pub const ATTRIBUTES: Field =
    row("attr_flags", Type::Flags(ATTRIBUTE_NAMES), "Attributes of fsmount.", |r| {
        call::flags::<Fsmount>(r, &[NO, NO, NO, 2, NO])
    });
pub const TREE_FLAGS: Field = row("tree_flags", Type::Flags(TREE_FLAG_NAMES), "Flags of open_tree.", |r| {
    call::flags::<Fsmount>(r, &[NO, NO, NO, NO, 2])
});

fn text_of<'a>(variant: u16, record: &Record<'a>, span: usize) -> Raw<'a> {
    if record.header.variant == variant { call::text::<Fsmount>(record, span) } else { Raw::Absent }
}

/// include/uapi/linux/mount.h, 6.18.
const COMMANDS: &[(&str, u64)] = &[
    ("FSCONFIG_SET_FLAG", 0),
    ("FSCONFIG_SET_STRING", FSCONFIG_SET_STRING as u64),
    ("FSCONFIG_SET_BINARY", 2),
    ("FSCONFIG_SET_PATH", FSCONFIG_SET_PATH as u64),
    ("FSCONFIG_SET_PATH_EMPTY", FSCONFIG_SET_PATH_EMPTY as u64),
    ("FSCONFIG_SET_FD", 5),
    ("FSCONFIG_CMD_CREATE", 6),
    ("FSCONFIG_CMD_RECONFIGURE", 7),
    ("FSCONFIG_CMD_CREATE_EXCL", 8),
];

const PICK_FLAG_NAMES: &[Bit] = &[
    bit("FSPICK_CLOEXEC", 1),
    bit("FSPICK_SYMLINK_NOFOLLOW", 2),
    bit("FSPICK_NO_AUTOMOUNT", 4),
    bit("FSPICK_EMPTY_PATH", 8),
];

const ATTRIBUTE_NAMES: &[Bit] = &[
    bit("MOUNT_ATTR_RDONLY", 0x1),
    bit("MOUNT_ATTR_NOSUID", 0x2),
    bit("MOUNT_ATTR_NODEV", 0x4),
    bit("MOUNT_ATTR_NOEXEC", 0x8),
    Bit { name: "MOUNT_ATTR_NOATIME", mask: 0x70, value: 0x10 },
    Bit { name: "MOUNT_ATTR_STRICTATIME", mask: 0x70, value: 0x20 },
    bit("MOUNT_ATTR_NODIRATIME", 0x80),
    bit("MOUNT_ATTR_IDMAP", 0x10_0000),
    bit("MOUNT_ATTR_NOSYMFOLLOW", 0x20_0000),
];

/// include/uapi/linux/mount.h, include/uapi/linux/fcntl.h, 6.18.
const TREE_FLAG_NAMES: &[Bit] = &[
    bit("OPEN_TREE_CLONE", 1),
    bit("AT_SYMLINK_NOFOLLOW", 0x100),
    bit("AT_NO_AUTOMOUNT", 0x800),
    bit("AT_EMPTY_PATH", 0x1000),
    bit("AT_RECURSIVE", 0x8000),
    bit("O_CLOEXEC", 0o2000000),
];
