//! Reading JSON that others wrote: whatever is missing, of another type or too long is simply not there.

use std::{collections::BTreeMap, fs::File, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use serde_json::Value;

/// Longest file that is read. Podman keeps all its containers in one.
const FILE_MAX: u64 = 8 << 20;
/// Longest text that is taken.
const TEXT_MAX: usize = 4 * 1024;
/// Most members of a list, or of a set of labels, that are taken.
pub const ENTRIES_MAX: usize = 128;
/// Bytes of all labels together.
pub const LABEL_BYTES_MAX: usize = 32 * 1024;

/// A file's content. `None`: not there, not whole at this moment, or not JSON.
pub fn read(path: &Path) -> Option<Value> {
    // Not to wait where someone has put a FIFO.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    let parsed = match file.take(FILE_MAX).read_to_end(&mut bytes) {
        Ok(_) => serde_json::from_slice(&bytes),
        Err(error) => Err(serde_json::Error::io(error)),
    };
    match parsed {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "cannot read container details");
            None
        }
    }
}

/// `pointer` as in RFC 6901.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| text.len() <= TEXT_MAX)
}

/// Empty when there is none.
pub fn owned(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_default().to_owned()
}

pub fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// An object of texts.
pub fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    bounded(entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))))
}

/// As many labels as are taken.
pub fn bounded(texts: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut left = LABEL_BYTES_MAX;
    let fits = |(name, value): &(String, String)| {
        let bytes = name.len() + value.len();
        let fits = bytes <= TEXT_MAX && bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    };
    texts.filter(fits).take(ENTRIES_MAX).collect()
}

/// Nanoseconds since the epoch of a time in RFC 3339.
pub fn time(value: &Value, pointer: &str) -> Option<u64> {
    stamp(text(value, pointer)?)
}

/// Docker writes the year 1 for never.
pub fn stamp(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok().filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_without_end_are_bounded() {
        let many = (0..10_000).map(|i| (format!("label-{i}"), json!("x".repeat(1_000))));
        let kept = labels(Some(&Value::Object(many.collect())));
        let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept.len() <= ENTRIES_MAX && bytes <= LABEL_BYTES_MAX && bytes > LABEL_BYTES_MAX / 2);
    }

    #[test]
    fn never_is_no_time() {
        assert_eq!(stamp("0001-01-01T00:00:00Z"), None);
        assert_eq!(stamp("1970-01-01T00:00:01.000000002Z"), Some(1_000_000_002));
        assert_eq!(stamp("yesterday"), None);
    }

    #[test]
    fn a_fifo_in_place_of_a_file_does_not_stall() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from(0o600),
            0,
        )
        .unwrap();
        assert_eq!(read(&path), None);
    }
}
