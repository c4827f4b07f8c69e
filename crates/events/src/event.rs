//! One row of the record.

use crate::vocabulary::EventType;
use serde::Deserialize;
use std::net::IpAddr;
use time::OffsetDateTime;
use uuid::Uuid;

/// One event, as it stands in the record: codes, ids and the network peer's address, never content.
///
/// The database supplies what names when, where and who (`recorded_at`, `xid`, `db_role`, `customer_id`, `actor_id`,
/// `request_id`, `salt`); the rest is what the program says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The tenant whose record it stands in.
    pub customer_id: Uuid,
    /// When, by the database's clock, in microseconds.
    #[serde(with = "crate::canonical::instant")]
    pub recorded_at: OffsetDateTime,
    /// The transaction that wrote it, with its epoch (`xid8`).
    #[serde(with = "crate::canonical::decimal")]
    pub xid: u64,
    /// The database login that wrote it.
    pub db_role: String,
    /// Who acted.
    pub actor_id: Uuid,
    /// The request in which it happened: the correlation id.
    pub request_id: Uuid,
    /// Sixteen random bytes that blind the leaf.
    #[serde(with = "crate::canonical::bytes")]
    pub salt: [u8; 16],
    /// Its own id.
    pub event_id: Uuid,
    /// Which rules made the canonical form.
    pub schema_version: i16,
    /// What happened: a code of the vocabulary.
    pub event_type: String,
    /// `intended`, `completed`, `failed` or `timed_out`.
    pub phase: String,
    /// `success`, `denied`, `failure` or `unknown`.
    pub outcome: String,
    /// A stable code of why.
    #[serde(default)]
    pub outcome_code: Option<String>,
    /// What announces an access and what ends it share it.
    #[serde(default)]
    pub access_id: Option<Uuid>,
    /// The event out of which this one came.
    #[serde(default)]
    pub parent_id: Option<Uuid>,
    /// The roles in which the actor acted.
    #[serde(default)]
    pub actor_roles: Vec<String>,
    /// For whom, if for somebody else.
    #[serde(default)]
    pub on_behalf_of: Option<Uuid>,
    /// The break-glass session under which it was done.
    #[serde(default)]
    pub break_glass: Option<Uuid>,
    /// How the actor had signed in (RFC 8176), never the token.
    #[serde(default)]
    pub auth_method: Option<String>,
    /// Why: a code of HL7 v3 ActReason.
    #[serde(default)]
    pub purpose_of_use: Option<String>,
    /// On which legal basis, as `art9.2.h`.
    #[serde(default)]
    pub legal_basis: Option<String>,
    /// Whose data.
    #[serde(default)]
    pub subject_id: Option<Uuid>,
    /// Which table or kind of thing.
    #[serde(default)]
    pub resource: Option<String>,
    /// Which one of it.
    #[serde(default)]
    pub resource_id: Option<Uuid>,
    /// In which version.
    #[serde(default, with = "crate::canonical::decimal_option")]
    pub resource_version: Option<i64>,
    /// What could be done: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `SEARCH`, `SWEEP`.
    #[serde(default)]
    pub commands: Vec<String>,
    /// The names of the fields that were shown or changed, never their values.
    #[serde(default)]
    pub fields: Vec<String>,
    /// How many things came of it.
    #[serde(default)]
    pub result_count: Option<i32>,
    /// To whom it was disclosed: the id of a connector or an organisation.
    #[serde(default)]
    pub recipient: Option<String>,
    /// HMAC-SHA-256 of the query under a key of the tenant's.
    #[serde(default, with = "crate::canonical::bytes_option")]
    pub query_digest: Option<[u8; 32]>,
    /// HMAC-SHA-256 of the content before, under a key of the tenant's.
    #[serde(default, with = "crate::canonical::bytes_option")]
    pub before_digest: Option<[u8; 32]>,
    /// The same of the content after.
    #[serde(default, with = "crate::canonical::bytes_option")]
    pub after_digest: Option<[u8; 32]>,
    /// The route's template.
    #[serde(default)]
    pub route: Option<String>,
    /// The status of the answer.
    #[serde(default)]
    pub http_status: Option<i16>,
    /// Where the request came from: the network peer, which is the proxy where one stands before the server.
    #[serde(default)]
    pub source_ip: Option<IpAddr>,
    /// The trace (W3C Trace Context).
    #[serde(default, with = "crate::canonical::bytes_option")]
    pub trace_id: Option<[u8; 16]>,
    /// The span.
    #[serde(default, with = "crate::canonical::bytes_option")]
    pub span_id: Option<[u8; 8]>,
    /// The program and its version, as `bearingwall-server/0.1.0`.
    #[serde(default)]
    pub service: Option<String>,
}

impl Event {
    /// An event with nothing but what every event has, for examples and tests.
    #[must_use]
    pub fn example(event: EventType) -> Self {
        Self {
            customer_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            xid: 3,
            db_role: "bearingwall_app".to_owned(),
            actor_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002),
            request_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0003),
            salt: [7; 16],
            event_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0004),
            schema_version: 1,
            event_type: event.as_str().to_owned(),
            phase: "completed".to_owned(),
            outcome: "success".to_owned(),
            outcome_code: None,
            access_id: None,
            parent_id: None,
            actor_roles: Vec::new(),
            on_behalf_of: None,
            break_glass: None,
            auth_method: None,
            purpose_of_use: None,
            legal_basis: None,
            subject_id: None,
            resource: None,
            resource_id: None,
            resource_version: None,
            commands: Vec::new(),
            fields: Vec::new(),
            result_count: None,
            recipient: None,
            query_digest: None,
            before_digest: None,
            after_digest: None,
            route: None,
            http_status: None,
            source_ip: None,
            trace_id: None,
            span_id: None,
            service: None,
        }
    }
}
