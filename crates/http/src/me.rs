//! `/v1/me`: what the presented token says about its bearer.

use crate::Granted;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use actix_web::web;
use bearingwall_core::{CustomerId, Role, SubjectId};
use bearingwall_rbac::ReadSelf;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The bearer of the token.
#[derive(Serialize, ToSchema)]
struct Me {
    /// Who: made of the token's issuer and subject.
    #[schema(value_type = String, format = Uuid)]
    subject_id: SubjectId,
    /// The tenant; an administrator of the platform has none.
    #[schema(value_type = Option<String>, format = Uuid)]
    customer_id: Option<CustomerId>,
    /// The roles.
    roles: Vec<&'static str>,
    /// When the token ends (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = RouteSpec::new("GET /v1/me", "me_read", "Who the token speaks for.")
        .rate(RateClass::Light)
        .answers(200, "The bearer of the token.", Some(Content::json::<Me>()));
    table.secured::<ReadSelf, _, _>(spec, read)
}

async fn read(granted: Granted<ReadSelf>) -> web::Json<impl Serialize> {
    let principal = granted.principal();
    web::Json(Me {
        subject_id: principal.subject,
        customer_id: principal.customer,
        roles: principal.roles.iter().map(Role::as_str).collect(),
        expires_at: principal.expires_at,
    })
}
