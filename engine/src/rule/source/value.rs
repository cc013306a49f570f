//! Lets any type that serde can read be read from a YAML node, for the cases of rule tests.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
};

use super::yaml::{Content, Node};

impl Node {
    /// Reads a value; the error says what did not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(Reader(self)).map_err(|error| error.to_string())
    }
}

#[derive(Clone, Copy)]
struct Reader<'n>(&'n Node);

impl<'de> IntoDeserializer<'de, Error> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.content {
            _ if self.0.is_null() => visitor.visit_unit(),
            Content::Scalar { value, text: false } => match value.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                number => match (integer(number), number.parse::<f64>()) {
                    (Some(n), _) if n >= 0 && u64::try_from(n).is_ok() => visitor.visit_u64(n as u64),
                    (Some(n), _) if i64::try_from(n).is_ok() => visitor.visit_i64(n as i64),
                    (_, Ok(n)) if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                        visitor.visit_f64(n)
                    }
                    (_, _) => visitor.visit_str(value),
                },
            },
            Content::Scalar { value, text: true } => visitor.visit_str(value),
            Content::Sequence(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Reader))),
            Content::Mapping(pairs) => {
                visitor.visit_map(MapDeserializer::new(pairs.iter().map(|(k, v)| (Reader(k), Reader(v)))))
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.scalar() {
            Some(value) => visitor.visit_str(value),
            None => Err(Error::custom(format!("expected a text, found {}", self.0.noun()))),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.content {
            Content::Scalar { value, .. } => visitor.visit_enum(value.as_str().into_deserializer()),
            Content::Mapping(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| (Reader(k), Reader(v)));
                visitor.visit_enum(serde::de::value::MapAccessDeserializer::new(MapDeserializer::new(pairs)))
            }
            Content::Sequence(_) => Err(Error::custom("expected a name, found a list")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct ignored_any
    }
}

/// A whole number: decimal, `0x` or `0o`.
fn integer(text: &str) -> Option<i128> {
    match text.get(..2) {
        Some("0x") => i128::from_str_radix(&text[2..], 16).ok(),
        Some("0o") => i128::from_str_radix(&text[2..], 8).ok(),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Case {
        kind: Kind,
        name: String,
        n: Option<i64>,
        values: BTreeMap<String, serde_json::Value>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Exec,
    }

    #[test]
    fn a_value_is_read_with_its_types() {
        let source =
            "kind: exec\nname: 12\nn: ~\nvalues: {a: 1, b: -1, c: true, d: '1', e: [x, '2'], f: 0x10}\n";
        let case: Case = super::super::yaml::parse(0, source).unwrap()[0].read().unwrap();
        assert_eq!((case.kind, case.name.as_str(), case.n), (Kind::Exec, "12", None));
        let json = serde_json::to_string(&case.values).unwrap();
        assert_eq!(json, r#"{"a":1,"b":-1,"c":true,"d":"1","e":["x","2"],"f":16}"#);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let nodes = super::super::yaml::parse(0, "kind: exec\nnme: x\n").unwrap();
        assert!(nodes[0].read::<Case>().unwrap_err().contains("nme"));
    }
}
