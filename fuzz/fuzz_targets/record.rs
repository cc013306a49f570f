//! Any bytes are a record or an error, and every field of a record can be asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar_events::{EVENTS, Raw, Record, wire};

fuzz_target!(|bytes: &[u8]| {
    let Ok((header, body, tail)) = wire::decode(bytes) else { return };
    let record = Record { header: &header, body: &body, tail };
    // Fields of other events too: they must answer that they are absent.
    for event in EVENTS {
        for field in event.fields {
            let value = record.get(field);
            assert!(event.kind == body.kind() || value == Raw::Absent, "{} of {}", field.name, event.name);
            if let Raw::Path(parts, cut) = value {
                let mut out = vec![0; parts.len() + 1];
                let path = wire::join_path(parts, cut, &mut out).expect("the documented size is enough");
                assert!(path.len() <= parts.len() + 1);
            }
        }
    }
});
