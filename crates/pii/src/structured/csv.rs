//! CSV (RFC 4180): the heads of the columns say what their cells are.

use super::{FieldRule, StructuredLimits, Work, fields};
use crate::bytes::at;
use crate::error::StructuredError;
use crate::mask::{Masked, Masker};
use crate::placeholders::Conversation;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What separates cells.
    pub separator: u8,
    /// Whether the first row names the columns; it stays as it is.
    pub header: bool,
    /// How large the table may be.
    pub limits: StructuredLimits,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            separator: b',',
            header: true,
            limits: StructuredLimits::default(),
        }
    }
}

/// Masks the cells of a table. Cells that stay are copied byte for byte.
///
/// # Errors
///
/// If a quote is not closed, the table is too large, or a required recognizer fails.
pub fn mask_csv(
    masker: &Masker,
    csv: &str,
    rules: &[FieldRule],
    options: CsvOptions,
    conversation: &mut Conversation,
    subject: Option<&str>,
) -> Result<Masked, StructuredError> {
    options.limits.check(csv)?;
    let mut work = Work::new(masker, conversation, subject, csv);
    let bytes = csv.as_bytes();
    let mut heads: Vec<String> = Vec::new();
    let mut row = 0_usize;
    let mut column = 0_usize;
    let mut place = 0;
    while place < bytes.len() {
        let (end, value) = cell(csv, place, options.separator)?;
        if row == 0 && options.header {
            heads.push(value);
        } else {
            let head = heads.get(column).map(|head| head.trim());
            let name = head.map_or_else(|| column.to_string(), str::to_owned);
            let path = [name];
            let known = rules
                .iter()
                .find(|rule| rule.matches(&path))
                .map(|rule| rule.entity)
                .or_else(|| head.and_then(fields::by_name));
            if let Some((masked, entity, action)) = work.value(&value, head, known)? {
                work.replace(place..end, &written(&masked, options.separator), entity, action);
            }
        }
        place = end;
        match at(bytes, place) {
            b'\r' | b'\n' => {
                place += 1 + usize::from(at(bytes, place) == b'\r' && at(bytes, place + 1) == b'\n');
                row += 1;
                column = 0;
            }
            _ => {
                place += 1;
                column += 1;
            }
        }
    }
    Ok(work.finish())
}

/// The cell at `start`: where it ends, and its value.
fn cell(csv: &str, start: usize, separator: u8) -> Result<(usize, String), StructuredError> {
    let bytes = csv.as_bytes();
    if at(bytes, start) != b'"' {
        let mut end = start;
        while end < bytes.len() && !matches!(at(bytes, end), b'\r' | b'\n') && at(bytes, end) != separator {
            end += 1;
        }
        return Ok((end, csv.get(start..end).unwrap_or_default().to_owned()));
    }
    let mut value = String::new();
    let mut from = start + 1;
    while let Some(quote) = memchr::memchr(b'"', bytes.get(from..).unwrap_or(&[])).map(|place| from + place) {
        value.push_str(csv.get(from..quote).unwrap_or_default());
        if at(bytes, quote + 1) == b'"' {
            value.push('"');
            from = quote + 2;
            continue;
        }
        let end = quote + 1;
        let closed = end == bytes.len() || matches!(at(bytes, end), b'\r' | b'\n') || at(bytes, end) == separator;
        return if closed {
            Ok((end, value))
        } else {
            Err(StructuredError::Malformed { at: end })
        };
    }
    Err(StructuredError::Malformed { at: start })
}

fn written(value: &str, separator: u8) -> String {
    if value
        .bytes()
        .any(|byte| matches!(byte, b'"' | b'\r' | b'\n') || byte == separator)
    {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}
