//! `module`: a process loaded a module into the kernel or took one out of it, or failed to.

use super::{
    Kind,
    call::{self, DIR, NAME, NAME_2, NO, RESULT_DOC, page},
};
use crate::schema::{Bit, Category, Event, Field, Lane, Type, bit};

page!("module" Module: init_module finit_module delete_module);

pub static EVENT: Event = Event {
    kind: Kind::Module,
    name: "module",
    types: TYPES,
    doc: "A process loaded a module into the kernel or took one out of it, or failed to.",
    category: Category::System,
    lane: Lane::Bulk,
    paths: &[],
    hooks: HOOKS,
    fields: &[RESULT, PARAMETERS, MODULE_NAME, FD, PATH, LENGTH, FLAGS],
};

pub const RESULT: Field = row("res", Type::Result, RESULT_DOC, call::result::<Module>);
pub const PARAMETERS: Field =
    row("uargs", Type::Text, "Parameters of the module, as the caller gave them.", |r| {
        call::text::<Module>(r, NAME_2)
    });
pub const MODULE_NAME: Field =
    row("name", Type::Text, "Name of the module that delete_module is to take out.", |r| {
        call::text::<Module>(r, NAME)
    });
pub const FD: Field =
    row("fd", Type::Int, "Descriptor of finit_module.", |r| call::int::<Module>(r, &[NO, 0, NO]));
pub const PATH: Field =
    row("path", Type::Path, "What that is open on, from the kernel.", |r| call::path::<Module>(r, DIR))
        .ecs("file.path");
pub const LENGTH: Field = row("length", Type::Uint, "Bytes of the module that init_module was given.", |r| {
    call::long::<Module>(r, &[1, NO, NO])
});
pub const FLAGS: Field =
    row("flags", Type::Flags(FLAG_NAMES), "Flags of finit_module and delete_module.", |r| {
        call::flags::<Module>(r, &[NO, 2, 1])
    });

/// include/uapi/linux/module.h, include/uapi/asm-generic/fcntl.h, 6.18.
const FLAG_NAMES: &[Bit] = &[
    bit("MODULE_INIT_IGNORE_MODVERSIONS", 1),
    bit("MODULE_INIT_IGNORE_VERMAGIC", 2),
    bit("MODULE_INIT_COMPRESSED_FILE", 4),
    bit("O_TRUNC", 0o1000),
    bit("O_NONBLOCK", 0o4000),
];
