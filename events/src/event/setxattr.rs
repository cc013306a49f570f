//! `setxattr`: a process gave a file an extended attribute, such as capabilities, or failed to.

use super::{
    Kind,
    call::{self, AT_FLAGS, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("setxattr" Setxattr: setxattr lsetxattr fsetxattr setxattrat);

pub static EVENT: Event = Event {
    kind: Kind::Setxattr,
    name: "setxattr",
    types: TYPES,
    doc: "A process gave a file an extended attribute, or failed to. A file's capabilities are one: `security.capability`.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, DIRFD, FD, ATTRIBUTE, SIZE, FLAGS, AT],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Setxattr>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Setxattr>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Setxattr>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Setxattr>(r, &[NO, NO, NO, 0]));
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of fsetxattr.", |r| call::int::<Setxattr>(r, &[NO, NO, 0, NO]));
pub const ATTRIBUTE: Field = row("name", Type::Text, "Name of the attribute, as the caller gave it.", |r| {
    call::text::<Setxattr>(r, NAME_2)
});
pub const SIZE: Field = row("size", Type::Uint, "Bytes of its value.", |r| call::long::<Setxattr>(r, &[3]));
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags.", |r| call::flags::<Setxattr>(r, &[4]));
pub const AT: Field = row("at_flags", Type::Flags(AT_FLAGS), "How setxattrat looks the path up.", |r| {
    call::flags::<Setxattr>(r, &[NO, NO, NO, 2])
});

/// include/uapi/linux/xattr.h, 6.18.
const FLAG_NAMES: &[Bit] = &[bit("XATTR_CREATE", 1), bit("XATTR_REPLACE", 2)];
