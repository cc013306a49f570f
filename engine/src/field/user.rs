//! `user.*` and `group.*`: on whose behalf. The effective ids, which decide what is allowed.

use super::{Class, Field, Type, row};
use crate::value::Value;

pub(super) static USER: Class =
    Class { name: "user", doc: "On whose behalf: the effective user, and who logged in.", rows: USER_ROWS };
pub(super) static GROUP: Class = Class { name: "group", doc: "The effective group.", rows: GROUP_ROWS };

static USER_ROWS: &[Field] = &[
    row("user.uid", Type::Uint, "Effective user id, in the initial user namespace.", |e, _| {
        Value::Uint(e.process.euid.into())
    }),
    row("user.name", Type::Text, "Name of the effective user.", |e, _| text(e.process.user.as_deref())),
    row(
        "user.loginuid",
        Type::Int,
        "Id of the user who logged in, kept through su and sudo; -1 when nobody did.",
        |e, _| Value::Int(e.process.loginuid.filter(|uid| *uid != u32::MAX).map_or(-1, i64::from)),
    ),
    row("user.loginname", Type::Text, "Name of the user who logged in.", |e, _| {
        text(e.process.login_user.as_deref())
    }),
];

static GROUP_ROWS: &[Field] = &[
    row("group.gid", Type::Uint, "Effective group id, in the initial user namespace.", |e, _| {
        Value::Uint(e.process.egid.into())
    }),
    row("group.name", Type::Text, "Name of the effective group.", |e, _| text(e.process.group.as_deref())),
];

fn text(name: Option<&str>) -> Value<'_> {
    name.map_or(Value::Absent, Value::text)
}
