//! Tokens in the place of a database's password: RDS IAM authentication.
//!
//! A token is a presigned `connect` request of the service `rds-db` without its scheme, good for 15 minutes and for one role of
//! one database; it is signed here, and nobody is asked for it ("IAM database authentication for MariaDB, MySQL, and PostgreSQL",
//! Amazon RDS User Guide; "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)").

use crate::Aws;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bearingwall_core::Sensitive;
use bearingwall_secrets::SecretError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use url::Url;

/// For how long a token is good: RDS takes no longer one.
const LASTS: Duration = Duration::from_secs(900);

/// Credentials that end sooner than this are replaced before they sign: a token is no longer good than what signed it.
const REPLACED_BEFORE: Duration = Duration::from_secs(300);

/// Which role of which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUser {
    /// The region of the database.
    pub region: String,
    /// Its own name: a token for an alias is refused.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The role, which has been granted `rds_iam`.
    pub user: String,
}

/// Tokens for one role. Cloning shares the credentials that sign.
#[derive(Clone)]
pub struct DatabaseTokens {
    user: DatabaseUser,
    provider: SharedCredentialsProvider,
    kept: Arc<Mutex<Option<Credentials>>>,
}

impl Aws {
    /// Tokens for a role of a database, as this identity. Nothing is connected yet.
    #[must_use]
    pub fn database_tokens(&self, user: DatabaseUser) -> DatabaseTokens {
        DatabaseTokens {
            provider: self.credentials(&user.region),
            user,
            kept: Arc::new(Mutex::new(None)),
        }
    }
}

impl DatabaseTokens {
    /// A token from now on.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoIdentity`] where the platform gives no credentials.
    // CONTROL: SEC-6
    pub async fn token(&self) -> Result<Sensitive<String>, SecretError> {
        let now = SystemTime::now();
        let kept = self.kept().filter(|kept| {
            let ends = kept.expiry();
            ends.is_none_or(|ends| ends > now + REPLACED_BEFORE)
        });
        let credentials = match kept {
            Some(kept) => kept,
            None => {
                let asked = self.provider.provide_credentials().await;
                let fresh = asked.map_err(|error| SecretError::NoIdentity(Box::new(error)))?;
                *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
                fresh
            }
        };
        presigned(&credentials, &self.user, now)
    }

    /// Forgets the credentials, which somebody has refused. True if there were any: then others may be better.
    #[must_use]
    pub fn forget(&self) -> bool {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
    }

    fn kept(&self) -> Option<Credentials> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for DatabaseTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseTokens")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What these credentials sign at this time: for whoever compares it with what others sign.
///
/// # Errors
///
/// [`SecretError::Setting`] for a host or a region that makes no address.
pub fn presigned(
    credentials: &Credentials,
    user: &DatabaseUser,
    at: SystemTime,
) -> Result<Sensitive<String>, SecretError> {
    let setting = |_| SecretError::Setting {
        what: "the database's host and port make no address",
    };
    let unsigned = |what| SecretError::Setting { what };
    let mut address = Url::parse(&format!("https://{}:{}/", user.host, user.port)).map_err(setting)?;
    address
        .query_pairs_mut()
        .append_pair("Action", "connect")
        .append_pair("DBUser", &user.user);
    // A known port is left out of an address, and RDS wants it named.
    let whole = format!(
        "https://{}:{}/?{}",
        user.host,
        user.port,
        address.query().unwrap_or_default()
    );
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(LASTS);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&user.region)
        .name("rds-db")
        .time(at)
        .settings(settings)
        .build()
        .map_err(|_| unsigned("the token cannot be signed"))?;
    let request = SignableRequest::new("GET", whole.as_str(), std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|_| unsigned("the database's host and port cannot be signed for"))?;
    let (instructions, _) = sign(request, &parameters.into())
        .map_err(|_| unsigned("the token cannot be signed"))?
        .into_parts();
    for (name, value) in instructions.params() {
        address.query_pairs_mut().append_pair(name, value);
    }
    let query = address.query().unwrap_or_default();
    Ok(Sensitive::new(format!("{}:{}/?{query}", user.host, user.port)))
}
