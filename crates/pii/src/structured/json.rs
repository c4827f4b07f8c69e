//! JSON (RFC 8259), read and written in one pass: everything but masked values stays byte for byte.

use super::{FieldRule, StructuredLimits, Work, fields};
use crate::bytes::{at, part};
use crate::entity::Entity;
use crate::error::StructuredError;
use crate::mask::{Masked, Masker};
use crate::placeholders::Conversation;

/// Masks the values of a JSON document: strings, and numbers that are identifiers (they stay numbers).
///
/// `rules` say what stands where; else the name of a field says so, or its value.
///
/// # Errors
///
/// If the document is not well-formed or too large, or a required recognizer fails.
pub fn mask_json(
    masker: &Masker,
    json: &str,
    rules: &[FieldRule],
    conversation: &mut Conversation,
    subject: Option<&str>,
    limits: StructuredLimits,
) -> Result<Masked, StructuredError> {
    read(masker, json, rules, &[], (conversation, subject), limits)
}

/// Masks a FHIR resource or bundle: as [`mask_json`], with the elements of FHIR that identify persons.
///
/// # Errors
///
/// As [`mask_json`].
pub fn mask_fhir(
    masker: &Masker,
    json: &str,
    rules: &[FieldRule],
    conversation: &mut Conversation,
    subject: Option<&str>,
    limits: StructuredLimits,
) -> Result<Masked, StructuredError> {
    let all: Vec<FieldRule> = rules.iter().cloned().chain(fields::fhir()).collect();
    read(masker, json, &all, fields::FHIR_KEPT, (conversation, subject), limits)
}

fn read(
    masker: &Masker,
    json: &str,
    rules: &[FieldRule],
    kept: &[&str],
    whose: (&mut Conversation, Option<&str>),
    limits: StructuredLimits,
) -> Result<Masked, StructuredError> {
    limits.check(json)?;
    let mut reader = Reader {
        work: Work::new(masker, whose.0, whose.1, json),
        rules,
        kept,
        bytes: json.as_bytes(),
        place: 0,
        path: Vec::new(),
        depth: limits.most_depth,
    };
    reader.value()?;
    reader.space();
    if reader.place < reader.bytes.len() {
        return Err(reader.malformed());
    }
    Ok(reader.work.finish())
}

struct Reader<'w> {
    work: Work<'w>,
    rules: &'w [FieldRule],
    kept: &'w [&'w str],
    bytes: &'w [u8],
    place: usize,
    path: Vec<String>,
    depth: usize,
}

