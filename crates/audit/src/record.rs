//! The statements that write events: fixed text, every value a bind parameter, cached by the driver.

use crate::access::{Access, Details};
use bearingwall_core::{ClientId, Ctx, IdGen, Outcome};
use bearingwall_events::EventType;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// What every event of one request has in common.
#[derive(Clone)]
pub(crate) struct Common {
    event_type: &'static str,
    access_id: Option<Uuid>,
    roles: Vec<&'static str>,
    purpose: &'static str,
    route: Option<&'static str>,
    source_ip: Option<String>,
    trace_id: Option<Vec<u8>>,
    span_id: Option<Vec<u8>>,
    break_glass: Option<Uuid>,
    service: Option<&'static str>,
}

const COMMON: &str =
    "event_type, access_id, actor_roles, purpose_of_use, route, source_ip, trace_id, span_id, break_glass, service";

impl Common {
    pub(crate) fn new(ctx: &Ctx, event: EventType, access_id: Option<Uuid>, service: Option<&'static str>) -> Self {
        let origin = ctx.origin();
        Self {
            event_type: event.as_str(),
            access_id,
            roles: ctx.roles().iter().map(bearingwall_core::Role::as_str).collect(),
            purpose: ctx.purpose().as_str(),
            route: ctx.route(),
            source_ip: origin.source_ip.map(|address| address.to_string()),
            trace_id: origin.trace.map(|(trace, _)| trace.to_vec()),
            span_id: origin.trace.map(|(_, span)| span.to_vec()),
            break_glass: ctx.break_glass().map(|session| session.as_uuid()),
            service,
        }
    }

    pub(crate) const fn event_type(&self) -> &'static str {
        self.event_type
    }

    fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_bind_param::<Text, _>(&self.event_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.access_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.roles)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.purpose)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.route)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.source_ip)?;
        out.push_sql("::pg_catalog.inet, ");
        out.push_bind_param::<Nullable<Bytea>, _>(&self.trace_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Bytea>, _>(&self.span_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.break_glass)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.service)?;
        Ok(())
    }
}

/// The events of one declared access: one row for each person and resource.
pub(crate) struct Intended {
    common: Common,
    fields: Vec<&'static str>,
    recipient: Option<String>,
    ids: Vec<Uuid>,
    subjects: Vec<Uuid>,
    resources: Vec<&'static str>,
    commands: Vec<String>,
}

impl Intended {
    pub(crate) fn new(common: Common, access: &Access, ids: &dyn IdGen) -> Self {
        let mut intended = Self {
            common,
            fields: access.fields.to_vec(),
            recipient: access.recipient.clone(),
            ids: Vec::new(),
            subjects: Vec::new(),
            resources: Vec::new(),
            commands: Vec::new(),
        };
        for (resource, commands) in &access.resources {
            let commands = commands
                .iter()
                .map(|command| command.as_str())
                .collect::<Vec<_>>()
                .join(",");
            for subject in &access.subjects {
                intended.ids.push(ids.v7());
                intended.subjects.push(*subject);
                intended.resources.push(resource);
                intended.commands.push(commands.clone());
            }
        }
        intended
    }
}

impl QueryId for Intended {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Intended {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit.events (event_id, phase, outcome, subject_id, resource, commands, fields, recipient, ",
        );
        out.push_sql(COMMON);
        out.push_sql(
            ") SELECT t.event_id, 'intended', 'success', t.subject_id, t.resource, pg_catalog.string_to_array(t.commands, ','), ",
        );
        out.push_bind_param::<Array<Text>, _>(&self.fields)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.recipient)?;
        out.push_sql(", ");
        self.common.walk(&mut out)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.subjects)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.resources)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.commands)?;
        out.push_sql(") AS t (event_id, subject_id, resource, commands)");
        Ok(())
    }
}

/// How far an access had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It is announced, and may happen from now on.
    Intended,
    /// It was done, or was one step only.
    Completed,
    /// It was tried and changed nothing.
    Failed,
    /// It was cut off half-way.
    TimedOut,
}

