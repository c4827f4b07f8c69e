//! The claims of a verified access token, and the identity that they prove.

use crate::error::AuthnError;
use crate::issuer::IssuerConfig;
use crate::json::{Json, Object};
use aws_lc_rs::digest;
use bearingwall_core::{CustomerId, DirectoryNames, Phi, Principal, Role, RoleSet, SubjectId};
use std::collections::HashMap;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

const MAX_SUBJECT_BYTES: usize = 255;

/// The longest name that is taken, in characters: as long as a mail address can be.
const MAX_NAME_CHARS: usize = 254;

/// Who a token is about: a UUIDv8 of the first 128 bits of SHA-256(issuer ‖ 0x00 ‖ subject), version and variant
/// set over them. Two issuers with the same subject are two people.
#[must_use]
pub fn subject_id(issuer: &str, subject: &str) -> SubjectId {
    SubjectId::from_uuid(digest_of(&[issuer, subject]))
}

/// A session at an issuer (`sid`), as the deny-list knows it: made as [`subject_id`] is, with a word in front that no
/// issuer can be called.
#[must_use]
pub fn session_key(issuer: &str, session: &str) -> Uuid {
    digest_of(&["sid", issuer, session])
}

/// A logout token (`jti`), which is taken once.
pub(crate) fn logout_key(issuer: &str, token: &str) -> Uuid {
    digest_of(&["jti", issuer, token])
}

/// Texts with a zero byte between them. INVARIANT: none holds one, for an issuer is an address and other claims with control
/// characters are refused.
fn digest_of(texts: &[&str]) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA256);
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            context.update(&[0]);
        }
        context.update(text.as_bytes());
    }
    let digest = context.finish();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    Uuid::new_v8(bytes)
}

/// Whether the header's `typ` marks an access token (RFC 9068 section 4).
pub(crate) fn is_access_token_type(typ: Option<&str>, config: &IssuerConfig) -> bool {
    match typ {
        Some("at+jwt" | "application/at+jwt") => true,
        Some("JWT") => config.allow_typ_jwt,
        _ => false,
    }
}

/// How long tokens may live, whoever issued them.
#[derive(Clone, Debug)]
pub(crate) struct Lifetimes {
    /// From `iat` to `exp`, in seconds; an issuer may be held to less.
    pub(crate) longest_s: i64,
    /// The age at which a tenant's tokens end, in seconds, where the tenant wants them to end before their `exp`.
    pub(crate) of_tenants_s: HashMap<CustomerId, i64>,
}

/// What a good token proves, and by what it can be revoked.
#[derive(Clone)]
pub(crate) struct Proven {
    pub(crate) principal: Arc<Principal>,
    pub(crate) session: Option<Uuid>,
    pub(crate) issued_s: i64,
}

/// The identity that the claims prove at `now_s` (Unix seconds), once the signature was checked.
// CONTROL: AUT-1
pub(crate) fn principal(
    claims: &Object,
    typ: Option<&str>,
    config: &IssuerConfig,
    lifetimes: &Lifetimes,
    now_s: i64,
) -> Result<Proven, AuthnError> {
    let use_claim = claims.get("typ").map(Json::text);
    // Keycloak writes ID, Refresh or Logout there. A token whose header says only `JWT` must say it is a bearer token.
    if !matches!(use_claim, None | Some(Some("Bearer"))) || (typ == Some("JWT") && use_claim.is_none()) {
        return Err(AuthnError::TokenType);
    }
    // A sender-constrained token without its proof is a stolen one as far as we can tell (RFC 9449, RFC 8705).
    if claims.contains_key("cnf") {
        return Err(AuthnError::SenderConstrained);
    }
    if !audience_names(claims, &config.audience)? {
        return Err(AuthnError::Audience);
    }
    let subject = subject(claims)?;
    let times = times(claims, config, lifetimes, now_s)?;
    let roles = roles(claims, &config.roles_claim)?;
    let customer = customer(claims, config, roles)?;
    let age_s = customer.and_then(|customer| lifetimes.of_tenants_s.get(&customer));
    let ends_s = age_s.map_or(times.ends_s, |age_s| {
        times.ends_s.min(times.issued_s.saturating_add(*age_s))
    });
    if now_s >= ends_s {
        return Err(AuthnError::Expired);
    }
    let expires_at = OffsetDateTime::from_unix_timestamp(ends_s).map_err(|_| AuthnError::Claim { claim: "exp" })?;
    let principal = Principal {
        subject: subject_id(&config.issuer, subject),
        customer,
        roles,
        expires_at,
        names: names(claims),
        strong: is_strong(claims, config)?,
        signed_in: is_signed_in(claims, subject)?,
    };
    Ok(Proven {
        principal: Arc::new(principal),
        session: optional_name(claims, "sid")?.map(|session| session_key(&config.issuer, session)),
        issued_s: times.issued_s,
    })
}

