//! The statements that write events: fixed text, every value a bind parameter, cached by the driver.

use crate::access::Access;
use crate::vocabulary::EventType;
use bearingwall_core::{ClientId, Ctx, IdGen, Outcome};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Integer, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// The events of one declared access: one row for each person and resource.
pub(crate) struct Intended {
    event_type: &'static str,
    roles: Vec<&'static str>,
    purpose: &'static str,
    route: Option<&'static str>,
    ids: Vec<Uuid>,
    subjects: Vec<Uuid>,
    resources: Vec<&'static str>,
    commands: Vec<String>,
}

impl Intended {
    pub(crate) fn new(ctx: &Ctx, access: &Access, ids: &dyn IdGen) -> Self {
        let mut intended = Self::empty(ctx, access.event);
        for (resource, commands) in &access.resources {
            let commands = commands
                .iter()
                .map(|command| command.as_str())
                .collect::<Vec<_>>()
                .join(",");
            for subject in &access.subjects {
                intended.ids.push(ids.v7());
                intended.subjects.push(subject.as_uuid());
                intended.resources.push(resource);
                intended.commands.push(commands.clone());
            }
        }
        intended
    }

    fn empty(ctx: &Ctx, event: EventType) -> Self {
        Self {
            event_type: event.as_str(),
            roles: ctx.roles().iter().map(bearingwall_core::Role::as_str).collect(),
            purpose: ctx.purpose().as_str(),
            route: ctx.route(),
            ids: Vec::new(),
            subjects: Vec::new(),
            resources: Vec::new(),
            commands: Vec::new(),
        }
    }
}

impl QueryId for Intended {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Intended {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, actor_roles, purpose_of_use, route, \
             subject_id, resource, commands) SELECT t.event_id, ",
        );
        out.push_bind_param::<Text, _>(&self.event_type)?;
        out.push_sql(", 'intended', 'success', ");
        out.push_bind_param::<Array<Text>, _>(&self.roles)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.purpose)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.route)?;
        out.push_sql(", t.subject_id, t.resource, pg_catalog.string_to_array(t.commands, ',') FROM unnest(");
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

/// One event by itself.
pub(crate) struct Single {
    event_id: Uuid,
    event_type: &'static str,
    phase: &'static str,
    outcome: &'static str,
    outcome_code: Option<&'static str>,
    roles: Vec<&'static str>,
    purpose: &'static str,
    route: Option<&'static str>,
    subject: Option<Uuid>,
    resource: Option<&'static str>,
    commands: Vec<&'static str>,
    result_count: Option<i32>,
}

impl Single {
    pub(crate) fn new(ctx: &Ctx, event: EventType, phase: &'static str, outcome: Outcome, ids: &dyn IdGen) -> Self {
        Self {
            event_id: ids.v7(),
            event_type: event.as_str(),
            phase,
            outcome: outcome.as_str(),
            outcome_code: None,
            roles: ctx.roles().iter().map(bearingwall_core::Role::as_str).collect(),
            purpose: ctx.purpose().as_str(),
            route: ctx.route(),
            subject: None,
            resource: None,
            commands: Vec::new(),
            result_count: None,
        }
    }

    /// The search that opens a table of digests.
    pub(crate) fn search(ctx: &Ctx, event: EventType, resource: &'static str, ids: &dyn IdGen) -> Self {
        let mut single = Self::new(ctx, event, "intended", Outcome::Success, ids);
        single.resource = Some(resource);
        single.commands.push("SEARCH");
        single
    }

    pub(crate) fn about(mut self, subject: ClientId) -> Self {
        self.subject = Some(subject.as_uuid());
        self
    }

    pub(crate) fn counting(mut self, rows: usize) -> Self {
        self.result_count = i32::try_from(rows).ok();
        self
    }

    pub(crate) fn because(mut self, code: &'static str) -> Self {
        self.outcome_code = Some(code);
        self
    }
}

impl QueryId for Single {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Single {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, outcome_code, actor_roles, purpose_of_use, \
             route, subject_id, resource, commands, result_count) VALUES (",
        );
        out.push_bind_param::<SqlUuid, _>(&self.event_id)?;
        for text in [&self.event_type, &self.phase, &self.outcome] {
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.outcome_code)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.roles)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.purpose)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.route)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.subject)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.resource)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.commands)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Integer>, _>(&self.result_count)?;
        out.push_sql(")");
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
        out.push_sql(")");
        Ok(())
    }
}
