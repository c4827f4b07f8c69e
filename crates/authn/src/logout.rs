//! Logout tokens of OpenID Connect Back-Channel Logout 1.0: an issuer says that one of its sessions has ended.

use crate::claims::{self, audience_names, instant, optional_name};
use crate::error::AuthnError;
use crate::issuer::IssuerConfig;
use crate::json::{Json, Object};
use bearingwall_core::SubjectId;
use uuid::Uuid;

/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old a logout token may be, in seconds, beside the issuer's leeway.
const MAX_AGE_S: i64 = 120;

/// What a good logout token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logout {
    /// Who is signed out.
    pub subject: Option<SubjectId>,
    /// Which session ended; without one it is all of the subject's.
    pub session: Option<Uuid>,
    /// When the issuer said so, by its own clock (Unix time).
    pub issued_s: i64,
    /// The token's own key, by which it is taken once.
    pub token: Uuid,
}

/// What the claims of a logout token say, once the signature was checked (section 2.6).
// CONTROL: AUT-4
pub(crate) fn logout(claims: &Object, config: &IssuerConfig, now_s: i64) -> Result<Logout, AuthnError> {
    let refuse = |what| Err(AuthnError::Logout { what });
    let Some(ours) = &config.logout_audience else {
        return refuse("nothing is configured for this issuer");
    };
    if !audience_names(claims, ours)? {
        return Err(AuthnError::Audience);
    }
    let is_event = claims
        .get("events")
        .and_then(Json::object)
        .is_some_and(|events| events.get(EVENT).and_then(Json::object).is_some());
    if !is_event {
        return refuse("it holds no logout event");
    }
    // SECURITY: an ID token must never pass for a logout token, nor the reverse.
    if claims.contains_key("nonce") {
        return refuse("it holds a nonce");
    }
    let leeway_s = i64::from(config.leeway_s);
    let issued_s = instant(claims, "iat")?.ok_or(AuthnError::Claim { claim: "iat" })?;
    if issued_s > now_s.saturating_add(leeway_s) {
        return Err(AuthnError::NotYetValid);
    }
    let expires_s = instant(claims, "exp")?.ok_or(AuthnError::Claim { claim: "exp" })?;
    let ends_s = expires_s
        .min(issued_s.saturating_add(MAX_AGE_S))
        .saturating_add(leeway_s);
    if now_s >= ends_s {
        return Err(AuthnError::Expired);
    }
    let token = optional_name(claims, "jti")?.ok_or(AuthnError::Claim { claim: "jti" })?;
    let subject = optional_name(claims, "sub")?;
    let session = optional_name(claims, "sid")?;
    if subject.is_none() && session.is_none() {
        return refuse("it names neither subject nor session");
    }
    Ok(Logout {
        subject: subject.map(|subject| claims::subject_id(&config.issuer, subject)),
        session: session.map(|session| claims::session_key(&config.issuer, session)),
        issued_s,
        token: claims::logout_key(&config.issuer, token),
    })
}

/// Whether the header's `typ` marks a logout token (section 2.4).
pub(crate) fn is_logout_token_type(typ: Option<&str>) -> bool {
    matches!(typ, Some("logout+jwt" | "application/logout+jwt"))
}