/// What the token calls its bearer. Nothing is decided by it, so what is no name is left out and refuses nothing.
fn names(claims: &Object) -> Option<Arc<DirectoryNames>> {
    let name = |claim: &str| {
        let text = claims.get(claim)?.text()?.trim();
        let sane = !text.is_empty() && text.chars().count() <= MAX_NAME_CHARS && !text.chars().any(char::is_control);
        sane.then(|| Phi::new(text.to_owned()))
    };
    let names = DirectoryNames {
        given: name("given_name"),
        family: name("family_name"),
        email: name("email"),
    };
    (!names.is_empty()).then(|| Arc::new(names))
}

pub(crate) fn audience_names(claims: &Object, ours: &str) -> Result<bool, AuthnError> {
    let malformed = AuthnError::Claim { claim: "aud" };
    match claims.get("aud") {
        Some(Json::Text(audience)) => Ok(audience == ours),
        Some(Json::List(audiences)) if audiences.iter().all(|audience| audience.text().is_some()) => {
            Ok(audiences.iter().any(|audience| audience.text() == Some(ours)))
        }
        _ => Err(malformed),
    }
}

fn subject(claims: &Object) -> Result<&str, AuthnError> {
    optional_name(claims, "sub")?.ok_or(AuthnError::Claim { claim: "sub" })
}

/// A short text without control characters, as an issuer calls its people, sessions and tokens.
pub(crate) fn optional_name<'a>(claims: &'a Object, claim: &'static str) -> Result<Option<&'a str>, AuthnError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    value
        .text()
        .filter(|name| (1..=MAX_SUBJECT_BYTES).contains(&name.len()))
        .filter(|name| !name.trim().is_empty() && !name.chars().any(char::is_control))
        .map(Some)
        .ok_or(AuthnError::Claim { claim })
}

/// When a token was made and when its proof ends, in Unix seconds.
struct Times {
    issued_s: i64,
    /// `exp` and the issuer's leeway, so that nothing below ends a request that was let in.
    ends_s: i64,
}

// CONTROL: AUT-3
fn times(claims: &Object, config: &IssuerConfig, lifetimes: &Lifetimes, now_s: i64) -> Result<Times, AuthnError> {
    let expires = instant(claims, "exp")?.ok_or(AuthnError::Claim { claim: "exp" })?;
    let issued_s = instant(claims, "iat")?.ok_or(AuthnError::Claim { claim: "iat" })?;
    let not_before = instant(claims, "nbf")?;
    let leeway = i64::from(config.leeway_s);
    let ends_s = expires.saturating_add(leeway);
    OffsetDateTime::from_unix_timestamp(ends_s).map_err(|_| AuthnError::Claim { claim: "exp" })?;
    if now_s >= ends_s {
        return Err(AuthnError::Expired);
    }
    let latest_start = now_s.saturating_add(leeway);
    if issued_s > latest_start || not_before.is_some_and(|start| start > latest_start) {
        return Err(AuthnError::NotYetValid);
    }
    let lifetime = expires.saturating_sub(issued_s);
    let of_issuer = config.max_lifetime_s.map_or(i64::MAX, i64::from);
    if lifetime <= 0 || lifetime > of_issuer.min(lifetimes.longest_s) {
        return Err(AuthnError::Lifetime);
    }
    Ok(Times { issued_s, ends_s })
}

pub(crate) fn instant(claims: &Object, claim: &'static str) -> Result<Option<i64>, AuthnError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value
            .integer()
            .filter(|at| *at >= 0)
            .map(Some)
            .ok_or(AuthnError::Claim { claim }),
    }
}

/// The platform roles that the token lists. Other names mean something elsewhere and nothing here.
fn roles(claims: &Object, path: &[String]) -> Result<RoleSet, AuthnError> {
    let malformed = || AuthnError::Claim { claim: "roles" };
    let Some((last, parents)) = path.split_last() else {
        return Ok(RoleSet::EMPTY);
    };
    let mut object = claims;
    for name in parents {
        match object.get(name) {
            None => return Ok(RoleSet::EMPTY),
            Some(value) => object = value.object().ok_or_else(malformed)?,
        }
    }
    let Some(list) = object.get(last) else {
        return Ok(RoleSet::EMPTY);
    };
    let mut roles = RoleSet::EMPTY;
    for name in list.list().ok_or_else(malformed)? {
        if let Ok(role) = name.text().ok_or_else(malformed)?.parse::<Role>() {
            roles = roles.with(role);
        }
    }
    Ok(roles)
}

