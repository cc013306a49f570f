//! BTF, the kernel's type information, as a file holds it (Documentation/bpf/btf.rst, Linux 6.18).
//!
//! One pass notes where each type begins; names and members are read when they are asked for. It trusts nothing: every
//! place is checked against the bytes, and what points elsewhere is not there.

use std::ops::Range;

const MAGIC: u16 = 0xeb9f;
/// Members looked at for one question, those of nested structs included; the largest struct has some hundred.
const MEMBERS_MAX: usize = 4096;
/// Typedefs and qualifiers followed to a type.
const ALIASES_MAX: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    #[error("it is no BTF in this machine's byte order")]
    Magic,
    #[error("its header, types or names reach beyond its end")]
    Short,
    #[error("type {id} is of kind {kind}, which this version does not know")]
    Kind { id: u32, kind: u8 },
}

/// The kinds that are asked for; of the others only the length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Struct,
    Union,
    Enum,
    Function,
    /// typedef, const, volatile, restrict, or a type tag: another type by another name.
    Alias,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub kind: Kind,
    name: u32,
    /// Bytes of a struct or union; of an alias, the type that is meant.
    pub size: u32,
    /// Whether members say that they are bit fields.
    has_bit_fields: bool,
    /// Members or values, and where they are.
    len: u32,
    at: usize,
}

struct Member<'b> {
    name: &'b [u8],
    ty: u32,
    /// From the struct's beginning; `None` for a bit field.
    byte: Option<u32>,
}

pub struct Btf {
    bytes: Vec<u8>,
    names: Range<usize>,
    /// Where each type begins; the first has id 1.
    types: Vec<u32>,
}

impl Btf {
    pub fn parse(bytes: Vec<u8>) -> Result<Btf, BtfError> {
        if bytes.first_chunk().copied().map(u16::from_ne_bytes) != Some(MAGIC) {
            return Err(BtfError::Magic);
        }
        let [header, types, types_len, names, names_len] =
            word_list(&bytes, 4).ok_or(BtfError::Short)?.map(|word| word as usize);
        let section = |from: usize, len: usize| {
            let from = header + from;
            (from + len <= bytes.len()).then_some(from..from + len).ok_or(BtfError::Short)
        };
        let (types, names) = (section(types, types_len)?, section(names, names_len)?);
        let mut btf = Btf { names, types: Vec::new(), bytes };
        let mut at = types.start;
        while at < types.end {
            let id = btf.types.len() as u32 + 1;
            let [_, info, _] = word_list(&btf.bytes, at).ok_or(BtfError::Short)?;
            let (kind, len) = kind_and_len(info);
            let len = behind(kind, len).ok_or(BtfError::Kind { id, kind })?;
            btf.types.push(at as u32);
            at += TYPE_LEN + len;
        }
        if at == types.end { Ok(btf) } else { Err(BtfError::Short) }
    }

    pub fn get(&self, id: u32) -> Option<Type> {
        let at = *self.types.get((id as usize).checked_sub(1)?)? as usize;
        let [name, info, size] = word_list(&self.bytes, at)?;
        let (kind, len) = kind_and_len(info);
        let kind = match kind {
            STRUCT => Kind::Struct,
            UNION => Kind::Union,
            ENUM => Kind::Enum,
            FUNC => Kind::Function,
            TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => Kind::Alias,
            _ => Kind::Other,
        };
        Some(Type { kind, name, size, has_bit_fields: info >> 31 == 1, len, at: at + TYPE_LEN })
    }

    pub fn all(&self) -> impl Iterator<Item = Type> {
        (1..=self.types.len() as u32).filter_map(|id| self.get(id))
    }

    pub fn name(&self, ty: &Type) -> Option<&[u8]> {
        self.text(ty.name)
    }

