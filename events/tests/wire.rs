//! Records are decoded with checks: no bytes panic, and what is accepted stays within its tail.

use nightjar_events::{
    EVENTS, Header, Kind, Raw, Record, WireError,
    wire::{Cut, TAIL_MAX, decode, join_path},
};
use proptest::prelude::*;
use zerocopy::IntoBytes;

/// A record of a kind with any body and tail.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let header = (0..EVENTS.len() as u16, 0..3_u16, 0..300_u32);
    (header, proptest::collection::vec(any::<u8>(), 0..900)).prop_map(|((kind, variant, tail_len), rest)| {
        let header = Header { kind, variant, tail_len, ..Header::default() };
        [header.as_bytes(), &rest].concat()
    })
}

fn ask_everything(bytes: &[u8]) {
    let Ok((header, body, tail)) = decode(bytes) else { return };
    let record = Record { header: &header, body: &body, tail };
    for event in EVENTS {
        for field in event.fields {
            let value = record.get(field);
            assert!(event.kind == body.kind() || value == Raw::Absent, "{} of another event", field.name);
            if let Raw::Path(parts, cut) = value {
                let mut out = vec![0; parts.len() + 1];
                assert!(join_path(parts, cut, &mut out).is_some());
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        ask_everything(&bytes);
    }

    #[test]
    fn no_record_panics_whatever_its_body(bytes in record()) {
        ask_everything(&bytes);
    }

    #[test]
    fn a_record_cut_short_is_refused(bytes in record(), keep in 0.0..1.0_f64) {
        if let Ok((header, body, tail)) = decode(&bytes) {
            let need = size_of::<Header>() + body.kind().body_size() + tail.len();
            prop_assert_eq!(tail.len(), header.tail_len as usize);
            let cut = (need as f64 * keep) as usize;
            let short = matches!(decode(&bytes[..cut]), Err(WireError::Short { .. }));
            prop_assert!(short);
        }
    }

    #[test]
    fn a_path_is_its_components_root_first(parts in proptest::collection::vec("[a-z]{1,9}", 0..20)) {
        let leaf_first: Vec<u8> = parts.iter().rev().flat_map(|part| [part.as_bytes(), b"\0"].concat()).collect();
        let mut out = vec![0; leaf_first.len() + 1];
        let whole = join_path(&leaf_first, Cut::None, &mut out).unwrap();
        let joined = format!("/{}", parts.join("/"));
        prop_assert_eq!(whole, joined.as_bytes());
    }
}

#[test]
fn an_unknown_kind_and_an_unknown_variant_are_named() {
    let with = |kind, variant| {
        let header = Header { kind, variant, ..Header::default() };
        [header.as_bytes(), &[0; 900]].concat()
    };
    assert_eq!(decode(&with(999, 0)).unwrap_err(), WireError::UnknownKind(999));
    let error = decode(&with(Kind::Exec as u16, 7)).unwrap_err();
    assert_eq!(error.to_string(), "exec has no variant 7");
}

#[test]
fn a_tail_beyond_the_limit_is_refused() {
    let header = Header { tail_len: TAIL_MAX as u32 + 1, ..Header::default() };
    let bytes = [header.as_bytes(), &vec![0; TAIL_MAX * 2]].concat();
    assert_eq!(decode(&bytes).unwrap_err(), WireError::TailTooLong(TAIL_MAX + 1));
}

#[test]
fn every_kind_is_its_own_row() {
    for (number, event) in EVENTS.iter().enumerate() {
        assert_eq!(event.kind as usize, number);
        assert_eq!(Kind::from_wire(number as u16), Some(event.kind));
        assert!(event.fields.iter().all(|field| field.kind == event.kind));
        assert!(!event.types.is_empty() && !event.hooks.is_empty());
        let mut names: Vec<_> = event.fields.iter().map(|field| field.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), event.fields.len(), "{} has a field twice", event.name);
    }
    assert_eq!(Kind::from_wire(EVENTS.len() as u16), None);
}
