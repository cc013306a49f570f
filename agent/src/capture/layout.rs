//! Records of another version of nightjar, made into records of this one.
//!
//! A capture's head says where each member of each event's record lay. Where that is not as it is here, members are
//! copied by their names; one that the capture does not have is zero, which reads as absent, as everything does that a
//! hook did not fill. So a record keeps its meaning as long as a member of a name keeps its own.

use std::borrow::Cow;

use nightjar_events::{EVENTS, Header, Kind};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, IntoBytes};

use crate::sensor::{self, SensorError, Struct};

/// Largest body of a record of any version that is read.
const BODY_MAX: u32 = 4096;

/// How one event's records lie in memory; of the first, the header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The number that a record says it is.
    number: u16,
    name: String,
    /// By variant.
    types: Vec<String>,
    size: u32,
    /// Name, and where it begins.
    members: Vec<(String, u32)>,
}

/// The layout of the header, then of every event.
pub fn ours() -> Result<Vec<Layout>, SensorError> {
    let bodies: Vec<String> = EVENTS.iter().map(|event| format!("{:?}", event.kind)).collect();
    let structs = sensor::structs(std::iter::once("Header").chain(bodies.iter().map(String::as_str)))?;
    let names = std::iter::once((0, "header", &[][..]))
        .chain(EVENTS.iter().map(|event| (event.kind as u16, event.name, event.types)));
    let layout = |((number, name, types), found): ((u16, &str, &[&str]), Struct)| Layout {
        number,
        name: name.to_owned(),
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        size: found.size,
        members: found.members,
    };
    Ok(names.zip(structs).map(layout).collect())
}

/// How to make records of a capture into ours.
#[derive(Debug, Default)]
pub struct Plan {
    header: Copies,
    /// By the capture's number of the event.
    events: Vec<Option<Event>>,
}

#[derive(Debug)]
struct Event {
    kind: Kind,
    /// By the capture's variant; `None`: this version has no such call.
    variants: Vec<Option<u16>>,
    body: Copies,
}

/// From where, to where, how many bytes.
#[derive(Debug, Default)]
struct Copies {
    /// Nothing has to be moved.
    same: bool,
    from_size: usize,
    to_size: usize,
    parts: Vec<(usize, usize, usize)>,
}

impl Plan {
    /// `None` when a layout cannot be one.
    pub fn new(theirs: &[Layout], ours: &[Layout]) -> Option<Plan> {
        let ([their_header, their_events @ ..], [our_header, our_events @ ..]) = (theirs, ours) else {
            return None;
        };
        let mut events = Vec::new();
        for layout in their_events {
            let number = usize::from(layout.number);
            if number > usize::from(u8::MAX) {
                return None;
            }
            if events.len() <= number {
                events.resize_with(number + 1, || None);
            }
            let Some(known) = our_events.iter().find(|known| known.name == layout.name) else { continue };
            let variant = |name: &String| {
                known.types.iter().position(|known| known == name).and_then(|at| u16::try_from(at).ok())
            };
            events[number] = Some(Event {
                kind: Kind::from_wire(known.number)?,
                variants: layout.types.iter().map(variant).collect(),
                body: Copies::new(layout, known)?,
            });
        }
        Some(Plan { header: Copies::new(their_header, our_header)?, events })
    }

    /// The record as this version has it; `None` when it has no such event.
    pub fn convert<'r>(&self, record: &'r [u8]) -> Option<Cow<'r, [u8]>> {
        let (header, rest) = record.split_at_checked(self.header.from_size)?;
        let mut header = if self.header.same {
            Header::read_from_bytes(header).ok()?
        } else {
            Header::read_from_bytes(&self.header.copy(header)).ok()?
        };
        let event = self.events.get(usize::from(header.kind))?.as_ref()?;
        let variant = (*event.variants.get(usize::from(header.variant))?)?;
        let same = header.kind == event.kind as u16 && header.variant == variant;
        if same && self.header.same && event.body.same {
            return Some(Cow::Borrowed(record));
        }
        let (body, tail) = rest.split_at_checked(event.body.from_size)?;
        (header.kind, header.variant) = (event.kind as u16, variant);
        Some(Cow::Owned([header.as_bytes(), &event.body.copy(body), tail].concat()))
    }
}

