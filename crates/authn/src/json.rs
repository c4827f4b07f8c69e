//! JSON as the token rules want it: an object stays an object, and no member stands twice at any depth.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

pub(crate) type Object = BTreeMap<String, Json>;

/// A value. Integers stay apart from other numbers, because a NumericDate here is an integer.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool,
    Integer(i64),
    Number,
    Text(String),
    List(Vec<Self>),
    Object(Object),
}

impl Json {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) const fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// The object that `bytes` spell, or nothing when they spell something else, hold a member twice,
/// are no UTF-8, or nest deeper than `serde_json` goes (128).
pub(crate) fn object(bytes: &[u8]) -> Option<Object> {
    // SECURITY: the whole text is checked for UTF-8 and parsed in full. A typed struct would skip over members
    // that it does not know, bad bytes and depth bombs included, and would read an array as a struct.
    let text = std::str::from_utf8(bytes).ok()?;
    match serde_json::from_str(text).ok()? {
        Json::Object(object) => Some(object),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Number, Json::Integer))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if object.insert(name, value).is_some() {
                return Err(Error::custom("a member stands twice"));
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_object_without_duplicates_is_read() {
        assert!(object(br#"{"a":1,"b":{"c":[1,2,{"d":null}]}}"#).is_some());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let refused: [&[u8]; 9] = [
            br#"{"a":1,"a":1}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"{"a":1,"\u0061":2}"#,
            br#"["a"]"#,
            br#"{"a":1}{"a":1}"#,
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"",
            deep.as_bytes(),
        ];
        for bytes in refused {
            assert!(object(bytes).is_none(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn fractions_and_huge_numbers_are_no_integers() {
        let read = object(br#"{"i":7,"f":7.0,"e":7e0,"h":18446744073709551615,"t":"7"}"#).unwrap();
        assert_eq!(read["i"].integer(), Some(7));
        for name in ["f", "e", "h", "t"] {
            assert_eq!(read[name].integer(), None, "{name}");
        }
    }
}
