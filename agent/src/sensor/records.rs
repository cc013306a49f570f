//! How the structs of records lie in memory, member by member, as the object's own type information has it.
//! `btf::layout_tests` sees to it that this side's structs are the same.

use object::{Object, ObjectSection};

use super::{
    SensorError,
    btf::{Btf, Kind},
    object::bytes,
};

/// A struct of a record: its size, and every member with the place where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struct {
    pub size: u32,
    pub members: Vec<(String, u32)>,
}

/// The structs of these names, in their order.
pub fn structs<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<Struct>, SensorError> {
    let object = bytes()?;
    let file = object::File::parse(&*object).map_err(SensorError::ObjectTypes)?;
    let section = file.section_by_name(".BTF").ok_or_else(|| SensorError::NoStruct(".BTF".to_owned()))?;
    let types = section.data().map_err(SensorError::ObjectTypes)?;
    let types = Btf::parse(types.to_vec()).map_err(SensorError::BadBtf)?;
    let find = |name: &str| {
        let named =
            |ty: &super::btf::Type| ty.kind == Kind::Struct && types.name(ty) == Some(name.as_bytes());
        let ty = types.all().find(named).ok_or_else(|| SensorError::NoStruct(name.to_owned()))?;
        Ok(Struct { size: ty.size, members: types.leaves(ty) })
    };
    names.into_iter().map(find).collect()
}