    /// Byte offset of `a.b.c` in a struct, through structs and unions without a name.
    pub fn offset(&self, mut of: Type, path: &str) -> Option<u32> {
        let mut sum = 0u32;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let (byte, ty) = self.member(of, name.as_bytes())?;
            sum = sum.checked_add(byte)?;
            if names.peek().is_some() {
                of = self.meant(ty)?;
            }
        }
        Some(sum)
    }

    /// The value of an enum's name.
    pub fn value(&self, of: &Type, name: &str) -> Option<u32> {
        (0..of.len as usize)
            .filter_map(|n| word_list(&self.bytes, of.at + n * ENUM_LEN))
            .find(|[text, _]| self.text(*text) == Some(name.as_bytes()))
            .map(|[_, value]| value)
    }

    /// Where a member lies, and its type.
    fn member(&self, of: Type, name: &[u8]) -> Option<(u32, u32)> {
        if name.is_empty() {
            return None;
        }
        let mut open = vec![(of, 0u32)];
        let mut looked_at = 0;
        while let Some((of, base)) = open.pop() {
            for member in self.members(of) {
                looked_at += 1;
                if looked_at > MEMBERS_MAX {
                    return None;
                }
                let Some(byte) = member.byte.and_then(|byte| byte.checked_add(base)) else { continue };
                if member.name == name {
                    return Some((byte, member.ty));
                }
                if member.name.is_empty() {
                    open.extend(self.meant(member.ty).map(|inner| (inner, byte)));
                }
            }
        }
        None
    }

    /// Every member, those of nested structs by themselves (`socket.family`), and where it lies. An array is one member.
    pub fn leaves(&self, of: Type) -> Vec<(String, u32)> {
        let mut leaves = Vec::new();
        let mut open = vec![(of, String::new(), 0u32)];
        while let Some((of, prefix, base)) = open.pop() {
            for member in self.members(of) {
                let Some(byte) = member.byte.and_then(|byte| byte.checked_add(base)) else { continue };
                let name = format!("{prefix}{}", String::from_utf8_lossy(member.name));
                match self.meant(member.ty).filter(|ty| ty.kind == Kind::Struct) {
                    Some(inner) if open.len() < MEMBERS_MAX => open.push((inner, name + ".", byte)),
                    Some(_) | None => leaves.push((name, byte)),
                }
            }
        }
        leaves.sort_by_key(|(_, byte)| *byte);
        leaves
    }

    fn members(&self, of: Type) -> impl Iterator<Item = Member<'_>> {
        let count = if matches!(of.kind, Kind::Struct | Kind::Union) { of.len as usize } else { 0 };
        (0..count).filter_map(move |n| {
            let [name, ty, bits] = word_list(&self.bytes, of.at + n * MEMBER_LEN)?;
            let (bits, width) = if of.has_bit_fields { (bits & 0xff_ffff, bits >> 24) } else { (bits, 0) };
            let byte = (width == 0 && bits % 8 == 0).then_some(bits / 8);
            Some(Member { name: self.text(name)?, ty, byte })
        })
    }

    /// The type behind typedefs and qualifiers.
    fn meant(&self, id: u32) -> Option<Type> {
        let mut ty = self.get(id)?;
        for _ in 0..ALIASES_MAX {
            if ty.kind != Kind::Alias {
                return Some(ty);
            }
            ty = self.get(ty.size)?;
        }
        None
    }

    fn text(&self, at: u32) -> Option<&[u8]> {
        let text = self.bytes.get(self.names.clone())?.get(at as usize..)?;
        text.iter().position(|byte| *byte == 0).map(|end| &text[..end])
    }
}

// Kinds, by number (include/uapi/linux/btf.h, 6.18).
const STRUCT: u8 = 4;
const UNION: u8 = 5;
const ENUM: u8 = 6;
const TYPEDEF: u8 = 8;
const VOLATILE: u8 = 9;
const CONST: u8 = 10;
const RESTRICT: u8 = 11;
const FUNC: u8 = 12;
const TYPE_TAG: u8 = 18;

/// Lengths of `struct btf_type`, `btf_member` and `btf_enum`.
const TYPE_LEN: usize = 12;
const MEMBER_LEN: usize = 12;
const ENUM_LEN: usize = 8;

fn kind_and_len(info: u32) -> (u8, u32) {
    ((info >> 24) as u8 & 0x1f, info & 0xffff)
}

/// Bytes that follow a type of this kind with so many parts.
fn behind(kind: u8, len: u32) -> Option<usize> {
    let len = len as usize;
    Some(match kind {
        // Pointer, forward, function, float, and those that mean another type.
        2 | 7 | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNC | 16 | TYPE_TAG => 0,
        // Integer, variable, declaration tag.
        1 | 14 | 17 => 4,
        // Array.
        3 => 12,
        // Struct, union, section, 64-bit enum.
        STRUCT | UNION | 15 | 19 => len * 12,
        // Enum, function prototype.
        ENUM | 13 => len * 8,
        _ => return None,
    })
}

/// Words one after another.
fn word_list<const N: usize>(bytes: &[u8], at: usize) -> Option<[u32; N]> {
    let bytes = bytes.get(at..at.checked_add(4 * N)?)?;
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(words)
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod layout_tests;
#[cfg(test)]
#[path = "btf_tests.rs"]
mod tests;
