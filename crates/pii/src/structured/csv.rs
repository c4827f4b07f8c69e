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
    /// Whether the first row names the columns. What looks like a value in it is masked as one: the table may have no
    /// such row.
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
/// If the separator can be none, a quote is not closed, the table is too large, or a required recognizer fails.
pub fn mask_csv(
    masker: &Masker,
    csv: &str,
    rules: &[FieldRule],
    options: CsvOptions,
    conversation: &mut Conversation,
    subject: Option<&str>,
) -> Result<Masked, StructuredError> {
    options.limits.check(csv)?;
    if !options.separator.is_ascii() || matches!(options.separator, b'"' | b'\r' | b'\n') {
        return Err(StructuredError::Separator);
    }
    let mut work = Work::new(masker, conversation, subject, csv);
    let bytes = csv.as_bytes();
    let mut heads: Vec<String> = Vec::new();
    let mut row = 0_usize;
    let mut column = 0_usize;
    let mut place = 0;
    while place < bytes.len() {
        let (end, value) = cell(csv, place, options.separator)?;
        let in_head = row == 0 && options.header;
        if in_head {
            heads.push(value.trim().to_owned());
        }
        let head = heads.get(column).map(String::as_str);
        let by_name = head.and_then(fields::by_name);
        let done = if !in_head {
            let path = [head.map_or_else(|| column.to_string(), str::to_owned)];
            let known = rules.iter().find(|rule| rule.matches(&path)).map(|rule| rule.entity);
            work.value(&value, head, known.or(by_name))?
        } else if by_name.is_some() || head.is_some_and(|head| rules.iter().any(|rule| rule.names(head))) {
            None
        } else {
            work.value(&value, None, None)?
        };
        if let Some((masked, entity, action)) = done {
            work.replace(place..end, &written(&masked, options.separator), entity, action);
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
