//! `process_vm`: a process read or wrote the memory of another.

use super::{
    Kind,
    call::{self, page},
};
use crate::schema::{Category, Event, Field, Lane, Type};

page!("process_vm" ProcessVm: process_vm_readv process_vm_writev);

pub static EVENT: Event = Event {
    kind: Kind::ProcessVm,
    name: "process_vm",
    types: TYPES,
    doc: "A process read or wrote the memory of another.",
    category: Category::Process,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, PID],
};

pub const RESULT: Field =
    row("res", Type::Result, "Number of bytes, or a negated errno.", call::result::<ProcessVm>);
pub const PID: Field =
    row("pid", Type::Int, "Whose memory, as the caller counts processes: in its own pid namespace.", |r| {
        call::int::<ProcessVm>(r, &[0])
    });
