//! The compiled kernel side: in the binary, or a file that a test names.

use std::borrow::Cow;

use super::SensorError;

/// Names a file to load instead of the object in the binary: how a rebuilt object is tested before it is committed.
pub const OBJECT_VARIABLE: &str = "NIGHTJAR_BPF_OBJECT";

/// The array starts where an ELF parser wants it to: at a multiple of eight.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

static EMBEDDED: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../agent-ebpf/prebuilt/nightjar.bpf.o"));

pub(super) fn bytes() -> Result<Cow<'static, [u8]>, SensorError> {
    match std::env::var(OBJECT_VARIABLE) {
        Ok(path) => {
            std::fs::read(&path).map(Cow::Owned).map_err(|source| SensorError::Object { path, source })
        }
        Err(_) => Ok(Cow::Borrowed(&EMBEDDED.0)),
    }
}
