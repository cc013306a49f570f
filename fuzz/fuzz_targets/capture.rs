//! Any bytes, as the items of a block that is whole otherwise, are events or damage; every event that comes out can be
//! printed, and recorded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar::{
    alert::Origin,
    capture::{Capture, Writer},
    spool::frame,
};

fuzz_target!(|items: &[u8]| {
    let origin = Origin { node: String::new(), boot: Default::default() };
    let mut bytes = Vec::new();
    // What every capture begins with, and no more.
    drop(Writer::new(&mut bytes, &origin, 0).expect("a vector takes everything"));
    let packed = lz4_flex::block::compress(items);
    let payload = [b"B".as_slice(), &(items.len() as u32).to_le_bytes(), &packed].concat();
    frame::write(&mut bytes, 1, &payload);
    let mut capture = Capture::open(&bytes[..]).expect("the head is whole");
    let mut events = Vec::new();
    let read = capture.next(&mut events);
    assert!(matches!(read, Ok(true)) || matches!(read, Err(nightjar::capture::CaptureError::Damaged { .. })));
    let mut again = Writer::new(Vec::new(), &origin, 0).expect("a vector takes everything");
    for event in &events {
        serde_json::to_string(event).expect("an event is JSON");
        again.event(event).expect("what was read can be written");
    }
});