impl Reader<'_> {
    fn malformed(&self) -> StructuredError {
        StructuredError::Malformed { at: self.place }
    }

    fn space(&mut self) {
        while matches!(at(self.bytes, self.place), b' ' | b'\n' | b'\r' | b'\t') {
            self.place += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), StructuredError> {
        self.space();
        if at(self.bytes, self.place) != byte {
            return Err(self.malformed());
        }
        self.place += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<(), StructuredError> {
        self.space();
        match at(self.bytes, self.place) {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string_leaf(),
            b'-' | b'0'..=b'9' => self.number_leaf(),
            _ => self.literal(),
        }
    }

    fn object(&mut self) -> Result<(), StructuredError> {
        self.place += 1;
        self.space();
        if at(self.bytes, self.place) == b'}' {
            self.place += 1;
            return Ok(());
        }
        loop {
            self.space();
            let name = self.string()?;
            self.expect(b':')?;
            self.step(name)?;
            self.space();
            match at(self.bytes, self.place) {
                b',' => self.place += 1,
                b'}' => {
                    self.place += 1;
                    return Ok(());
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    fn array(&mut self) -> Result<(), StructuredError> {
        self.place += 1;
        self.space();
        if at(self.bytes, self.place) == b']' {
            self.place += 1;
            return Ok(());
        }
        for index in 0_usize.. {
            self.step(index.to_string())?;
            self.space();
            match at(self.bytes, self.place) {
                b',' => self.place += 1,
                b']' => {
                    self.place += 1;
                    break;
                }
                _ => return Err(self.malformed()),
            }
        }
        Ok(())
    }

    fn step(&mut self, name: String) -> Result<(), StructuredError> {
        if self.path.len() >= self.depth {
            return Err(StructuredError::TooDeep);
        }
        self.path.push(name);
        let done = self.value();
        self.path.pop();
        done
    }

    fn known(&self) -> Option<Entity> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(&self.path)) {
            return Some(rule.entity);
        }
        self.names().next().and_then(|name| fields::by_name(name))
    }

    /// The names of the fields that hold the value, the innermost first; places in arrays are none.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.path
            .iter()
            .rev()
            .filter(|name| !name.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn field(&self) -> Option<String> {
        let mut names: Vec<&str> = self.names().take(2).map(String::as_str).collect();
        names.reverse();
        (!names.is_empty()).then(|| names.join("."))
    }

    fn string_leaf(&mut self) -> Result<(), StructuredError> {
        let start = self.place;
        let value = self.string()?;
        let end = self.place;
        let name = self.names().next().map_or("", String::as_str);
        let done = if self.kept.contains(&name) {
            let uri = fields::FHIR_URIS.contains(&name);
            self.work.term(&value, uri)?
        } else {
            let known = self.known();
            let field = self.field();
            self.work.value(&value, field.as_deref(), known)?
        };
        if let Some((masked, entity, action)) = done {
            self.work.replace(start..end, &quoted(&masked), entity, action);
        }
        Ok(())
    }

    fn number_leaf(&mut self) -> Result<(), StructuredError> {
        let start = self.place;
        self.place = number_end(self.bytes, start).ok_or_else(|| self.malformed())?;
        let value = self.work.input.get(start..self.place).unwrap_or_default();
        let known = self.known();
        let field = self.field();
        if let Some((masked, entity, action)) = self.work.value(value, field.as_deref(), known)? {
            // The type stays: what is no number becomes zero.
            let number = number_end(masked.as_bytes(), 0) == Some(masked.len());
            self.work
                .replace(start..self.place, if number { &masked } else { "0" }, entity, action);
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<(), StructuredError> {
        for word in ["true", "false", "null"] {
            if part(self.bytes, self.place, self.place + word.len()) == word.as_bytes() {
                self.place += word.len();
                return Ok(());
            }
        }
        Err(self.malformed())
    }

    /// Reads a string, without its quotes and escapes.
    fn string(&mut self) -> Result<String, StructuredError> {
        if at(self.bytes, self.place) != b'"' {
            return Err(self.malformed());
        }
        self.place += 1;
        let mut value = String::new();
        loop {
            let start = self.place;
            while !matches!(at(self.bytes, self.place), b'"' | b'\\' | 0..=0x1f) {
                self.place += 1;
            }
            value.push_str(self.work.input.get(start..self.place).unwrap_or_default());
            match at(self.bytes, self.place) {
                b'"' => {
                    self.place += 1;
                    return Ok(value);
                }
                b'\\' => {
                    let escaped = self.escape()?;
                    value.push(escaped);
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, StructuredError> {
        let kind = at(self.bytes, self.place + 1);
        self.place += 2;
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.four()?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    if part(self.bytes, self.place, self.place + 2) != b"\\u" {
                        return Err(self.malformed());
                    }
                    self.place += 2;
                    let second = self.four()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(self.malformed());
                    }
                    0x1_0000 + (first - 0xd800) * 0x400 + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.malformed())?
            }
            _ => return Err(self.malformed()),
        })
    }

    fn four(&mut self) -> Result<u32, StructuredError> {
        let digits = part(self.bytes, self.place, self.place + 4);
        let code = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.malformed())?;
        self.place += 4;
        Ok(code)
    }
}

/// Where a number of RFC 8259 §6 ends.
fn number_end(bytes: &[u8], start: usize) -> Option<usize> {
    let digits = |from: usize| {
        let mut end = from;
        while at(bytes, end).is_ascii_digit() {
            end += 1;
        }
        end
    };
    let whole = start + usize::from(at(bytes, start) == b'-');
    let mut end = digits(whole);
    if end == whole || at(bytes, whole) == b'0' && end > whole + 1 {
        return None;
    }
    if at(bytes, end) == b'.' {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return None;
        }
        end = fraction;
    }
    if matches!(at(bytes, end), b'e' | b'E') {
        let sign = end + 1 + usize::from(matches!(at(bytes, end + 1), b'+' | b'-'));
        let exponent = digits(sign);
        if exponent == sign {
            return None;
        }
        end = exponent;
    }
    Some(end)
}

/// The value as a JSON string.
pub(crate) fn quoted(value: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for ch in value.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ch if ch < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
            ch => out.push(ch),
        }
    }
    out.push('"');
    out
}
