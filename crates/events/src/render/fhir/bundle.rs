//! Many events as one stream: a line each (NDJSON, as FHIR's bulk data), or the entries of one `Bundle`.

use super::audit_event;
use crate::event::Event;
use serde_json::{Value, json};

/// One event as a line of NDJSON, without its newline.
#[must_use]
pub fn ndjson_line(event: &Event) -> String {
    audit_event(event).to_string()
}

/// One event as an entry of a `Bundle` of type `collection`.
#[must_use]
pub fn bundle_entry(event: &Event) -> Value {
    json!({ "fullUrl": format!("urn:uuid:{}", event.event_id), "resource": audit_event(event) })
}

/// Writes a `Bundle` of type `collection` piece by piece, so that an export of any length needs no memory for it.
///
/// ```
/// use bearingwall_events::{Event, EventType, render::fhir::Bundle};
///
/// let mut bundle = Bundle::default();
/// let mut text = bundle.entry(&Event::example(EventType::ClientRead));
/// text += &bundle.entry(&Event::example(EventType::ClientChanged));
/// text += bundle.end();
/// # let value: serde_json::Value = serde_json::from_str(&text)?;
/// # assert_eq!(value["entry"].as_array().map(Vec::len), Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Bundle {
    has_entries: bool,
}

impl Bundle {
    /// The next piece: this event, with what has to stand before it.
    #[must_use]
    pub fn entry(&mut self, event: &Event) -> String {
        let before = if self.has_entries {
            ","
        } else {
            r#"{"resourceType":"Bundle","type":"collection","entry":["#
        };
        self.has_entries = true;
        format!("{before}{}", bundle_entry(event))
    }

    /// The last piece. FHIR has no empty lists: without entries it is a bundle that names none.
    #[must_use]
    pub const fn end(self) -> &'static str {
        if self.has_entries {
            "]}"
        } else {
            r#"{"resourceType":"Bundle","type":"collection"}"#
        }
    }
}