impl Copies {
    fn new(from: &Layout, to: &Layout) -> Option<Copies> {
        let ends = |layout: &Layout| {
            let starts = layout.members.iter().map(|(_, at)| *at);
            let ends = starts.clone().skip(1).chain([layout.size]);
            // Members lie one behind another, without holes.
            let lengths: Option<Vec<u32>> = starts.zip(ends).map(|(at, end)| end.checked_sub(at)).collect();
            lengths.filter(|_| layout.size <= BODY_MAX)
        };
        let (their_lengths, our_lengths) = (ends(from)?, ends(to)?);
        let mut parts = Vec::new();
        for ((name, at), len) in to.members.iter().zip(our_lengths) {
            let theirs = from.members.iter().zip(&their_lengths).find(|((known, _), _)| known == name);
            if let Some(((_, from), their_len)) = theirs {
                parts.push((*from as usize, *at as usize, len.min(*their_len) as usize));
            }
        }
        Some(Copies {
            same: from.size == to.size && from.members == to.members,
            from_size: from.size as usize,
            to_size: to.size as usize,
            parts,
        })
    }

    /// `bytes` are `from_size` long, and every part lies within.
    fn copy(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.to_size];
        for (from, to, len) in &self.parts {
            if let (Some(out), Some(bytes)) = (out.get_mut(*to..to + len), bytes.get(*from..from + len)) {
                out.copy_from_slice(bytes);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(number: u16, name: &str, types: &[&str], members: &[(&str, u32)], size: u32) -> Layout {
        Layout {
            number,
            name: name.to_owned(),
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            size,
            members: members.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect(),
        }
    }

    #[test]
    fn the_object_says_how_every_record_lies_in_memory() {
        let ours = ours().unwrap();
        assert_eq!(ours.len(), EVENTS.len() + 1);
        assert_eq!(ours[0].size as usize, size_of::<Header>());
        for (layout, event) in ours[1..].iter().zip(EVENTS) {
            assert_eq!((layout.size as usize, &*layout.name), (event.kind.body_size(), event.name));
            assert_eq!(layout.members.first().map(|(_, at)| *at), Some(0), "{layout:?}");
        }
        let connect = ours.iter().find(|layout| layout.name == "connect").unwrap();
        assert!(connect.members.iter().any(|(name, _)| name == "socket.destination_port"), "{connect:?}");
    }

    #[test]
    fn records_of_this_version_are_not_touched() {
        let ours = ours().unwrap();
        let plan = Plan::new(&ours, &ours).unwrap();
        let header = Header { kind: Kind::Exit as u16, ..Header::default() };
        let record = [header.as_bytes(), &vec![1; Kind::Exit.body_size()]].concat();
        assert!(matches!(plan.convert(&record), Some(Cow::Borrowed(same)) if same == record));
    }

    #[test]
    fn members_that_moved_are_found_and_new_ones_are_zero() {
        let ours = ours().unwrap();
        let kind = ours[0].members.iter().find(|(name, _)| name == "kind").unwrap().1 as usize;
        let mut theirs = ours.clone();
        // In their version, an exit had another number, its status stood last, and its other members were not there.
        let exit = 1 + Kind::Exit as usize;
        let status = ours[exit].members.iter().find(|(name, _)| name == "status").unwrap().1 as usize;
        theirs[exit] = layout(99, "exit", &["procexit"], &[("gone", 0), ("status", 4)], 8);
        let plan = Plan::new(&theirs, &ours).unwrap();
        let mut header = Header { tail_len: 3, ..Header::default() }.as_bytes().to_vec();
        header[kind..kind + 2].copy_from_slice(&99u16.to_ne_bytes());
        let record = [&header[..], &[9, 9, 9, 9, 1, 2, 3, 4], b"abc"].concat();
        let converted = plan.convert(&record).unwrap();
        let (header, body) = converted.split_at(size_of::<Header>());
        assert_eq!(Header::read_from_bytes(header).unwrap().kind, Kind::Exit as u16);
        let (body, tail) = body.split_at(Kind::Exit.body_size());
        assert_eq!((&body[status..status + 4], tail), (&[1, 2, 3, 4][..], &b"abc"[..]));
        assert_eq!(body.iter().filter(|byte| **byte != 0).count(), 4);
    }

    #[test]
    fn what_this_version_does_not_know_is_no_record_here() {
        let ours = ours().unwrap();
        let mut theirs = ours.clone();
        theirs.push(layout(200, "later", &["later"], &[("x", 0)], 8));
        theirs[1 + Kind::Exit as usize].types.insert(0, "another".to_owned());
        let plan = Plan::new(&theirs, &ours).unwrap();
        let record = |kind: u16, variant| {
            let header = Header { kind, variant, ..Header::default() };
            [header.as_bytes(), &vec![0; 256]].concat()
        };
        assert_eq!(plan.convert(&record(200, 0)), None);
        assert_eq!(plan.convert(&record(Kind::Exit as u16, 0)), None);
        let second = record(Kind::Exit as u16, 1);
        let moved = plan.convert(&second).unwrap();
        assert_eq!(Header::read_from_prefix(&moved).unwrap().0.variant, 0);
        assert_eq!(plan.convert(&[0; 3]), None);
        assert!(Plan::new(&[], &ours).is_none());
    }
}
