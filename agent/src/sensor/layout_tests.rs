//! Both sides agree on the layout of everything they share: the object's own type information against this side's
//! structs, member by member.
//!
//! Of this side nothing is listed. When the bytes at which the object has a member are set, that member and no other
//! must be another here, at its first byte and at its last; `Debug` says what the members are called.

use std::{collections::BTreeMap, fmt::Debug};

use nightjar_events::{
    Body, EVENTS, Header, Span,
    control::{Offsets, Settings},
    ledger::{Counts, Row, Tally},
};
use object::{Object, ObjectSection};
use zerocopy::FromBytes;

use super::{ALIASES_MAX, Btf, Kind, Member, STRUCT, TYPE_LEN, Type, kind_and_len, word_list};

/// Numbers of kinds (include/uapi/linux/btf.h).
const INT: u8 = 1;
const ARRAY: u8 = 3;

/// Members of a struct as the object has them: name, where they lie, and how long they are.
type Layout = Vec<(String, usize, usize)>;

struct Theirs(Btf);

impl Theirs {
    fn read() -> Self {
        let object = crate::sensor::object::bytes().unwrap();
        let file = object::File::parse(&*object).unwrap();
        let section = file.section_by_name(".BTF").expect("the object has type information");
        Theirs(Btf::parse(section.data().unwrap().to_vec()).unwrap())
    }

    /// The one struct of this name, and how many structs it is wrapped in that have a nameless member alone.
    fn of(&self, name: &str) -> (usize, Layout, usize) {
        let is_it = |ty: &Type| ty.kind == Kind::Struct && self.0.name(ty) == Some(name.as_bytes());
        let all: Vec<_> = self.0.all().filter(is_it).collect();
        assert_eq!(all.len(), 1, "structs called {name}");
        let (mut inner, mut wraps) = (all[0], 0);
        while let [Member { name: b"__0", ty, .. }] = self.0.members(inner).collect::<Vec<_>>()[..] {
            (inner, wraps) = (self.0.get(ty).unwrap(), wraps + 1);
        }
        let members = self.0.members(inner).map(|member| {
            let name = String::from_utf8(member.name.to_vec()).unwrap();
            (name, member.byte.unwrap() as usize, self.size(member.ty))
        });
        (all[0].size as usize, members.collect(), wraps)
    }

    fn size(&self, id: u32) -> usize {
        let mut id = id;
        let mut times = 1;
        for _ in 0..ALIASES_MAX {
            let ty = self.0.get(id).unwrap();
            let [_, info, size] = word_list(&self.0.bytes, ty.at - TYPE_LEN).unwrap();
            match kind_and_len(info).0 {
                ARRAY => {
                    let [element, _, count] = word_list(&self.0.bytes, ty.at).unwrap();
                    (id, times) = (element, times * count as usize);
                }
                INT | STRUCT => return times * size as usize,
                kind => panic!("a member is of kind {kind}"),
            }
        }
        panic!("an array of too many arrays")
    }
}

/// Members by name, as `Debug` writes them `indent` deep.
fn members(value: &dyn Debug, indent: usize) -> BTreeMap<String, String> {
    let text = format!("{value:#?}");
    let margin = " ".repeat(indent);
    let mut members = BTreeMap::<String, String>::new();
    let mut current = None;
    for line in text.lines() {
        let name = line.strip_prefix(&margin).filter(|rest| !rest.starts_with([' ', '}', ']', ')']));
        if let Some((name, _)) = name.and_then(|rest| rest.split_once(": ")) {
            current = Some(name.to_owned());
        }
        if let Some(name) = &current {
            members.entry(name.clone()).or_default().push_str(line);
        }
    }
    members
}

/// Holds a struct of the object against what `read` makes of its bytes.
fn agree<T: Debug>(theirs: &Theirs, name: &str, size: usize, indent: usize, read: impl Fn(&[u8]) -> T) {
    let (their_size, layout, wraps) = theirs.of(name);
    let indent = indent + OF_STRUCT * wraps;
    assert_eq!(their_size, size, "size of {name}");
    let zeroes = members(&read(&vec![0; size]), indent);
    let names: Vec<_> = layout.iter().map(|(member, ..)| member.clone()).collect();
    assert_eq!(zeroes.keys().cloned().collect::<Vec<_>>(), sorted(names), "members of {name}");
    let mut end = 0;
    for (member, at, len) in &layout {
        assert_eq!(*at, end, "{name} has a hole before {member}");
        end = at + len;
        for byte in [*at, end - 1] {
            let mut bytes = vec![0; size];
            bytes[byte] = 1;
            let ours = members(&read(&bytes), indent);
            let changed: Vec<_> = ours.keys().filter(|key| ours[*key] != zeroes[*key]).collect();
            assert_eq!(changed, [member], "byte {byte} of {name}");
        }
    }
    assert_eq!(end, size, "{name} has a hole at its end");
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Indent of the members of a struct, and of one within a variant of an enum.
const OF_STRUCT: usize = 4;
const OF_BODY: usize = 8;

fn agree_on<T: Debug + FromBytes>(theirs: &Theirs) {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
    agree(theirs, name, size_of::<T>(), OF_STRUCT, |bytes| T::read_from_bytes(bytes).unwrap());
}

#[test]
fn both_sides_agree_on_every_member_of_every_record() {
    let theirs = Theirs::read();
    agree_on::<Header>(&theirs);
    agree_on::<Span>(&theirs);
    for event in EVENTS {
        let kind = event.kind;
        // A body is called like its event's variant.
        let name = format!("{kind:?}");
        agree(&theirs, &name, kind.body_size(), OF_BODY, |bytes| Body::read(kind, bytes).unwrap().0);
    }
}

#[test]
fn both_sides_agree_on_the_ledger_and_on_what_is_injected() {
    let theirs = Theirs::read();
    agree_on::<Tally>(&theirs);
    agree_on::<Counts>(&theirs);
    agree_on::<Row>(&theirs);
    agree_on::<Settings>(&theirs);
    agree_on::<Offsets>(&theirs);
}

#[test]
fn a_member_that_lies_elsewhere_is_found() {
    #[derive(Debug, FromBytes)]
    #[repr(C)]
    struct Span {
        len: u16,
        off: u16,
        state: u16,
        reserved: u16,
    }
    let theirs = Theirs::read();
    let read = |bytes: &[u8]| Span::read_from_bytes(bytes).unwrap();
    let found = std::panic::catch_unwind(|| agree(&theirs, "Span", size_of::<Span>(), OF_STRUCT, read));
    let said = *found.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("byte 0 of Span"), "{said}");
}
