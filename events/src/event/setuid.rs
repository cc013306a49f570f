//! `setuid`: a process asked to run as another user or group.

use super::{
    Kind,
    call::{self, NO, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("setuid" Setuid: setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid);

pub static EVENT: Event = Event {
    kind: Kind::Setuid,
    name: "setuid",
    types: TYPES,
    doc: "A process asked to run as another user or group. Who it is in the event is who it is after the call.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, UID, GID, RUID, EUID, SUID, RGID, EGID, SGID],
};

pub const RESULT: Field = row(
    "res",
    Type::Result,
    "What the call returned: 0, or a negated errno; of setfsuid and setfsgid the id before.",
    call::result::<Setuid>,
);
pub const UID: Field =
    row("uid", Type::User, "User asked for.", |r| call::id::<Setuid>(r, &[0, NO, NO, NO, NO, NO, 0, NO]));
pub const GID: Field =
    row("gid", Type::Group, "Group asked for.", |r| call::id::<Setuid>(r, &[NO, 0, NO, NO, NO, NO, NO, 0]));
pub const RUID: Field = row("ruid", Type::User, "Real user asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, 0, NO, 0, NO, NO, NO])
});
pub const EUID: Field = row("euid", Type::User, "Effective user asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, 1, NO, 1, NO, NO, NO])
});
pub const SUID: Field = row("suid", Type::User, "Saved user asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, NO, NO, 2, NO, NO, NO])
});
pub const RGID: Field = row("rgid", Type::Group, "Real group asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, NO, 0, NO, 0, NO, NO])
});
pub const EGID: Field = row("egid", Type::Group, "Effective group asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, NO, 1, NO, 1, NO, NO])
});
pub const SGID: Field = row("sgid", Type::Group, "Saved group asked for, -1 to keep it.", |r| {
    call::id::<Setuid>(r, &[NO, NO, NO, NO, NO, 2, NO, NO])
});
