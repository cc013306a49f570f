//! BTF made by hand, whole and broken.

use proptest::prelude::*;

use super::*;

/// Types and names of a small BTF.
#[derive(Default)]
struct Made {
    types: Vec<u8>,
    names: Vec<u8>,
}

impl Made {
    fn name(&mut self, name: &str) -> u32 {
        let at = self.names.len() as u32;
        self.names.extend_from_slice(name.as_bytes());
        self.names.push(0);
        at
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.types.extend_from_slice(&word.to_ne_bytes()));
    }

    fn ty(&mut self, name: &str, kind: u8, flag: u32, size: u32, parts: &[(&str, u32, u32)]) {
        let name = self.name(name);
        self.words(&[name, flag << 31 | u32::from(kind) << 24 | parts.len() as u32, size]);
        for (name, a, b) in parts {
            let name = self.name(name);
            if kind == ENUM { self.words(&[name, *a]) } else { self.words(&[name, *a, *b]) }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let (types, names) = (self.types.len() as u32, self.names.len() as u32);
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&[1, 0]);
        for word in [24, 0, types, types, names] {
            bytes.extend_from_slice(&u32::to_ne_bytes(word));
        }
        [bytes, self.types.clone(), self.names.clone()].concat()
    }
}

fn sample() -> Vec<u8> {
    let mut made = Made::default();
    made.name("");
    made.ty("int", 1, 0, 4, &[]);
    made.words(&[0x20]);
    made.ty("inner", STRUCT, 0, 8, &[("x", 1, 0), ("y", 1, 32)]);
    made.ty("inner_t", TYPEDEF, 0, 2, &[]);
    made.ty("", UNION, 0, 8, &[("u", 1, 0), ("in", 3, 0)]);
    made.ty(
        "outer",
        STRUCT,
        1,
        24,
        &[("first", 1, 0), ("bit", 1, 3 << 24 | 32), ("", 4, 64), ("last", 1, 128)],
    );
    made.ty("ids", ENUM, 0, 4, &[("a_id", 7, 0), ("b_id", 9, 0)]);
    made.ty("twice", STRUCT, 0, 4, &[("", 7, 0)]);
    made.ty("main", FUNC, 0, 1, &[]);
    made.bytes()
}

fn named(btf: &Btf, name: &str) -> Type {
    btf.all().find(|ty| btf.name(ty) == Some(name.as_bytes())).unwrap()
}

#[test]
fn members_are_found_through_aliases_and_through_structs_without_a_name() {
    let btf = Btf::parse(sample()).unwrap();
    let outer = named(&btf, "outer");
    assert_eq!((outer.kind, outer.size), (Kind::Struct, 24));
    for (path, offset) in [("first", 0), ("u", 8), ("in.x", 8), ("in.y", 12), ("last", 16)] {
        assert_eq!(btf.offset(outer, path), Some(offset), "{path}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let btf = Btf::parse(sample()).unwrap();
    let outer = named(&btf, "outer");
    for path in ["none", "in.none", "first.x", "in.", "bit", ""] {
        assert_eq!(btf.offset(outer, path), None, "{path}");
    }
}

#[test]
fn an_enum_gives_the_value_of_a_name() {
    let btf = Btf::parse(sample()).unwrap();
    let ids = named(&btf, "ids");
    assert_eq!(["a_id", "b_id", "c_id"].map(|name| btf.value(&ids, name)), [Some(7), Some(9), None]);
    assert_eq!(named(&btf, "main").kind, Kind::Function);
}

#[test]
fn a_struct_that_contains_itself_comes_to_an_end() {
    let btf = Btf::parse(sample()).unwrap();
    assert_eq!(btf.offset(named(&btf, "twice"), "x"), None);
}

#[test]
fn what_is_no_btf_is_said_to_be_none() {
    let of = |bytes: &[u8]| Btf::parse(bytes.to_vec()).err();
    assert_eq!([of(b""), of(b"not BTF")], [Some(BtfError::Magic); 2]);
    assert_eq!(of(&sample()[..20]), Some(BtfError::Short));
    let mut made = Made::default();
    made.ty("new", 31, 0, 0, &[]);
    assert_eq!(of(&made.bytes()), Some(BtfError::Kind { id: 1, kind: 31 }));
}

/// Asks everything there is to ask.
fn ask(bytes: Vec<u8>) -> Option<BtfError> {
    let btf = match Btf::parse(bytes) {
        Ok(btf) => btf,
        Err(error) => return Some(error),
    };
    for ty in btf.all() {
        let size = btf.name(&ty).map_or(0, <[u8]>::len);
        assert!(size <= btf.bytes.len());
        for path in ["x", "in.y", "last.z"] {
            btf.offset(ty, path);
        }
        btf.value(&ty, "b_id");
    }
    None
}

#[test]
fn a_file_that_ends_early_is_short_wherever_it_ends() {
    let whole = sample();
    assert_eq!(ask(whole.clone()), None);
    for len in 2..whole.len() {
        assert_eq!(ask(whole[..len].to_vec()), Some(BtfError::Short), "{len}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_read_beyond_its_end(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        ask([&MAGIC.to_ne_bytes()[..], &bytes].concat());
    }

    #[test]
    fn no_changed_bytes_make_it_read_beyond_its_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = sample();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        ask(bytes);
    }
}
