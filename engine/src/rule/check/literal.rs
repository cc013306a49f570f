//! Words as values of a type.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    field::Type,
    rule::{lang::Literal, source::Complaint},
};

fn text(literal: &Literal) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&literal.bytes)
}

fn wrong(literal: &Literal, what: &str) -> Complaint {
    Complaint::new(literal.at.0, format!("expected {what}, found `{}`", text(literal)))
}

pub fn boolean(literal: &Literal) -> Result<bool, Complaint> {
    match &*literal.bytes {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(wrong(literal, "`true` or `false`")),
    }
}

/// A whole number that the type can hold.
pub fn number(literal: &Literal, ty: Type) -> Result<i128, Complaint> {
    let word = text(literal);
    let (word, negative) = match word.strip_prefix('-') {
        Some(word) => (word, true),
        None => (word.strip_prefix('+').unwrap_or(&word), false),
    };
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let value = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with(['+', '-']) => i128::from_str_radix(hex, 16).ok(),
        _ if digits(word) => word.parse().ok().or_else(|| {
            let float: f64 = word.parse().ok()?;
            (float.fract() == 0.0 && float.abs() <= 2f64.powi(64)).then_some(float as i128)
        }),
        _ => None,
    };
    let value = value.map(|value: i128| if negative { -value } else { value });
    match (value, ty) {
        (Some(n), Type::Port) if !(0..=65535).contains(&n) => Err(wrong(literal, "a port from 0 to 65535")),
        (Some(n), _) if !(i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&n) => {
            Err(wrong(literal, "a number of 64 bits"))
        }
        (Some(n), _) => Ok(n),
        (None, Type::Port) => Err(wrong(literal, "a port number")),
        (None, Type::Time | Type::Duration) => Err(wrong(literal, "a number of nanoseconds")),
        (None, _) => Err(wrong(literal, "a whole number")),
    }
}

/// An address, or a network in `address/length` form.
pub fn net(literal: &Literal) -> Result<IpNet, Complaint> {
    let word = text(literal);
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Ok(IpNet::from(ip));
    }
    match word.parse::<IpNet>() {
        Ok(net) => Ok(net.trunc()),
        Err(_) => Err(wrong(literal, "an IP address or a network such as `10.0.0.0/8`")),
    }
}

/// Bytes in hexadecimal, for `bcontains`.
pub fn hex(literal: &Literal) -> Result<Vec<u8>, Complaint> {
    let bytes = decode_hex(&literal.bytes);
    bytes
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| wrong(literal, "bytes in hexadecimal such as `cafebabe`"))
}

pub fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::source::At;

    fn lit(text: &str) -> Literal {
        Literal { bytes: text.into(), at: At::default() }
    }

    #[test]
    fn numbers_are_whole_and_fit() {
        for (text, value) in
            [("-1", -1), ("+7", 7), ("0x1F", 31), ("1e+3", 1000), ("5000000000", 5_000_000_000)]
        {
            assert_eq!(number(&lit(text), Type::Int).unwrap(), value);
        }
        for text in ["", "x", "1.5", "0x", "1 ", "99999999999999999999", "inf", "NaN"] {
            assert!(number(&lit(text), Type::Int).is_err(), "{text}");
        }
        assert!(number(&lit("65536"), Type::Port).is_err());
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        assert!(net(&lit("10.1.2.3/8")).unwrap().contains(&"10.9.9.9".parse::<IpAddr>().unwrap()));
        assert_eq!(net(&lit("::1")).unwrap().to_string(), "::1/128");
        assert!(net(&lit("10.0.0.0/33")).is_err());
    }

    #[test]
    fn hex_needs_whole_bytes() {
        assert_eq!(hex(&lit("cafeBABE")).unwrap(), [0xca, 0xfe, 0xba, 0xbe]);
        assert!(hex(&lit("caf")).is_err());
        assert!(hex(&lit("xx")).is_err());
    }
}
