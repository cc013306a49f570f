//! `mount`: a process mounted a filesystem or took one away, or failed to.

use super::{
    Kind,
    call::{self, DIR, DIR_2, DIR_DOC, GIVEN_DOC, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("mount" Mount: (mount mount) (umount2 umount) (move_mount move_mount));

pub static EVENT: Event = Event {
    kind: Kind::Mount,
    name: "mount",
    types: TYPES,
    doc: "A process mounted a filesystem or took one away, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["dev", "dir"],
    hooks: HOOKS,
    fields: &[RESULT, DEVICE, PATH, DIRECTORY, FS_TYPE, FLAGS, UMOUNT_FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Mount>);
pub const DEVICE: Field = row(
    "dev",
    Type::Text,
    "What is mounted, as the caller gave it: a device, a path, or any word. Of umount2 nothing.",
    |r| call::text::<Mount>(r, NAME_2),
);
pub const PATH: Field =
    row("dir", Type::Given("base"), GIVEN_DOC, |r| call::text::<Mount>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("base", Type::Path, DIR_DOC, |r| call::path::<Mount>(r, DIR));
pub const FS_TYPE: Field =
    row("fs_type", Type::Text, "Type of the filesystem, as the caller gave it. Of mount.", |r| {
        call::text::<Mount>(r, DIR_2)
    });
pub const FLAGS: Field =
    row("flags", Type::Flags(MOUNT_FLAGS), "Flags of mount.", |r| call::flags::<Mount>(r, &[3, NO, NO]));
pub const UMOUNT_FLAGS: Field =
    row("umount_flags", Type::Flags(UMOUNT_FLAG_NAMES), "Flags of umount2.", |r| {
        call::flags::<Mount>(r, &[NO, 1, NO])
    });

/// include/uapi/linux/mount.h, 6.18.
const MOUNT_FLAGS: &[Bit] = &[
    bit("MS_RDONLY", 1),
    bit("MS_NOSUID", 2),
    bit("MS_NODEV", 4),
    bit("MS_NOEXEC", 8),
    bit("MS_SYNCHRONOUS", 16),
    bit("MS_REMOUNT", 32),
    bit("MS_MANDLOCK", 64),
    bit("MS_DIRSYNC", 128),
    bit("MS_NOSYMFOLLOW", 256),
    bit("MS_NOATIME", 1024),
    bit("MS_NODIRATIME", 2048),
    bit("MS_BIND", 4096),
    bit("MS_MOVE", 8192),
    bit("MS_REC", 16384),
    bit("MS_SILENT", 32768),
    bit("MS_POSIXACL", 1 << 16),
    bit("MS_UNBINDABLE", 1 << 17),
    bit("MS_PRIVATE", 1 << 18),
    bit("MS_SLAVE", 1 << 19),
    bit("MS_SHARED", 1 << 20),
    bit("MS_RELATIME", 1 << 21),
    bit("MS_I_VERSION", 1 << 23),
    bit("MS_STRICTATIME", 1 << 24),
    bit("MS_LAZYTIME", 1 << 25),
];

/// include/linux/fs.h, 6.18.
const UMOUNT_FLAG_NAMES: &[Bit] =
    &[bit("MNT_FORCE", 1), bit("MNT_DETACH", 2), bit("MNT_EXPIRE", 4), bit("UMOUNT_NOFOLLOW", 8)];
