//! `chown`: a process gave a file to another user or group, or failed to.

use super::{
    Kind,
    call::{self, AT_FLAGS, DIR, DIR_DOC, DIRFD_DOC, GIVEN_DOC, NAME, NO, RESULT_DOC, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("chown" Chown: chown lchown fchown fchownat);

pub static EVENT: Event = Event {
    kind: Kind::Chown,
    name: "chown",
    types: TYPES,
    doc: "A process gave a file to another user or group, or failed to.",
    category: Category::File,
    lane: Lane::Bulk,
    paths: &["path"],
    hooks: HOOKS,
    fields: &[RESULT, PATH, DIRECTORY, DIRFD, FD, UID, GID, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Chown>);
pub const PATH: Field =
    row("path", Type::Given("dir"), GIVEN_DOC, |r| call::text::<Chown>(r, NAME)).ecs("file.path");
pub const DIRECTORY: Field = row("dir", Type::Path, DIR_DOC, |r| call::path::<Chown>(r, DIR));
pub const DIRFD: Field = row("dirfd", Type::Int, DIRFD_DOC, |r| call::int::<Chown>(r, &[NO, NO, NO, 0]));
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of fchown.", |r| call::int::<Chown>(r, &[NO, NO, 0, NO]));
pub const UID: Field =
    row("uid", Type::User, "User it is to belong to.", |r| call::id::<Chown>(r, &[1, 1, 1, 2]))
        .ecs("file.uid");
pub const GID: Field =
    row("gid", Type::Group, "Group it is to belong to.", |r| call::id::<Chown>(r, &[2, 2, 2, 3]))
        .ecs("file.gid");
pub const FLAGS: Field =
    row("flags", Type::Flags(AT_FLAGS), "Flags of fchownat.", |r| call::flags::<Chown>(r, &[NO, NO, NO, 4]));
