//! A number of bytes as people write it: `16MiB`, `64k`, `1048576`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a size: expected a whole number with an optional unit, such as 16MiB, 512KiB or 1048576"
)]
pub struct SizeError(String);

/// Binary units throughout: nobody asks for a ring of ten to the sixth bytes.
const UNITS: &[(&str, u32)] = &[("k", 10), ("m", 20), ("g", 30)];

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let (digits, unit) = lower.split_at(lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len()));
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let unit = unit.trim_start();
        let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(unit);
        if unit.is_empty() {
            return Ok(ByteSize(number));
        }
        let (_, shift) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        number.checked_mul(1 << shift).map(ByteSize).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().rev().find(|(_, shift)| self.0 > 0 && self.0.trailing_zeros() >= *shift);
        match unit {
            Some((name, shift)) => write!(f, "{}{}iB", self.0 >> shift, name.to_uppercase()),
            None => write!(f, "{}", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_written_back_shortest() {
        for (text, bytes, shown) in [
            ("1048576", 1 << 20, "1MiB"),
            ("16MiB", 16 << 20, "16MiB"),
            ("16 mb", 16 << 20, "16MiB"),
            ("64k", 64 << 10, "64KiB"),
            ("1G", 1 << 30, "1GiB"),
            ("1000", 1000, "1000"),
            ("0", 0, "0"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "1.5MiB", "-1", "16 parsecs", "99999999999999999999", "99999999999G", "1bb"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
