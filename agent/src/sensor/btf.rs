//! The running kernel's own type information: where the members lie that the programs read.

use std::{collections::HashMap, path::Path};

use btfparse::{Integer32Value, Offset, Readable, TypeInformation, TypeVariant};
use nightjar_events::control::{ABSENT, LOOKUPS, Offsets};

use super::SensorError;

pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Largest BTF that is read; vmlinux has 4 to 12 MiB.
const BTF_MAX: usize = 64 * 1024 * 1024;

pub struct KernelTypes {
    types: TypeInformation,
    /// Structs by name. A name can also be a typedef's or a function's.
    structs: HashMap<String, u32>,
}

struct Bytes(Vec<u8>);

impl Readable for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let end = offset.saturating_add(buffer.len() as u64);
        match self.0.get(offset as usize..end as usize) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(btfparse::Error::new(btfparse::ErrorKind::IOError, "read past the end")),
        }
    }
}

impl KernelTypes {
    pub fn of_running_kernel() -> Result<Self, SensorError> {
        Self::read(Path::new(VMLINUX))
    }

    pub fn read(path: &Path) -> Result<Self, SensorError> {
        let bytes = std::fs::read(path)
            .map_err(|source| SensorError::NoBtf { path: path.display().to_string(), source })?;
        Self::parse(bytes)
    }

    fn parse(mut bytes: Vec<u8>) -> Result<Self, SensorError> {
        bytes.truncate(BTF_MAX);
        let types = TypeInformation::new(&Bytes(bytes))
            .map_err(|error| SensorError::BadBtf(error.message().to_owned()))?;
        let structs = types
            .get()
            .iter()
            .filter_map(|(id, ty)| match ty {
                TypeVariant::Struct(_) => types.name_of(*id).map(|name| (name, *id)),
                _ => None,
            })
            .collect();
        Ok(KernelTypes { types, structs })
    }

    /// Every slot of `Offsets`, in its order.
    pub fn offsets(&self) -> Result<[u64; Offsets::COUNT], SensorError> {
        let mut offsets = [ABSENT; Offsets::COUNT];
        for (offset, lookup) in offsets.iter_mut().zip(&LOOKUPS) {
            match lookup.candidates.iter().find_map(|spec| self.find(spec)) {
                Some(found) => *offset = found,
                None if lookup.optional => {}
                None => return Err(SensorError::NoMember(lookup.candidates.join(" or "))),
            }
        }
        Ok(offsets)
    }

    /// `struct.member.member`, with `+N` behind it for an element of an array, or `sizeof struct`.
    fn find(&self, spec: &str) -> Option<u64> {
        if let Some(name) = spec.strip_prefix("sizeof ") {
            return self.types.size_of(*self.structs.get(name)?).ok().map(|size| size as u64);
        }
        let (spec, plus) = spec.split_once('+').unwrap_or((spec, "0"));
        let (name, member) = spec.split_once('.')?;
        match self.types.offset_of(*self.structs.get(name)?, member) {
            Ok((_, Offset::ByteOffset(offset))) => Some(u64::from(offset) + plus.parse::<u64>().ok()?),
            Ok((_, Offset::BitOffsetAndSize(..))) | Err(_) => None,
        }
    }

    /// Index of a controller in `css_set::subsys`: depends on the kernel's configuration.
    pub fn cgroup_ssid(&self, controller: &str) -> Option<u64> {
        let wanted = format!("{controller}_cgrp_id");
        let Some(TypeVariant::Enum(ids)) = self.types.from_id(self.types.id_of("cgroup_subsys_id")?) else {
            return None;
        };
        ids.named_value_list().iter().find(|id| id.name == wanted).map(|id| match id.value {
            Integer32Value::Signed(n) => n as u64,
            Integer32Value::Unsigned(n) => n.into(),
        })
    }

    pub fn has_function(&self, name: &str) -> bool {
        self.types.id_of(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_every_member_that_is_needed() {
        let offsets = KernelTypes::of_running_kernel().unwrap().offsets().unwrap();
        for (offset, lookup) in offsets.iter().zip(&LOOKUPS) {
            assert!(lookup.optional || *offset < 64 * 1024, "{}: {offset}", lookup.candidates[0]);
        }
    }

    #[test]
    fn bytes_that_are_no_btf_are_an_error() {
        assert!(KernelTypes::parse(b"not BTF".to_vec()).is_err());
        assert!(KernelTypes::parse(Vec::new()).is_err());
    }

    #[test]
    fn a_kernel_without_btf_gets_one_sentence() {
        let Err(error) = KernelTypes::read(Path::new("/nonexistent/btf")) else { panic!("read") };
        assert_eq!(
            error.to_string(),
            "this kernel has no BTF type information at /nonexistent/btf; \
             Nightjar needs a kernel built with CONFIG_DEBUG_INFO_BTF=y"
        );
    }
}
