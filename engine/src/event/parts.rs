//! Process, container and mount as they stand in a case: an unknown key is refused with the known ones, and what is
//! as usual is not written.

use std::{collections::BTreeMap, fmt, sync::Arc};

use nightjar_events::{event::exec::CAPABILITIES, wire::COMM_LEN};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    Container, Mount, Process,
    form::{self, closest},
    node::Node,
};
use crate::value::{Cut, Text, flags_text};

/// How the value of a key is read and written.
trait Form<T> {
    fn read<'de, M: MapAccess<'de>>(map: &mut M) -> Result<T, M::Error>;
    fn write<M: SerializeMap>(value: &T, key: &'static str, map: &mut M) -> Result<(), M::Error>;
}

/// As serde has it, but for bytes, which are text where they can be.
struct Plain;
/// A capability set, by names.
struct Capabilities;

macro_rules! plain {
    ($($ty:ty)*) => { $(
        impl Form<$ty> for Plain {
            fn read<'de, M: MapAccess<'de>>(map: &mut M) -> Result<$ty, M::Error> {
                map.next_value()
            }
            fn write<M: SerializeMap>(value: &$ty, key: &'static str, map: &mut M) -> Result<(), M::Error> {
                map.serialize_entry(key, value)
            }
        }
    )* };
}

plain! { bool u32 u64 Option<bool> Option<u32> Option<String> String Vec<String> Vec<Mount> Option<Arc<Process>> BTreeMap<String, String> }

impl Form<Vec<u8>> for Plain {
    fn read<'de, M: MapAccess<'de>>(map: &mut M) -> Result<Vec<u8>, M::Error> {
        bytes(map.next_value()?)
    }
    fn write<M: SerializeMap>(value: &Vec<u8>, key: &'static str, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(key, &form::write_text(&Text::whole(value.as_slice())))
    }
}

impl Form<Vec<Vec<u8>>> for Plain {
    fn read<'de, M: MapAccess<'de>>(map: &mut M) -> Result<Vec<Vec<u8>>, M::Error> {
        match map.next_value()? {
            Node::List(list) => list.into_iter().map(bytes).collect(),
            other => Err(M::Error::custom(format!("{other} where a list of texts was expected"))),
        }
    }
    fn write<M: SerializeMap>(value: &Vec<Vec<u8>>, key: &'static str, map: &mut M) -> Result<(), M::Error> {
        let list: Vec<_> = value.iter().map(|arg| form::write_text(&Text::whole(arg.as_slice()))).collect();
        map.serialize_entry(key, &list)
    }
}

/// A part's texts say that they are cut with a key of their own.
fn bytes<E: Error>(node: Node) -> Result<Vec<u8>, E> {
    let found = node.to_string();
    match form::read_text(node) {
        Ok(Text { bytes, cut: Cut::None }) => Ok(bytes.into_owned()),
        Ok(_) | Err(_) => Err(E::custom(format!("{found} where text, or `{{hex: …}}`, was expected"))),
    }
}

impl Form<u64> for Capabilities {
    fn read<'de, M: MapAccess<'de>>(map: &mut M) -> Result<u64, M::Error> {
        let node: Node = map.next_value()?;
        form::read_flags(&node, CAPABILITIES)
            .map_err(|expected| M::Error::custom(format!("{node} where {} was expected", expected.0)))
    }
    fn write<M: SerializeMap>(value: &u64, key: &'static str, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(key, &flags_text(*value, CAPABILITIES))
    }
}

/// What a part is when little is said of it.
trait Part: Default {
    /// The part as it would be read if nothing were said of it that follows from the rest.
    fn usual(&self) -> Self {
        Self::default()
    }
    /// Fills in what follows from the rest and was not given.
    fn complete(&mut self, _given: &[&str]) {}
}

impl Part for Process {
    fn usual(&self) -> Self {
        // The name that exec gives a process: the file's, as much as there is room for.
        let file = self.exe_path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let comm = file[..file.len().min(COMM_LEN - 1)].to_vec();
        Process { comm, euid: self.uid, egid: self.gid, ..Process::default() }
    }
    fn complete(&mut self, given: &[&str]) {
        let Process { comm, euid, egid, .. } = self.usual();
        if !given.contains(&"comm") {
            self.comm = comm;
        }
        if !given.contains(&"euid") {
            self.euid = euid;
        }
        if !given.contains(&"egid") {
            self.egid = egid;
        }
    }
}

impl Part for Container {}
impl Part for Mount {}

/// Says what an unknown key could have been.
pub fn unknown(part: &str, key: &str, known: &[&str]) -> String {
    let hint = closest(key, known.iter().copied())
        .map(|name| format!(", did you mean `{name}`?"))
        .unwrap_or_default();
    format!("{part} has no `{key}`{hint} (it has {})", known.join(", "))
}

/// Lists a part's keys, in the order they are written; the compiler checks that none is missing.
macro_rules! part {
    ($part:ident $name:literal { $($field:ident: $form:ident,)* }) => {
        impl Serialize for $part {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let usual = self.usual();
                let $part { $($field),* } = self;
                let mut map = s.serialize_map(None)?;
                $(if *$field != usual.$field {
                    <$form as Form<_>>::write($field, stringify!($field), &mut map)?;
                })*
                map.end()
            }
        }

        impl<'de> Deserialize<'de> for $part {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Part;
                impl<'de> Visitor<'de> for Part {
                    type Value = $part;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a map that describes a ", $name))
                    }

                    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<$part, M::Error> {
                        let (mut part, mut given) = ($part::default(), Vec::new());
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $(stringify!($field) => {
                                    part.$field = <$form as Form<_>>::read(&mut map)?;
                                    given.push(stringify!($field));
                                })*
                                key => {
                                    return Err(M::Error::custom(unknown($name, key, &[$(stringify!($field)),*])));
                                }
                            }
                        }
                        part.complete(&given);
                        Ok(part)
                    }
                }
                d.deserialize_map(Part)
            }
        }
    };
}

part! { Process "process" {
    pid: Plain, start: Plain, start_time: Plain, ppid: Plain, vpid: Plain, pgid: Plain, vpgid: Plain, sid: Plain,
    tty: Plain, comm: Plain, exe_path: Plain, exe_path_cut: Plain, script_path: Plain, args: Plain, args_cut: Plain, cwd: Plain,
    uid: Plain, gid: Plain, euid: Plain, egid: Plain, loginuid: Plain, user: Plain, group: Plain, login_user: Plain,
    cap_effective: Capabilities, cap_permitted: Capabilities, cap_inheritable: Capabilities,
    exe_inode: Plain, exe_mtime: Plain, exe_ctime: Plain, exe_from_memfd: Plain, exe_upper_layer: Plain,
    exe_deleted: Plain, pid_ns: Plain, parent: Plain,
} }

part! { Container "container" {
    id: Plain, runtime: Plain, name: Plain, image: Plain, image_id: Plain, image_digest: Plain, privileged: Plain,
    labels: Plain, mounts: Plain, start_time: Plain, ip: Plain, host_pid: Plain, host_network: Plain,
    host_ipc: Plain, pod_name: Plain, pod_namespace: Plain, pod_uid: Plain, pod_sandbox: Plain, pod_labels: Plain,
    missing: Plain,
} }

part! { Mount "mount" {
    source: Plain, dest: Plain, mode: Plain, rw: Plain, propagation: Plain,
} }
