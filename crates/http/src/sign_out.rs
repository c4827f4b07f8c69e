//! `/auth/backchannel-logout`: an identity provider says that one of its sessions has ended.

use crate::routes::{Content, Matched, RateClass, RouteSpec, RouteTableBuilder};
use crate::{HttpError, Problem};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_authn::BoxFuture;
use bearingwall_core::{ErrorKind, RequestId};
use serde::Deserialize;
use std::sync::Arc;

/// Ends what a provider says has ended.
pub trait SignOut: Send + Sync {
    /// Takes a logout token of OpenID Connect Back-Channel Logout 1.0. When it answers, the end is durably on the list that
    /// every server of the deployment reads, and on the record; a token that was used before is refused.
    fn ended<'a>(
        &'a self,
        logout_token: &'a str,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<(), Problem>>;
}

/// The body of the provider's request.
#[derive(Deserialize)]
struct Said {
    logout_token: String,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = RouteSpec::new(
        "POST /auth/backchannel-logout",
        "session_ended",
        "An identity provider says, in a logout token that it has signed, that one of its sessions has ended.",
    )
    .rate(RateClass::Light)
    .records(&[EventType::SessionEnded])
    .takes(Content::text("application/x-www-form-urlencoded"))
    .answers(200, "The session's tokens are refused from now on.", None);
    table.public(spec, "the provider signs what it says", ended)
}

async fn ended(
    request: HttpRequest,
    sign_out: web::Data<Arc<dyn SignOut>>,
    said: web::Form<Said>,
) -> Result<HttpResponse, Problem> {
    let (id, route) = {
        let extensions = request.extensions();
        let id = *extensions.get::<RequestId>().ok_or(HttpError::Framework)?;
        (id, extensions.get::<Matched>().map(|matched| matched.0))
    };
    match sign_out.ended(&said.logout_token, id, route).await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        // Section 2.8: a token that is not good is a bad request; nobody is asked to authenticate.
        Err(problem) if problem.kind() == ErrorKind::Unauthenticated => {
            tracing::warn!(
                code = problem.code(),
                error = problem.chain(),
                "a logout token was refused"
            );
            Err(HttpError::LogoutToken.into())
        }
        Err(problem) => Err(problem),
    }
}
