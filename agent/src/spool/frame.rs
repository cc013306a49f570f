//! An entry as it lies in a segment: length, number and checksum, then the payload. The number tells a frame from what
//! only looks like one, so that a reader finds the next good frame behind a damaged one and knows how many are missing.

/// Longest payload, in bytes.
pub const PAYLOAD_MAX: usize = 1 << 20;
pub const HEADER: usize = 16;
/// What every segment begins with; its last byte is the version of the form.
pub const MAGIC: &[u8; 8] = b"NJSPOOL\x01";

#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub number: u64,
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Bytes that it takes in a segment.
    pub fn size(&self) -> usize {
        HEADER + self.payload.len()
    }
}

/// Appends a frame. The payload is at most `PAYLOAD_MAX` long.
pub fn write(out: &mut Vec<u8>, number: u64, payload: &[u8]) {
    let length = (payload.len() as u32).to_le_bytes();
    out.extend(length);
    out.extend(number.to_le_bytes());
    out.extend(checksum(&length, number, payload).to_le_bytes());
    out.extend(payload);
}

fn checksum(length: &[u8], number: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(&number.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at the start of these bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    Frame(Frame<'a>),
    /// It may be one, but more bytes are needed to tell: this many in all.
    More(usize),
    /// No frame.
    Damaged,
}

/// `numbers` are those that may stand here.
pub fn read(bytes: &[u8], numbers: std::ops::Range<u64>) -> Found<'_> {
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Found::More(HEADER) };
    let mut words =
        header.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let mut word = || words.next().unwrap_or_default();
    let (length, low, high, sum) = (word() as usize, word(), word(), word());
    let number = u64::from(high) << 32 | u64::from(low);
    if length > PAYLOAD_MAX || !numbers.contains(&number) {
        return Found::Damaged;
    }
    let Some(payload) = rest.get(..length) else { return Found::More(HEADER + length) };
    if checksum(&header[..4], number, payload) != sum {
        return Found::Damaged;
    }
    Found::Frame(Frame { number, payload })
}

/// The first place behind `from` where a whole frame stands.
pub fn next_good(bytes: &[u8], from: usize, numbers: &std::ops::Range<u64>) -> Option<usize> {
    (from..bytes.len()).find(|at| matches!(read(&bytes[*at..], numbers.clone()), Found::Frame(_)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_that_cannot_stand_here_is_no_frame() {
        let mut bytes = Vec::new();
        write(&mut bytes, 7, b"payload");
        assert_eq!(read(&bytes, 7..8), Found::Frame(Frame { number: 7, payload: b"payload" }));
        assert_eq!(read(&bytes, 8..9), Found::Damaged);
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_noticed_and_the_frame_behind_it_is_found(
            payload in proptest::collection::vec(any::<u8>(), 0..80), bit in 0usize..8, at in 0usize..96
        ) {
            let mut bytes = Vec::new();
            write(&mut bytes, 1, &payload);
            let first = bytes.len();
            write(&mut bytes, 2, b"second");
            bytes[at % first] ^= 1 << bit;
            let taken = matches!(read(&bytes, 1..3), Found::Frame(Frame { number: 1, .. }));
            prop_assert!(!taken);
            prop_assert_eq!(next_good(&bytes, 1, &(1..3)), Some(first));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Found::Frame(frame) = read(&bytes, 0..u64::MAX) {
                prop_assert!(frame.size() <= bytes.len());
            }
        }
    }
}