impl Phase {
    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// One event by itself.
pub(crate) struct Single {
    common: Common,
    event_id: Uuid,
    phase: &'static str,
    outcome: &'static str,
    outcome_code: Option<&'static str>,
    subject: Option<Uuid>,
    resource: Option<&'static str>,
    commands: Vec<&'static str>,
    result_count: Option<i32>,
    details: Details,
}

impl Single {
    pub(crate) fn new(common: Common, phase: Phase, outcome: Outcome, ids: &dyn IdGen) -> Self {
        Self {
            common,
            event_id: ids.v7(),
            phase: phase.as_str(),
            outcome: outcome.as_str(),
            outcome_code: None,
            subject: None,
            resource: None,
            commands: Vec::new(),
            result_count: None,
            details: Details::default(),
        }
    }

    /// The search that opens a table of digests.
    pub(crate) fn search(common: Common, resource: &'static str, ids: &dyn IdGen) -> Self {
        let mut single = Self::new(common, Phase::Intended, Outcome::Success, ids);
        single.resource = Some(resource);
        single.commands.push("SEARCH");
        single
    }

    pub(crate) fn about(mut self, subject: ClientId) -> Self {
        self.subject = Some(subject.as_uuid());
        self
    }

    /// Which table or kind of thing was looked at.
    pub(crate) const fn of(mut self, resource: &'static str) -> Self {
        self.resource = Some(resource);
        self
    }

    pub(crate) fn counting(mut self, rows: impl Into<Option<usize>>) -> Self {
        self.result_count = rows.into().and_then(|rows| i32::try_from(rows).ok());
        self
    }

    pub(crate) fn because(mut self, code: &'static str) -> Self {
        self.outcome_code = Some(code);
        self
    }

    pub(crate) fn with(mut self, details: Details) -> Self {
        self.details = details;
        self
    }

    fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit.events (event_id, phase, outcome, outcome_code, subject_id, resource, commands, result_count, \
             resource_id, resource_version, fields, query_digest, before_digest, after_digest, ",
        );
        out.push_sql(COMMON);
        out.push_sql(") SELECT ");
        out.push_bind_param::<SqlUuid, _>(&self.event_id)?;
        for text in [&self.phase, &self.outcome] {
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.outcome_code)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.subject)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.resource)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.commands)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Integer>, _>(&self.result_count)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.details.resource_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.details.resource_version)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.details.fields)?;
        out.push_sql(", ");
        for digest in [
            &self.details.query_digest,
            &self.details.before_digest,
            &self.details.after_digest,
        ] {
            out.push_bind_param::<Nullable<Bytea>, _>(digest)?;
            out.push_sql(", ");
        }
        self.common.walk(out)
    }
}

impl QueryId for Single {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Single {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        self.walk(&mut out)
    }
}

/// The end of an access, in its own transaction. Where that has written nothing else, it need not wait for the disk: lost
/// with the machine, it leaves an access without an end, which the sweep completes as unknown; what permitted the access was
/// on the disk before. The database says what was written, and not the caller.
pub(crate) struct Completion(pub(crate) Single);

impl QueryId for Completion {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Completion {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        self.0.walk(&mut out)?;
        out.push_sql(
            " FROM pg_catalog.set_config('synchronous_commit', CASE WHEN pg_catalog.pg_current_xact_id_if_assigned() IS NULL \
             THEN 'off' ELSE pg_catalog.current_setting('synchronous_commit') END, true)",
        );
        Ok(())
    }
}

/// A refusal that belongs to no tenant, through the one function that may write it.
pub(crate) struct Refusal {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) request: Uuid,
    pub(crate) route: Option<&'static str>,
    pub(crate) source_ip: Option<String>,
}

/// A read of a vault, through the one function that may write it.
pub(crate) struct VaultRead {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) request: Uuid,
    pub(crate) reference: String,
    pub(crate) version: Option<String>,
}

impl QueryId for VaultRead {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for VaultRead {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT audit.record_secret_read(");
        out.push_bind_param::<SqlUuid, _>(&self.event_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.event_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.outcome)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.reason)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.request)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.reference)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.version)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Refusal {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Refusal {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT audit.record_refusal(");
        out.push_bind_param::<SqlUuid, _>(&self.event_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.event_type)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.reason)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.request)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.route)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.source_ip)?;
        out.push_sql("::pg_catalog.inet)");
        Ok(())
    }
}
