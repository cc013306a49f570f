//! What is written comes back, whatever is torn off or turned over.

use std::sync::Arc;

use nightjar_engine::{Container, Event, Payload, Process};
use nightjar_events::{
    Header, Kind, Span,
    event::{exit::Exit, open::Open},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::alert::Origin;

fn origin() -> Origin {
    Origin { node: "node-1".into(), boot: Uuid::from_u128(7) }
}

/// A shell below init that opens a file now and then and at last ends, in a container every other time.
fn events(count: u64) -> Vec<Event> {
    let init = Arc::new(Process { pid: 1, comm: b"systemd".to_vec(), ..Process::default() });
    let shell = Process {
        pid: 200,
        ppid: 1,
        uid: 7,
        args: vec![b"sh".to_vec(), vec![0xff, b'x']],
        ..Process::default()
    };
    let shell = Arc::new(Process { parent: Some(init), comm: b"sh".to_vec(), ..shell });
    let container =
        Container { id: "5e90".into(), name: "web".into(), privileged: Some(true), ..Container::default() };
    let container = Arc::new(container);
    let event = |number: u64| {
        let tail = bytes::Bytes::from(format!("file-{number}\0").into_bytes());
        let len = tail.len() as u16;
        let path = Span { off: 0, len, state: Span::WHOLE, reserved: 0 };
        let (kind, body, tail) = if number.is_multiple_of(5) {
            (
                Kind::Exit,
                nightjar_events::Body::Exit(Exit { status: 3, ..Exit::default() }),
                bytes::Bytes::new(),
            )
        } else {
            (Kind::Open, nightjar_events::Body::Open(Open { spans: [path, path], ..Open::default() }), tail)
        };
        let header = Header {
            time: number * 1_000_000,
            pid: 200,
            tid: 201,
            cpu: 1,
            cgroup_id: 99,
            kind: kind as u16,
            tail_len: tail.len() as u32,
            ..Header::default()
        };
        Event {
            time: 1_700_000_000_000_000_000 + header.time,
            number,
            tid: header.tid,
            cpu: header.cpu,
            cgroup_id: header.cgroup_id,
            payload: Payload::Record { header, body: Box::new(body), tail },
            process: shell.clone(),
            container: number.is_multiple_of(2).then(|| container.clone()),
            unplaced: number % 4 == 1,
        }
    };
    (1..=count).map(event).collect()
}

fn written(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &origin(), 5).unwrap();
    events.iter().for_each(|event| writer.event(event).unwrap());
    let recorded = writer.finish(None).unwrap();
    assert_eq!((recorded.events, recorded.bytes), (events.len() as u64, out.len() as u64));
    out
}

