//! The words that an event's page is written in.

use crate::{
    event::{Kind, Page},
    wire::{Raw, Record},
};

/// One event type: a page in `event/`.
pub struct Event {
    pub kind: Kind,
    /// What it is called in `nightjar events` and in rule tests.
    pub name: &'static str,
    /// Values of `evt.type`, by variant. The system calls' own names.
    pub types: &'static [&'static str],
    pub doc: &'static str,
    pub category: Category,
    pub lane: Lane,
    /// Rows that hold a path it is about: one, or a source and a target. `fs.path.*`.
    pub paths: &'static [&'static str],
    /// Ways to get it, best first. The first that this kernel allows is attached.
    pub hooks: &'static [Hook],
    pub fields: &'static [Field],
}

/// What an event is about: `evt.category`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    File,
    Net,
    Process,
    System,
}

/// How an event may be treated when the ring fills up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// May use the whole ring: identity and the process tree hang on it.
    Priority,
    /// Shed first: the last quarter of the ring is not for it.
    Bulk,
}

/// One way to observe an event. All its points must attach, but for those of system calls the machine does not have.
pub struct Hook {
    pub family: Family,
    /// First kernel on which it is known to work.
    pub since: (u16, u16),
    pub points: &'static [Point],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Entry or exit of a kernel function.
    Fentry,
    /// BTF-typed raw tracepoint.
    BtfTracepoint,
    /// `syscalls/sys_exit_*` through perf events.
    SyscallTracepoint,
}

impl Event {
    /// The row of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Category {
    pub fn name(self) -> &'static str {
        match self {
            Category::File => "file",
            Category::Net => "net",
            Category::Process => "process",
            Category::System => "system",
        }
    }
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Fentry => "fentry",
            Family::BtfTracepoint => "tp_btf",
            Family::SyscallTracepoint => "tracepoint",
        }
    }
}

/// A program of the compiled object and what it is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Function name in agent-ebpf.
    pub program: &'static str,
    /// `sched_process_exec`, or `syscalls/sys_exit_openat`. Several where kernels call it differently, the newest
    /// kernel's name first.
    pub targets: &'static [&'static str],
}

/// One question a rule may ask of an event: `evt.arg.NAME`.
pub struct Field {
    pub kind: Kind,
    pub name: &'static str,
    pub ty: Type,
    /// Elastic Common Schema 9 path that holds the same fact.
    pub ecs: Option<&'static str>,
    pub doc: &'static str,
    pub get: Get,
}

impl Field {
    /// The same row with the ECS path that holds the same fact.
    pub const fn ecs(mut self, path: &'static str) -> Field {
        self.ecs = Some(path);
        self
    }
}

/// Takes a field's value out of a record; absent when the record is of another event.
pub type Get = for<'a> fn(&Record<'a>) -> Raw<'a>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Bool,
    Int,
    Uint,
    /// 0 or a positive result, or a negated errno.
    Result,
    /// Bytes, usually UTF-8.
    Text,
    Path,
    /// A path as the caller gave it, and the name of the row with the directory that it begins at. Rules see it made
    /// absolute; links are not followed.
    Given(&'static str),
    List,
    /// Id of a user or a group, -1 for one that is to stay. Rules see the name where the process has that very id.
    User,
    Group,
    Ip,
    Port,
    Flags(&'static [Bit]),
    /// A number with a name for each value.
    Enum(&'static [(&'static str, u64)]),
    /// File mode bits, printed in octal.
    Mode,
    /// Nanoseconds since the epoch.
    Time,
    /// Nanoseconds.
    Duration,
}

/// A name that is set when `flags & mask == value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bit {
    pub name: &'static str,
    pub mask: u64,
    pub value: u64,
}

/// A name for one bit, or for several that are only meant together.
pub const fn bit(name: &'static str, value: u64) -> Bit {
    Bit { name, mask: value, value }
}

impl Type {
    pub fn name(&self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Result => "result",
            Type::Text => "text",
            Type::Path | Type::Given(_) => "path",
            Type::List => "list",
            Type::User => "user",
            Type::Group => "group",
            Type::Ip => "ip",
            Type::Port => "port",
            Type::Flags(_) => "flags",
            Type::Enum(_) => "enum",
            Type::Mode => "mode",
            Type::Time => "time",
            Type::Duration => "duration",
        }
    }
}

impl<'a> Record<'a> {
    /// The value of a field; absent when the record is of another event.
    pub fn get(&self, field: &Field) -> Raw<'a> {
        (field.get)(self)
    }

    /// Asks the body for a value when it is a `P`.
    pub(crate) fn of<P: Page + 'a>(&self, ask: impl FnOnce(&'a P) -> Raw<'a>) -> Raw<'a> {
        P::of(self.body).map_or(Raw::Absent, ask)
    }
}
