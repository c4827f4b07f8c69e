//! Who signs in: a reader, a writer and an administrator of each spa, and staff of the platform.

use anyhow::Context as _;
use bearingwall_authn::Algorithm;
use bearingwall_core::{CustomerId, Role};
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use std::path::Path;

/// What stands in `aud`.
pub(crate) const AUDIENCE: &str = "bearingwall";
/// Long enough for a day of looking around.
pub(crate) const LIFETIME_S: i64 = 12 * 3600;

/// Starts the issuer on the port of the last start where that is free, and notes the port.
///
/// Subjects are made of the issuer's address and the name, so that somebody stays the same person in the record.
pub(crate) async fn start_issuer(port_file: &Path) -> anyhow::Result<DevIssuer> {
    let last = std::fs::read_to_string(port_file)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let issuer = match DevIssuer::start(options(AUDIENCE, last)).await {
        Err(_) if last.is_some() => DevIssuer::start(options(AUDIENCE, None)).await?,
        started => started?,
    };
    let port = issuer.issuer().rsplit(':').next().unwrap_or_default().to_owned();
    std::fs::write(port_file, port).context("noting the issuer's port")?;
    Ok(issuer)
}

/// An issuer that the server knows, whose tokens are meant for another service.
pub(crate) async fn start_other_service() -> anyhow::Result<DevIssuer> {
    Ok(DevIssuer::start(options("another-service", None)).await?)
}

fn options(audience: &str, port: Option<u16>) -> IssuerOptions {
    IssuerOptions {
        audience: audience.to_owned(),
        port,
        lifetime_s: LIFETIME_S,
    }
}

/// The tokens of one spa's people.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// `authenticated`: reads.
    pub(crate) reader: String,
    /// `customer_admin` alone: writes and reads nothing.
    pub(crate) writer: String,
    /// Both, as an administrator normally has it.
    pub(crate) admin: String,
}

impl Tokens {
    pub(crate) fn of(issuer: &DevIssuer, slug: &str, customer: CustomerId) -> anyhow::Result<Self> {
        let token =
            |name: &str, roles: &[Role]| issuer.token(&request(&format!("{slug}-{name}"), Some(customer), roles));
        Ok(Self {
            reader: token("reader", &[Role::Authenticated])?,
            writer: token("writer", &[Role::CustomerAdmin])?,
            admin: token("admin", &[Role::Authenticated, Role::CustomerAdmin])?,
        })
    }
}

/// What a token of this person says.
pub(crate) fn request(subject: &str, customer: Option<CustomerId>, roles: &[Role]) -> TokenRequest {
    TokenRequest {
        subject: subject.to_owned(),
        customer,
        roles: roles.to_vec(),
        // The shorter signature of the two that are accepted: tokens are printed and pasted.
        alg: Algorithm::Es256,
        expires_in_s: None,
    }
}

/// A token of the platform's own staff.
pub(crate) fn platform_token(issuer: &DevIssuer) -> anyhow::Result<String> {
    Ok(issuer.token(&request("platform-admin", None, &[Role::InternalAdmin]))?)
}
