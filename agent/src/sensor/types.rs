//! What the programs must be told of the running kernel's types: where the members lie that they read.

use std::{collections::HashMap, fs::File, io::Read, path::Path};

use nightjar_events::control::{ABSENT, LOOKUPS, Offsets};

use super::{
    SensorError,
    btf::{Btf, Kind, Type},
};

pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Largest BTF that is read; vmlinux has 4 to 12 MiB.
const BTF_MAX: u64 = 64 * 1024 * 1024;

pub struct KernelTypes(Btf);

/// Structs by name.
type Structs<'b> = HashMap<&'b [u8], Type>;

impl KernelTypes {
    pub fn of_running_kernel() -> Result<Self, SensorError> {
        Self::read(Path::new(VMLINUX))
    }

    fn read(path: &Path) -> Result<Self, SensorError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| {
                bytes.reserve_exact(file.metadata()?.len().min(BTF_MAX) as usize + 1);
                file.take(BTF_MAX).read_to_end(&mut bytes)
            })
            .map_err(|source| SensorError::NoBtf { path: path.display().to_string(), source })?;
        Ok(KernelTypes(Btf::parse(bytes).map_err(SensorError::BadBtf)?))
    }

    /// Every slot of `Offsets`, in its order.
    pub fn offsets(&self) -> Result<[u64; Offsets::COUNT], SensorError> {
        let types = self.0.all().filter(|ty| ty.kind == Kind::Struct);
        let structs: Structs<'_> = types.filter_map(|ty| Some((self.0.name(&ty)?, ty))).collect();
        let mut offsets = [ABSENT; Offsets::COUNT];
        for (offset, lookup) in offsets.iter_mut().zip(&LOOKUPS) {
            match lookup.candidates.iter().find_map(|spec| self.find(&structs, spec)) {
                Some(found) => *offset = found,
                None if lookup.optional => {}
                None => return Err(SensorError::NoMember(lookup.candidates.join(" or "))),
            }
        }
        Ok(offsets)
    }

    /// `struct.member.member`, with `+N` behind it for an element of an array, or `sizeof struct`.
    fn find(&self, structs: &Structs<'_>, spec: &str) -> Option<u64> {
        if let Some(name) = spec.strip_prefix("sizeof ") {
            return structs.get(name.as_bytes()).map(|ty| ty.size.into());
        }
        let (spec, plus) = spec.split_once('+').unwrap_or((spec, "0"));
        let (name, member) = spec.split_once('.')?;
        let offset = self.0.offset(*structs.get(name.as_bytes())?, member)?;
        Some(u64::from(offset) + plus.parse::<u64>().ok()?)
    }

    /// Index of a controller in `css_set::subsys`: depends on the kernel's configuration.
    pub fn cgroup_ssid(&self, controller: &str) -> Option<u64> {
        let ids = self.named(Kind::Enum, "cgroup_subsys_id")?;
        self.0.value(&ids, &format!("{controller}_cgrp_id")).map(u64::from)
    }

    pub fn has_function(&self, name: &str) -> bool {
        self.named(Kind::Function, name).is_some()
    }

    fn named(&self, kind: Kind, name: &str) -> Option<Type> {
        self.0.all().find(|ty| ty.kind == kind && self.0.name(ty) == Some(name.as_bytes()))
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
    fn the_running_kernel_has_the_functions_and_the_controllers_that_it_has() {
        let types = KernelTypes::of_running_kernel().unwrap();
        assert!(types.has_function("vfs_open") && !types.has_function("no_such_function"));
        assert!(types.cgroup_ssid("cpu").is_some_and(|id| id < 32));
        assert_eq!(types.cgroup_ssid("no_such_controller"), None);
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
