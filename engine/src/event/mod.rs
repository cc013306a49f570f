//! One thing that happened, with who did it. Also the form in which `nightjar events` prints it and in which the
//! cases of rule tests are written: what one prints, the other reads.

mod case;
pub mod errno;
mod form;
mod node;
mod parts;
mod usual;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use nightjar_events::{Body, Field, Header, Kind, Record};

pub use self::case::{Case, CaseError, KEYS as CASE_KEYS};
use crate::value::Value;

/// Most ancestors that are kept or asked for.
pub const ANCESTORS_MAX: usize = 64;
/// Inode of the initial pid namespace: `PROC_PID_INIT_INO` (include/linux/proc_ns.h, 6.18).
pub const INITIAL_PID_NS: u32 = 0xeffffffc;

#[derive(Clone, Debug)]
pub struct Event {
    /// Wall clock of the event, nanoseconds since the epoch.
    pub time: u64,
    /// Counts up from 1 as events are judged.
    pub number: u64,
    pub tid: u32,
    pub cpu: u32,
    pub cgroup_id: u64,
    pub payload: Payload,
    /// Who did it. After an exec: the new program.
    pub process: Arc<Process>,
    /// Where. `None`: on the host.
    pub container: Option<Arc<Container>>,
    /// It could not be told whether this was on the host after all.
    pub unplaced: bool,
}

/// What the event says of itself.
#[derive(Clone, Debug)]
pub enum Payload {
    /// From the kernel.
    Record { header: Header, body: Box<Body>, tail: Bytes },
    /// From a test case or a capture: values by the name of their row. What is absent is not there.
    Case { kind: Kind, variant: u16, values: BTreeMap<String, OwnedValue> },
}

/// A value that borrows nothing: as it would be read from a record.
pub type OwnedValue = Value<'static>;

/// A process image: changes at exec, then a new one replaces it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    pub pid: u32,
    /// `start_boottime`, nanoseconds. 0 when it is not known.
    pub start: u64,
    /// Wall clock of the start, nanoseconds since the epoch.
    pub start_time: u64,
    pub ppid: u32,
    pub vpid: u32,
    pub pgid: u32,
    pub vpgid: u32,
    pub sid: u32,
    pub tty: u32,
    /// `task_struct::comm`.
    pub comm: Vec<u8>,
    /// Path of the program's file.
    pub exe_path: Vec<u8>,
    pub exe_path_cut: bool,
    /// Path of the `#!` script that it runs, made absolute but with links in it; empty for a binary.
    pub script_path: Vec<u8>,
    /// Argument vector, the program's own name first.
    pub args: Vec<Vec<u8>>,
    pub args_cut: bool,
    pub cwd: Vec<u8>,
    pub uid: u32,
    pub gid: u32,
    pub euid: u32,
    pub egid: u32,
    pub loginuid: Option<u32>,
    /// Name of `euid`.
    pub user: Option<String>,
    /// Name of `egid`.
    pub group: Option<String>,
    /// Name of `loginuid`.
    pub login_user: Option<String>,
    pub cap_effective: u64,
    pub cap_permitted: u64,
    pub cap_inheritable: u64,
    pub exe_inode: u64,
    pub exe_mtime: u64,
    pub exe_ctime: u64,
    pub exe_from_memfd: bool,
    pub exe_upper_layer: bool,
    pub exe_deleted: bool,
    pub pid_ns: u32,
    /// Who made it, also when that has exited since.
    pub parent: Option<Arc<Process>>,
}

/// What is known of a container. Empty text means not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Whole id; rules see its first twelve characters as `container.id`.
    pub id: String,
    pub runtime: String,
    pub name: String,
    pub image: String,
    pub image_id: String,
    pub image_digest: String,
    pub privileged: Option<bool>,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    /// Wall clock, nanoseconds since the epoch; 0 when not known.
    pub start_time: u64,
    /// Address, where the runtime gave it one.
    pub ip: String,
    /// Whether it shares these namespaces with the host.
    pub host_pid: Option<bool>,
    pub host_network: Option<bool>,
    pub host_ipc: Option<bool>,
    pub pod_name: String,
    pub pod_namespace: String,
    pub pod_uid: String,
    /// Id of the container that holds the pod's namespaces.
    pub pod_sandbox: String,
    pub pod_labels: BTreeMap<String, String>,
    /// What could not be learned yet; empty when the identity is complete.
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mount {
    pub source: String,
    pub dest: String,
    pub mode: String,
    pub rw: bool,
    pub propagation: String,
}

impl Event {
    pub fn kind(&self) -> Kind {
        self.payload.kind()
    }

    /// `evt.type`.
    pub fn type_name(&self) -> &'static str {
        let kind = self.kind();
        kind.event().types.get(usize::from(self.payload.variant())).copied().unwrap_or(kind.name())
    }

    /// The value of a field of the event's own page; absent when it is of another event.
    pub fn get(&self, field: &Field) -> Value<'_> {
        match &self.payload {
            Payload::Record { header, body, tail } => {
                Value::from_raw(Record { header, body, tail }.get(field), &field.ty)
            }
            Payload::Case { kind, values, .. } if *kind == field.kind => {
                values.get(field.name).map_or(Value::Absent, Value::reborrow)
            }
            Payload::Case { .. } => Value::Absent,
        }
    }

    /// The same with bytes of its own: an event that is kept must not keep the batch with which it came.
    pub fn detached(mut self) -> Event {
        match &mut self.payload {
            Payload::Record { tail, .. } => *tail = Bytes::copy_from_slice(tail),
            Payload::Case { .. } => {}
        }
        self
    }

    /// The process, its parent, and so on upwards.
    pub fn lineage(&self) -> impl Iterator<Item = &Process> {
        std::iter::successors(Some(&*self.process), |p| p.parent.as_deref()).take(ANCESTORS_MAX)
    }
}

impl Payload {
    pub fn kind(&self) -> Kind {
        match self {
            Payload::Record { body, .. } => body.kind(),
            Payload::Case { kind, .. } => *kind,
        }
    }

    /// Index into the event's `types`.
    pub fn variant(&self) -> u16 {
        match self {
            Payload::Record { header, .. } => header.variant,
            Payload::Case { variant, .. } => *variant,
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
