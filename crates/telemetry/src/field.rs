//! The allow-list: which fields may show their value in a log or a trace, and in which shape.

mod shape;

pub use shape::FieldClass;

/// What stands in place of a value that may not be shown.
pub const WITHHELD: &str = "[withheld]";

/// A field whose value may be shown.
#[derive(Clone, Copy, Debug)]
pub struct AllowedField {
    /// The field's name.
    pub name: &'static str,
    /// The shape that its value must have.
    pub class: FieldClass,
    /// What it is, and why it is harmless.
    pub meaning: &'static str,
}

const fn allow(name: &'static str, class: FieldClass, meaning: &'static str) -> AllowedField {
    AllowedField { name, class, meaning }
}

use FieldClass::{Address, Flag, Id, Location, Number, Path, Route, Text, Url, Word};

/// Every field that may show its value, in the order of names. Any other field is printed as [`WITHHELD`].
// CONTROL: TEL-1
pub const ALLOWED_FIELDS: &[AllowedField] = &[
    allow(
        "addr",
        Address,
        "an address that this process listens on or connects to; never a caller's",
    ),
    allow("algorithm", Word, "the name of a signature or cipher algorithm"),
    allow("attempt", Number, "which attempt this is"),
    allow("busy_ns", Number, "time that a span was worked on"),
    allow("bytes", Number, "a size"),
    allow(
        "client_request_id",
        Id,
        "the caller's own id of the request: shown only if it is a UUID or plain hexadecimal",
    ),
    allow("code", Word, "a stable error code, as AUT-003"),
    allow("column", Word, "the name of a column"),
    allow("config_file", Path, "the configuration file"),
    allow("connections", Number, "how many connections"),
    allow("constraint", Word, "the name of a database constraint"),
    allow("correlation_id", Id, "our id of the request"),
    allow("count", Number, "how many"),
    allow("customer_id", Id, "the tenant: an organisation, not a person"),
    allow("database", Word, "the name of a database"),
    allow("dir", Path, "a directory of the installation"),
    allow("duration_ms", Number, "how long it took"),
    allow("duration_us", Number, "how long it took"),
    allow("elapsed_ms", Number, "how long it took"),
    allow("error", Text, "an error and its causes"),
    allow("error.type", Word, "a stable error code, by its OpenTelemetry name"),
    allow("event", Word, "a code of the audit vocabulary"),
    allow("event_id", Id, "the id of an audit event"),
    allow("event_type", Word, "a code of the audit vocabulary"),
    allow("exception.message", Text, "an error, by its OpenTelemetry name"),
    allow(
        "expected",
        Number,
        "a number that was expected, such as a schema version",
    ),
    allow("failed", Number, "how many failed"),
    allow("found", Number, "a number that was found, such as a schema version"),
    allow(
        "host",
        Address,
        "a host that this process connects to, with its port; never a caller's",
    ),
    allow("http.request.method", Word, "the method, by its OpenTelemetry name"),
    allow(
        "http.response.status_code",
        Number,
        "the status, by its OpenTelemetry name",
    ),
    allow("http.route", Route, "the route's template, by its OpenTelemetry name"),
    allow("idle_ns", Number, "time that a span waited"),
    allow("issuer", Url, "the issuer of tokens: an organisation's URL"),
    allow("keys", Number, "how many keys"),
    allow("kind", Word, "an error kind, or another word of a closed vocabulary"),
    allow("level", Word, "the level, as traces carry it"),
    allow("location", Location, "a line of our source"),
    allow("lost", Number, "how many were lost"),
    allow("message", Text, "what happened"),
    allow("method", Word, "the method of a request"),
    allow("migration", Word, "the name of a migration"),
    allow("otel.kind", Word, "the kind of a span"),
    allow("otel.status_code", Word, "the outcome of a span"),
    allow("outcome", Word, "success, denied or failure"),
    allow("permission", Word, "the name of a permission"),
    allow("pid", Number, "the id of a process"),
    allow("port", Number, "a port that this process listens on or connects to"),
    allow("postgres", Word, "the version of the database server"),
    allow("profile", Word, "the configuration profile"),
    allow("purpose", Word, "a purpose-of-use code"),
    allow("reason", Word, "a stable error code"),
    allow("region", Word, "a region"),
    allow("request_id", Id, "our id of the request"),
    allow("retry_after_s", Number, "how long a caller is asked to wait"),
    allow("role", Word, "a platform role or a database role"),
    allow("route", Route, "the route's template, never the path itself"),
    allow("rows", Number, "how many rows"),
    allow("rows_per_s", Number, "how many rows a second"),
    allow("schema_version", Number, "the version of the schema"),
    allow("scheme", Word, "the scheme of a secret reference"),
    allow("service", Word, "the name of a service of ours"),
    allow("signal", Word, "the signal that ends the process"),
    allow("span_id", Id, "the id of a span"),
    allow("sqlstate", Word, "the database's error class"),
    allow("state", Word, "a word of a closed vocabulary"),
    allow("status", Number, "the status of a response"),
    allow("step", Word, "which step of a procedure"),
    allow(
        "subject_id",
        Id,
        "the actor's pseudonymous id, as the audit record has it",
    ),
    allow("table", Word, "the name of a table"),
    allow("target", Word, "the module that speaks, as traces carry it"),
    allow("trace_id", Id, "the id of a trace"),
    allow("version", Word, "a version of software"),
    allow("withdrawn", Flag, "whether a signing key was withdrawn"),
    allow("workers", Number, "how many workers"),
];

/// A value as a field, or a trace attribute, brings it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
    Text(&'a str),
}

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
    Text(String),
}

/// The value of `name` as it may be shown.
pub(crate) fn show(name: &str, value: Raw<'_>) -> Shown {
    let allowed = ALLOWED_FIELDS.binary_search_by(|field| field.name.cmp(name)).ok();
    allowed
        .and_then(|index| ALLOWED_FIELDS.get(index))
        .and_then(|field| field.class.show(value))
        .unwrap_or_else(|| Shown::Text(WITHHELD.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_without_doubles() {
        assert!(ALLOWED_FIELDS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(ALLOWED_FIELDS.iter().all(|field| !field.meaning.is_empty()));
    }

    #[test]
    fn tel_1_a_field_that_is_not_on_the_list_is_withheld_whatever_it_holds() {
        let withheld = Shown::Text(WITHHELD.to_owned());
        for name in [
            "name",
            "email",
            "phone",
            "note",
            "body",
            "path",
            "user",
            "client_id",
            "Message",
            "",
        ] {
            assert_eq!(show(name, Raw::Text("x")), withheld, "{name}");
            assert_eq!(show(name, Raw::Unsigned(1)), withheld, "{name}");
            assert_eq!(show(name, Raw::Flag(true)), withheld, "{name}");
            assert_eq!(show(name, Raw::Float(1.0)), withheld, "{name}");
        }
    }
}