/// Whether the claims say that the sign-in was one of those that the configuration calls strong (`acr`, or RFC 8176's `amr`).
// CONTROL: AUT-7
fn is_strong(claims: &Object, config: &IssuerConfig) -> Result<bool, AuthnError> {
    let by_class =
        optional_name(claims, "acr")?.is_some_and(|acr| config.strong_acr.iter().any(|strong| strong == acr));
    let methods = match claims.get("amr") {
        None => &[],
        Some(value) => value.list().ok_or(AuthnError::Claim { claim: "amr" })?,
    };
    let is_strong = |method: &str| config.strong_amr.iter().any(|strong| strong == method);
    Ok(by_class || methods.iter().filter_map(Json::text).any(is_strong))
}

/// Whether a person signed in for this token. A session (`sid`) or an instant of signing in (`auth_time`, OpenID Connect Core 1.0,
/// section 2) says so; a program's own token (RFC 9068, section 2.2) is about the program itself.
// CONTROL: GAT-2
fn is_signed_in(claims: &Object, subject: &str) -> Result<bool, AuthnError> {
    let of_session = optional_name(claims, "sid")?.is_some() || instant(claims, "auth_time")?.is_some();
    let is_program = ["client_id", "azp"]
        .iter()
        .any(|claim| claims.get(*claim).and_then(Json::text) == Some(subject));
    Ok(of_session && !is_program)
}

fn customer(claims: &Object, config: &IssuerConfig, roles: RoleSet) -> Result<Option<CustomerId>, AuthnError> {
    let customer = match claims.get("customer_id") {
        None => None,
        Some(value) => Some(value.text().and_then(tenant).ok_or(AuthnError::Tenant)?),
    };
    if let Some(bound) = config.customer {
        // SECURITY: a tenant's own identity provider can neither name another tenant nor make platform staff.
        if customer.is_some_and(|customer| customer != bound) || roles.contains(Role::InternalAdmin) {
            return Err(AuthnError::ForeignTenant);
        }
    }
    if customer.is_none() && !roles.contains(Role::InternalAdmin) {
        return Err(AuthnError::Tenant);
    }
    Ok(customer)
}

/// A tenant that a token may name: one spelling, and none of the ids that mean something else.
fn tenant(text: &str) -> Option<CustomerId> {
    let id = Uuid::try_parse(text)
        .ok()
        .filter(|id| id.hyphenated().to_string() == text)?;
    let customer = CustomerId::from_uuid(id);
    (!id.is_nil() && !id.is_max() && !customer.is_platform()).then_some(customer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_different_issuers_differ_and_are_uuid_version_8() {
        let one = subject_id("https://a.example.org", "7");
        assert_eq!(one, subject_id("https://a.example.org", "7"));
        assert_ne!(one, subject_id("https://b.example.org", "7"));
        assert_ne!(
            subject_id("https://a.example.org", "b"),
            subject_id("https://a.example.orgb", "")
        );
        assert_eq!(one.as_uuid().get_version_num(), 8);
        assert_eq!(one.as_uuid().get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn the_subject_id_is_the_documented_digest() {
        // printf 'https://a.example.org\0007' | sha256sum
        let id = subject_id("https://a.example.org", "7");
        let digest = digest::digest(&digest::SHA256, b"https://a.example.org\x007");
        assert_eq!(id.as_uuid().as_bytes()[..6], digest.as_ref()[..6]);
        assert_eq!(id.as_uuid().as_bytes()[9..], digest.as_ref()[9..16]);
    }

    #[test]
    fn a_tenant_has_one_spelling() {
        assert!(tenant("0190d6f0-0000-7000-8000-000000000001").is_some());
        for text in [
            "0190D6F0-0000-7000-8000-000000000001",
            "0190d6f0000070008000000000000001",
            "{0190d6f0-0000-7000-8000-000000000001}",
            "urn:uuid:0190d6f0-0000-7000-8000-000000000001",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "00000000-0000-8000-8000-000000000001",
            "",
        ] {
            assert!(tenant(text).is_none(), "{text}");
        }
    }
}
