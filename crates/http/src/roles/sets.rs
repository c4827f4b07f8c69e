//! Role sets: a name and permissions over the tenant's data. One gives nobody anything before it is assigned.

use super::hex;
use crate::edge::Edge;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::RoleSetId;
use bearingwall_rbac::{DefineRole, PermissionId, ReadRole};
use bearingwall_tenancy::roles::{SETS_MAX, TenantRoleSet};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A set that is to be named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleSetBody {
    /// Its name, 1 to 64 characters; no two sets in force have the same.
    name: String,
    /// What it permits, as `client:read`: permissions over the tenant's own data, 1 to 64.
    permissions: Vec<String>,
}

/// A set that was named.
#[derive(Serialize, ToSchema)]
struct RoleSetDefined {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RoleSetId,
}

/// A set of permissions that the tenant has named.
#[derive(Serialize, ToSchema)]
struct RoleSetEntry {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// What it permits, sorted.
    permissions: Vec<String>,
    /// SHA-256 of its content, in hexadecimal digits: of the canonical JSON (RFC 8785) of `customer`, `name`, `permissions` and
    /// `role_set`.
    sha256: String,
    /// Who named it, as `/v1/me` names the bearer.
    defined_by: Uuid,
    /// When (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    defined_at: OffsetDateTime,
    /// Who retired it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_by: Option<Uuid>,
    /// When: since then it is given to nobody.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<OffsetDateTime>,
}

/// The tenant's sets.
#[derive(Serialize, ToSchema)]
struct RoleSetList {
    /// The sets, newest first.
    items: Vec<RoleSetEntry>,
    /// Whether these are all; otherwise they are the newest 1,000.
    complete: bool,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let define = RouteSpec::new(
        "POST /v1/roles",
        "role_set_define",
        "Names a set of permissions, which never changes and gives nobody anything yet.",
    )
    .records(&[EventType::RoleSetDefined])
    .rate(RateClass::Write)
    .takes(Content::json::<RoleSetBody>())
    .answers(201, "It is named.", Some(Content::json::<RoleSetDefined>()));
    let list = RouteSpec::new(
        "GET /v1/roles",
        "role_set_list",
        "The tenant's role sets, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The sets.", Some(Content::json::<RoleSetList>()));
    let retire = RouteSpec::new(
        "POST /v1/roles/{role_set_id}/retire",
        "role_set_retire",
        "Retires a set: nobody is given it any more, and who has it keeps it.",
    )
    .records(&[EventType::RoleSetRetired])
    .rate(RateClass::Write)
    .answers(204, "It is retired.", None);
    table
        .secured::<DefineRole, _, _>(define, set_define)
        .secured::<ReadRole, _, _>(list, set_list)
        .secured::<DefineRole, _, _>(retire, set_retire)
}

async fn set_define(
    granted: Granted<DefineRole>,
    edge: web::Data<Edge>,
    log: web::Data<AuditLog>,
    body: web::Json<RoleSetBody>,
) -> Result<HttpResponse, Problem> {
    // CONTROL: RBC-5
    let set = edge.services().permissions.role_set(&body.permissions)?;
    let permissions: Vec<&'static str> = set.iter().map(PermissionId::as_str).collect();
    let id = RoleSetId::from_uuid(Uuid::now_v7());
    log.pool()
        .role_set_define(granted.ctx(), id, &body.name, &permissions)
        .await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/roles/{id}")))
        .json(RoleSetDefined { id }))
}

async fn set_list(granted: Granted<ReadRole>, log: web::Data<AuditLog>) -> Result<web::Json<RoleSetList>, Problem> {
    let found = log.pool().role_sets(granted.ctx()).await?;
    Ok(web::Json(RoleSetList {
        complete: found.len() < SETS_MAX,
        items: found.into_iter().map(entry).collect(),
    }))
}

async fn set_retire(
    granted: Granted<DefineRole>,
    log: web::Data<AuditLog>,
    id: web::Path<RoleSetId>,
) -> Result<HttpResponse, Problem> {
    log.pool().role_set_retire(granted.ctx(), id.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn entry(set: TenantRoleSet) -> RoleSetEntry {
    RoleSetEntry {
        id: set.id,
        name: set.name,
        permissions: set.permissions,
        sha256: hex(&set.sha256),
        defined_by: set.defined_by,
        defined_at: set.defined_at,
        retired_by: set.retired_by,
        retired_at: set.retired_at,
    }
}
