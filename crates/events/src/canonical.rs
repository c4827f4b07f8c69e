//! The canonical text of an event: RFC 8785, of a fixed set of members.

use crate::event::Event;
use std::fmt::{Display, Write as _};
use time::OffsetDateTime;

/// A line is not the canonical form of an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// It is no JSON object of an event's members.
    #[error("the line is no event")]
    Malformed(#[source] serde_json::Error),
    /// It is one, written in another way: another order, spaces, another form of a number.
    #[error("the line is an event, but not in canonical form")]
    NotCanonical,
    /// It was made by rules that are not known here.
    #[error("the line has schema version {version}, which is unknown here")]
    Version {
        /// The version that it names.
        version: i16,
    },
}

/// Reads one line of an export, without its newline.
///
/// # Errors
/// [`CanonicalError`], if the line is anything but exactly what [`Event::canonical`] writes.
pub fn parse_line(line: &str) -> Result<Event, CanonicalError> {
    let event: Event = serde_json::from_str(line).map_err(CanonicalError::Malformed)?;
    if event.schema_version != 1 {
        return Err(CanonicalError::Version {
            version: event.schema_version,
        });
    }
    if event.canonical() == line {
        Ok(event)
    } else {
        Err(CanonicalError::NotCanonical)
    }
}

/// Writes members; the caller keeps them in order.
struct Members {
    text: String,
}

impl Members {
    fn name(&mut self, name: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    /// A value whose text needs no escapes: an id, an instant, hexadecimal, digits.
    fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.text.push('"');
        // INVARIANT: writing to a string does not fail.
        let _ = write!(self.text, "{value}");
        self.text.push('"');
    }

    fn plain_option(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.plain(name, value);
        }
    }

    fn number(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.name(name);
            let _ = write!(self.text, "{value}");
        }
    }

    fn hex(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.name(name);
            self.text.push('"');
            for byte in value {
                let _ = write!(self.text, "{byte:02x}");
            }
            self.text.push('"');
        }
    }

    fn quoted(&mut self, value: &str) {
        self.text.push('"');
        for c in value.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\u{c}' => self.text.push_str("\\f"),
                '\r' => self.text.push_str("\\r"),
                c if c < ' ' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quoted(value);
    }

    fn text_option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        self.name(name);
        for (position, value) in values.iter().enumerate() {
            self.text.push(if position == 0 { '[' } else { ',' });
            self.quoted(value);
        }
        self.text.push(']');
    }
}

impl Event {
    /// The canonical text, without a newline: the data of the event's leaf.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut m = Members {
            text: String::with_capacity(768),
        };
        m.plain_option("access_id", self.access_id);
        m.plain("actor_id", self.actor_id);
        m.list("actor_roles", &self.actor_roles);
        m.hex("after_digest", self.after_digest.as_ref().map(<[u8; 32]>::as_slice));
        m.text_option("auth_method", self.auth_method.as_deref());
        m.hex("before_digest", self.before_digest.as_ref().map(<[u8; 32]>::as_slice));
        m.plain_option("break_glass", self.break_glass);
        m.list("commands", &self.commands);
        m.plain("customer_id", self.customer_id);
        m.text("db_role", &self.db_role);
        m.plain("event_id", self.event_id);
        m.text("event_type", &self.event_type);
        m.list("fields", &self.fields);
        m.number("http_status", self.http_status);
        m.text_option("legal_basis", self.legal_basis.as_deref());
        m.plain_option("on_behalf_of", self.on_behalf_of);
        m.text("outcome", &self.outcome);
        m.text_option("outcome_code", self.outcome_code.as_deref());
        m.plain_option("parent_id", self.parent_id);
        m.text("phase", &self.phase);
        m.text_option("purpose_of_use", self.purpose_of_use.as_deref());
        m.hex("query_digest", self.query_digest.as_ref().map(<[u8; 32]>::as_slice));
        m.text_option("recipient", self.recipient.as_deref());
        m.plain("recorded_at", Instant(self.recorded_at));
        m.plain("request_id", self.request_id);
        m.text_option("resource", self.resource.as_deref());
        m.plain_option("resource_id", self.resource_id);
        m.plain_option("resource_version", self.resource_version);
        m.number("result_count", self.result_count);
        m.text_option("route", self.route.as_deref());
        m.hex("salt", Some(&self.salt));
        m.number("schema_version", Some(self.schema_version));
        m.text_option("service", self.service.as_deref());
        m.plain_option("source_ip", self.source_ip);
        m.hex("span_id", self.span_id.as_ref().map(<[u8; 8]>::as_slice));
        m.plain_option("subject_id", self.subject_id);
        m.hex("trace_id", self.trace_id.as_ref().map(<[u8; 16]>::as_slice));
        m.plain("xid", self.xid);
        m.text.push('}');
        m.text
    }
}

/// `2026-11-26T07:04:50.000001Z`.
pub(crate) struct Instant(pub(crate) OffsetDateTime);

impl Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.0.to_offset(time::UtcOffset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.microsecond()
        )
    }
}

pub(crate) mod instant {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)
    }
}

pub(crate) mod decimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

pub(crate) mod decimal_option {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map(Some)
            .map_err(D::Error::custom)
    }
}

pub(crate) mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<Vec<u8>>>()
            .filter(|digits| digits.len() == N.saturating_mul(2))
            .ok_or_else(|| D::Error::custom("not hexadecimal of the right length"))?;
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            if let [high, low] = pair {
                *byte = high << 4 | low;
            }
        }
        Ok(bytes)
    }
}

pub(crate) mod bytes_option {
    use serde::Deserializer;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        super::bytes::deserialize(deserializer).map(Some)
    }
}