/// What there is, and what ended it.
fn read(bytes: &[u8]) -> (Vec<Event>, Option<CaptureError>) {
    let mut events = Vec::new();
    let mut capture = match Capture::open(bytes) {
        Ok(capture) => capture,
        Err(error) => return (events, Some(error)),
    };
    loop {
        match capture.next(&mut events) {
            Ok(true) => {}
            Ok(false) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// All that an event says, also what its JSON leaves to its kind.
fn shown(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

#[test]
fn events_come_back_as_they_were() {
    let events = events(3000);
    let bytes = written(&events);
    let (back, end) = read(&bytes);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(shown(&back), shown(&events));
    assert!(bytes.len() < 64 * 3000, "{} bytes for 3000 events", bytes.len());
    let mut capture = Capture::open(&bytes[..]).unwrap();
    assert_eq!(capture.origin(), origin());
    while capture.next(&mut Vec::new()).unwrap() {}
    let index = capture.index().unwrap();
    // Three seconds of events, and a block is no longer than one.
    assert_eq!(
        index.blocks.iter().map(|block| (block.events, block.first)).collect::<Vec<_>>(),
        [(1000, 1), (1000, 1001), (1000, 2001)]
    );
}

#[test]
fn the_index_is_found_from_the_end_and_leads_to_each_block() {
    let bytes = written(&events(3000));
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let index = index_of(&mut file).unwrap().unwrap();
    assert_eq!(index.events, 3000);
    for (row, number) in index.blocks.iter().zip(1..) {
        let found = frame::read(&bytes[row.at as usize..], number..number + 1);
        assert!(matches!(found, frame::Found::Frame(frame) if frame.payload[0] == BLOCK));
    }
    file.set_len(bytes.len() as u64 - 1).unwrap();
    assert_eq!(index_of(&mut file).unwrap(), None);
}

#[test]
fn two_writings_of_the_same_events_are_the_same_bytes() {
    assert_eq!(written(&events(50)), written(&events(50)));
}

#[test]
fn a_torn_capture_is_read_up_to_its_last_whole_block_and_says_where_it_ends() {
    let events = events(3000);
    let bytes = written(&events);
    let second = index(&bytes).blocks[2].at as usize;
    let (back, end) = read(&bytes[..second + 100]);
    assert_eq!(shown(&back), shown(&events[..2000]));
    let end = end.unwrap().to_string();
    let expected = format!(
        "the capture was not finished: it ends at byte {}; the 2000 events before are whole",
        second + 100
    );
    assert_eq!(end, expected);
}

fn index(bytes: &[u8]) -> Index {
    let mut capture = Capture::open(bytes).unwrap();
    while capture.next(&mut Vec::new()).unwrap() {}
    capture.index().unwrap().clone()
}

#[test]
fn a_damaged_capture_is_read_up_to_the_damage_and_says_where_it_is() {
    let events = events(3000);
    let mut bytes = written(&events);
    let second = index(&bytes).blocks[1].at;
    bytes[second as usize + 50] ^= 4;
    let (back, end) = read(&bytes);
    assert_eq!(shown(&back), shown(&events[..1000]));
    let end = end.unwrap().to_string();
    let expected = format!(
        "the capture is damaged at byte {second}: a checksum or a length is wrong; the 1000 events before are whole"
    );
    assert_eq!(end, expected);
}

#[test]
fn what_is_no_capture_and_what_is_newer_is_refused() {
    let mut bytes = written(&events(1));
    assert!(matches!(read(b"NJCAP").1, Some(CaptureError::NotACapture)));
    assert!(matches!(read(b"type=SYSCALL msg=audit").1, Some(CaptureError::NotACapture)));
    bytes[7] = 9;
    let newer = read(&bytes).1.unwrap().to_string();
    assert_eq!(newer, "this capture has version 9 of the form; this nightjar reads version 1");
}

#[test]
fn more_processes_than_a_block_may_define_are_two_blocks() {
    let mut events = events(20_000);
    for event in &mut events {
        event.process = Arc::new(Process { pid: event.number as u32, ..Process::default() });
        event.time = 1_700_000_000_000_000_000;
    }
    let bytes = written(&events);
    let (back, end) = read(&bytes);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(shown(&back), shown(&events));
}

#[test]
fn an_event_that_fits_in_no_block_is_left_out_and_counted() {
    let mut three = events(3);
    let long = Process { args: vec![vec![b'x'; BLOCK_BYTES_MAX]], ..Process::default() };
    three[1].process = Arc::new(long);
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &origin(), 5).unwrap();
    three.iter().for_each(|event| writer.event(event).unwrap());
    let recorded = writer.finish(None).unwrap();
    assert_eq!((recorded.events, recorded.left_out), (2, 1));
    let (back, end) = read(&out);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(shown(&back), shown(&[three[0].clone(), three[2].clone()]));
}

/// Items as a block, with a head before them.
fn hostile(items: &[u8]) -> Vec<u8> {
    let mut bytes = written(&[]);
    let head = match frame::read(&bytes[MAGIC.len()..], 0..1) {
        frame::Found::Frame(frame) => frame.size(),
        other => panic!("{other:?}"),
    };
    bytes.truncate(MAGIC.len() + head);
    let packed = lz4_flex::block::compress(items);
    let payload = [&[BLOCK][..], &(items.len() as u32).to_le_bytes(), &packed].concat();
    frame::write(&mut bytes, 1, &payload);
    bytes
}

#[test]
fn a_lineage_without_end_is_damage() {
    let process = |parent: Option<u32>| {
        let parent = parent.map_or(vec![0xc0], |n| [&[0xce][..], &n.to_be_bytes()].concat());
        [&[0x93, 1][..], &parent, &[0xc4, 1, 0x80]].concat()
    };
    let row = (0..1000u32).flat_map(|n| process(n.checked_sub(1))).collect::<Vec<_>>();
    let error = read(&hostile(&row)).1.unwrap().to_string();
    assert!(error.contains("a block holds a process with more than 256 ancestors"), "{error}");
}

#[test]
fn a_process_within_a_process_without_end_is_damage() {
    let nested = [&b"\x81\xa6parent"[..]; 5000].concat();
    let process = [&[0x93, 1, 0xc0, 0xc5][..], &(nested.len() as u16).to_be_bytes(), &nested].concat();
    let error = read(&hostile(&process)).1.unwrap().to_string();
    assert!(error.contains("a block holds what describes nothing"), "{error}");
}

#[test]
fn an_event_of_a_process_that_is_not_defined_is_damage() {
    let event = [0x96, 3, 1, 1, 7, 0xc0, 0xc4, 0];
    let error = read(&hostile(&event)).1.unwrap().to_string();
    assert!(error.contains("a block holds an event of no process"), "{error}");
}

proptest! {
    #[test]
    fn whatever_is_cut_off_the_rest_is_a_part_of_what_was_written(cut in 0usize..100_000) {
        let events = events(300);
        let bytes = written(&events);
        let kept = cut % bytes.len();
        let (back, end) = read(&bytes[..kept]);
        prop_assert!(end.is_some());
        prop_assert_eq!(shown(&back), shown(&events[..back.len()]));
    }

    #[test]
    fn no_flipped_bit_makes_another_event(bit in 0usize..8, at in 0usize..100_000) {
        let events = events(300);
        let mut bytes = written(&events);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let (back, end) = read(&bytes);
        prop_assert!(end.is_some());
        prop_assert_eq!(shown(&back), shown(&events[..back.len()]));
    }

    #[test]
    fn no_items_make_it_panic(items in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&hostile(&items)));
    }
}
