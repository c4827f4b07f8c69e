//! Canonical JSON (RFC 8785), narrowed until two contents never share their bytes and every reader agrees on them (RFC 7493).

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The largest integer, and with a minus the smallest, that every reader of JSON reads alike: 2^53 - 1 (RFC 7493, section 2.2).
pub const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// The deepest nesting that is taken.
const DEPTH_MAX: usize = 32;

/// Why something has no canonical form. The text holds nothing of the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// It is no JSON, it names a member twice, or it holds a number that is no integer between -(2^53 - 1) and 2^53 - 1.
    #[error(
        "the content is not JSON with unique names and integers of at most 2^53 - 1, at line {line}, column {column}"
    )]
    Refused {
        /// From 1; 0 where the place is not known.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Nested too deep.
    #[error("the content is nested too deep")]
    Depth,
    /// The bytes are not what their content is in canonical form.
    #[error("the bytes are not in canonical form")]
    NotCanonical,
    /// The content is not that of this kind of operation.
    #[error("the content is not that of this kind of operation")]
    Shape,
}

/// Bytes in canonical form: object members sorted by UTF-16 code units, no white space, the shortest escapes.
///
/// Narrower than RFC 8785 on purpose. Fractions and integers beyond 2^53 - 1 collapse in readers that compute with doubles, so that
/// two payloads had one digest; a name that stands twice is read differently by different readers.
// CONTROL: GAT-1
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical(Zeroizing<Vec<u8>>);

impl Canonical {
    /// The canonical form of a value.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, CanonicalError> {
        // As text and back: a value may serialise a name twice, which a tree of values would hide.
        let text = Zeroizing::new(serde_json::to_vec(value).map_err(refused)?);
        Self::of_text(&text)
    }

    /// The canonical form of a JSON text.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn of_text(text: &[u8]) -> Result<Self, CanonicalError> {
        let node: Node = serde_json::from_slice(text).map_err(refused)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        node.write(&mut bytes, 0)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that must be canonical already.
    ///
    /// # Errors
    /// [`CanonicalError`]; [`CanonicalError::NotCanonical`] where the same content is written otherwise.
    pub fn checked(bytes: &[u8]) -> Result<Self, CanonicalError> {
        let canonical = Self::of_text(bytes)?;
        if canonical.0.as_slice() == bytes {
            Ok(canonical)
        } else {
            Err(CanonicalError::NotCanonical)
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value that they stand for.
    ///
    /// # Errors
    /// [`CanonicalError::Shape`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CanonicalError> {
        serde_json::from_slice(&self.0).map_err(|_| CanonicalError::Shape)
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical(…)")
    }
}

/// The parser's own words may repeat what stands in the text.
fn refused(error: serde_json::Error) -> CanonicalError {
    CanonicalError::Refused {
        line: error.line(),
        column: error.column(),
    }
}

enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Text(Zeroizing<String>),
    List(Vec<Self>),
    Object(Vec<(Zeroizing<String>, Self)>),
}

impl Node {
    fn write(&self, out: &mut Vec<u8>, depth: usize) -> Result<(), CanonicalError> {
        if depth > DEPTH_MAX {
            return Err(CanonicalError::Depth);
        }
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Integer(integer) => out.extend_from_slice(integer.to_string().as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out, depth + 1)?;
                }
                out.push(b']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                // RFC 8785, section 3.2.3.
                sorted.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
                out.push(b'{');
                for (at, (name, value)) in sorted.into_iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out, depth + 1)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

/// RFC 8785, section 3.2.2.2.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            control if control < ' ' => out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes()),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict { depth: 0 }.deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth })
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with integers of at most 2^53 - 1")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        if (-INTEGER_MAX..=INTEGER_MAX).contains(&value) {
            Ok(Node::Integer(value))
        } else {
            Err(E::custom("an integer beyond 2^53 - 1"))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        self.visit_i64(i64::try_from(value).map_err(|_| E::custom("an integer beyond 2^53 - 1"))?)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Node, E> {
        Err(E::custom("a fraction"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut members = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a name that stands twice"));
            }
            members.push((Zeroizing::new(name), map.next_value_seed(below)?));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn canonical(text: &str) -> String {
        String::from_utf8(Canonical::of_text(text.as_bytes()).unwrap().as_bytes().to_vec()).unwrap()
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn gat_1_the_bytes_are_those_of_another_implementation_of_rfc_8785(value in json_value()) {
            let ours = Canonical::of(&value).unwrap();
            prop_assert_eq!(ours.as_bytes(), serde_json_canonicalizer::to_vec(&value).unwrap());
            prop_assert_eq!(ours.read::<Value>().unwrap(), value);
            prop_assert_eq!(Canonical::checked(ours.as_bytes()).unwrap(), ours);
        }

        #[test]
        fn gat_1_two_contents_never_share_their_bytes(one in json_value(), other in json_value()) {
            prop_assert_eq!(one == other, Canonical::of(&one).unwrap() == Canonical::of(&other).unwrap());
        }
    }

    #[test]
    fn gat_1_names_are_sorted_as_the_rfc_sorts_them() {
        // RFC 8785, section 3.2.3, without its example's line feeds.
        let sorted = canonical(
            r#"{"€":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis"}"#,
        );
        let order = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let places: Vec<_> = order.iter().map(|name| sorted.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{sorted}");
    }

    #[test]
    fn gat_1_what_readers_read_differently_is_refused() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":1,"\u0061":2}"#,
            "9007199254740992",
            "-9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e400",
            "1.0",
            "0.1",
            "1e2",
            "-0.0",
            "NaN",
            r#"{"a":1}{}"#,
            r#""\ud800""#,
            "",
        ] {
            assert!(Canonical::of_text(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(Canonical::of_text(deep.as_bytes()).is_err());
        assert_eq!(canonical("9007199254740991"), "9007199254740991");
    }

    #[test]
    fn gat_1_a_value_that_serialises_a_name_twice_is_refused() {
        #[derive(Serialize)]
        struct Inner {
            amount: u8,
        }
        #[derive(Serialize)]
        struct Outer {
            amount: u8,
            #[serde(flatten)]
            inner: Inner,
        }
        let twice = Outer {
            amount: 1,
            inner: Inner { amount: 2 },
        };
        assert!(matches!(Canonical::of(&twice), Err(CanonicalError::Refused { .. })));
    }

    #[test]
    fn gat_1_other_spellings_are_not_canonical() {
        for spelling in [r#"{"b":1,"a":2}"#, r#"{ "a":2}"#, r#"{"a":"\u0062"}"#, r#"{"a":"\/"}"#] {
            let checked = Canonical::checked(spelling.as_bytes());
            assert!(matches!(checked, Err(CanonicalError::NotCanonical)), "{spelling}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_repeat_the_content() {
        let error = Canonical::of_text(br#"{"Ada Lovelace":1,"Ada Lovelace":1}"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Ada"));
        let good = Canonical::of(&json!({"name": "Ada Lovelace"})).unwrap();
        assert!(!format!("{good:?}").contains("Ada"));
    }
}
