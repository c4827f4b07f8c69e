//! Comma-separated values (RFC 4180) for people with a spreadsheet: a view, and no evidence.

use super::{as_text, members};
use crate::event::Event;
use std::collections::HashMap;

/// The columns, in the order that [`row`] keeps.
/// A column may be added at the end; none is renamed, moved or removed.
pub const HEADER: &str = "recorded_at,event_type,phase,outcome,outcome_code,actor_id,actor_roles,on_behalf_of,purpose_of_use,\
legal_basis,break_glass,subject_id,resource,resource_id,resource_version,commands,fields,result_count,recipient,customer_id,event_id,\
request_id,access_id,parent_id,auth_method,route,http_status,source_ip,service,query_digest,before_digest,after_digest,trace_id,\
span_id,db_role,xid,schema_version";

/// Ends the header and each row (RFC 4180 section 2).
pub const LINE_END: &str = "\r\n";

/// One event as a row, without its [`LINE_END`].
///
/// A member without a value is an empty cell; a list is joined with spaces.
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front, so such a cell does not read back as
/// it was.
#[must_use]
pub fn row(event: &Event) -> String {
    let members: HashMap<&str, String> = members(event).map(|(name, value)| (name, as_text(&value))).collect();
    HEADER
        .split(',')
        .map(|column| members.get(column).map_or_else(String::new, |text| cell(text)))
        .collect::<Vec<_>>()
        .join(",")
}

/// What a program for spreadsheets takes for the beginning of a formula, or skips before one.
/// The wide forms count too: some programs fold them (OWASP, CSV Injection).
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text as a cell of any table for people with a spreadsheet.
#[must_use]
pub fn cell(text: &str) -> String {
    let apostrophe = if text.starts_with(FORMULA_STARTS) { "'" } else { "" };
    // SECURITY: everything but plain codes is quoted, so that no other separator (`;`, a tab) begins a cell inside one.
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '-' | '+'));
    if is_plain && apostrophe.is_empty() {
        text.to_owned()
    } else {
        format!("\"{apostrophe}{}\"", text.replace('"', "\"\""))
    }
}
