//! How a row of the record becomes an event.

use crate::error::SealingError;
use bearingwall_events::Event;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

/// What is selected of `audit.events e`, in the order that [`event`] reads.
pub(crate) const COLUMNS: &str = "e.customer_id, e.recorded_at, e.xid::text, e.db_role::text, e.actor_id, e.request_id, e.salt, \
     e.event_id, e.schema_version, e.event_type, e.phase, e.outcome, e.outcome_code, e.access_id, e.parent_id, e.actor_roles, \
     e.on_behalf_of, e.break_glass, e.auth_method, e.purpose_of_use, e.legal_basis, e.subject_id, e.resource, e.resource_id, \
     e.resource_version, e.commands, e.fields, e.result_count, e.recipient, e.query_digest, e.before_digest, e.after_digest, \
     e.route, e.http_status, host(e.source_ip), e.trace_id, e.span_id, e.service";

/// The number of [`COLUMNS`].
pub(crate) const WIDTH: usize = 38;

struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    fn take<T: FromSql<'r>>(&mut self) -> Result<T, SealingError> {
        let value = self.row.try_get(self.next).map_err(SealingError::Unreadable)?;
        self.next = self.next.saturating_add(1);
        Ok(value)
    }

    fn bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, SealingError> {
        let value: Option<&[u8]> = self.take()?;
        value
            .map(|bytes| {
                bytes
                    .try_into()
                    .map_err(|_| SealingError::Malformed { what: "a digest" })
            })
            .transpose()
    }
}

/// Reads one event out of a row that begins with [`COLUMNS`].
pub(crate) fn event(row: &Row) -> Result<Event, SealingError> {
    let mut c = Columns { row, next: 0 };
    let customer_id: Uuid = c.take()?;
    let recorded_at: OffsetDateTime = c.take()?;
    let xid: String = c.take()?;
    Ok(Event {
        customer_id,
        recorded_at,
        xid: xid.parse().map_err(|_| SealingError::Malformed {
            what: "a transaction id",
        })?,
        db_role: c.take()?,
        actor_id: c.take()?,
        request_id: c.take()?,
        salt: c.bytes()?.ok_or(SealingError::Malformed { what: "a salt" })?,
        event_id: c.take()?,
        schema_version: c.take()?,
        event_type: c.take()?,
        phase: c.take()?,
        outcome: c.take()?,
        outcome_code: c.take()?,
        access_id: c.take()?,
        parent_id: c.take()?,
        actor_roles: c.take()?,
        on_behalf_of: c.take()?,
        break_glass: c.take()?,
        auth_method: c.take()?,
        purpose_of_use: c.take()?,
        legal_basis: c.take()?,
        subject_id: c.take()?,
        resource: c.take()?,
        resource_id: c.take()?,
        resource_version: c.take()?,
        commands: c.take()?,
        fields: c.take()?,
        result_count: c.take()?,
        recipient: c.take()?,
        query_digest: c.bytes()?,
        before_digest: c.bytes()?,
        after_digest: c.bytes()?,
        route: c.take()?,
        http_status: c.take()?,
        source_ip: c
            .take::<Option<String>>()?
            .map(|text| text.parse().map_err(|_| SealingError::Malformed { what: "an address" }))
            .transpose()?,
        trace_id: c.bytes()?,
        span_id: c.bytes()?,
        service: c.take()?,
    })
}
