//! What a login shows the database for each new connection.

use crate::database::{DatabaseLogin, LoginKind};
use crate::vaults::Vaults;
use bearingwall_core::{Classified, ErrorKind, Sensitive};
use bearingwall_secrets::{CachingStore, Scheme, SecretError, SecretRef, SecretStore as _};
use bearingwall_tenancy::{Login, LoginFailure, LoginToken, PoolConfig};
use futures_core::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a login is to show cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A vault does not give it.
    #[error("the secret `{reference}`")]
    Secret {
        /// Which one.
        reference: SecretRef,
        /// Why not.
        #[source]
        source: SecretError,
    },
    /// Nobody gives a token.
    #[error("a token for the database")]
    Token(#[source] SecretError),
}

impl Classified for LoginError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Secret { source, .. } | Self::Token(source) => source.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Secret { source, .. } | Self::Token(source) => source.code(),
        }
    }
}

impl Vaults {
    /// A pool's configuration with this login; limits and regions are the caller's to set.
    ///
    /// What it shows is fetched once here already: what a vault has not got is told as such, and not as a database that cannot
    /// be reached.
    ///
    /// # Errors
    /// [`LoginError`].
    // CONTROL: SEC-4
    pub async fn pool_config(&self, login: &DatabaseLogin, regions: Vec<String>) -> Result<PoolConfig, LoginError> {
        Ok(PoolConfig {
            login: self.login(login).await?,
            max_lifetime: Some(Duration::from_secs(login.max_lifetime_s)),
            ..PoolConfig::new(login.address(), None, regions)
        })
    }

    /// What this login shows for each new connection; `None` where it shows nothing in a password's place.
    ///
    /// # Errors
    /// As [`Vaults::pool_config`].
    // CONTROL: SEC-6
    pub async fn login(&self, login: &DatabaseLogin) -> Result<Option<Login>, LoginError> {
        match login.kind {
            Some(LoginKind::RdsIam) => self.by_iam_token(login).await.map(Some),
            Some(LoginKind::Entra) => self.by_entra_token().await.map(Some),
            Some(LoginKind::Peer | LoginKind::Certificate) => Ok(None),
            None | Some(LoginKind::Password) => self.by_password(login).await,
        }
    }

    async fn by_password(&self, login: &DatabaseLogin) -> Result<Option<Login>, LoginError> {
        let Some(reference) = &login.password else {
            return Ok(None);
        };
        // A sealed file is for development, where there is nothing else.
        if reference.scheme() != Scheme::SealedFile {
            tracing::warn!("the database login is a password, which only somebody's hand turns: see `database.login`");
        }
        let known = self.secrets.fetch(reference).await;
        known
            .and_then(|secret| secret.utf8().map(drop))
            .map_err(|source| LoginError::Secret {
                reference: reference.clone(),
                source,
            })?;
        Ok(Some(Login::new(Arc::new(PasswordInVault {
            secrets: self.secrets.clone(),
            reference: reference.clone(),
            shown: Mutex::new(None),
        }))))
    }

    #[cfg(feature = "aws")]
    async fn by_iam_token(&self, login: &DatabaseLogin) -> Result<Login, LoginError> {
        let setting = |what| LoginError::Token(SecretError::Setting { what });
        let aws = self.aws.as_ref().ok_or(setting("there is no `[vaults.aws]`"))?;
        let region = login.region.as_deref().ok_or(setting("there is no `region`"))?;
        let (host, port) = login.url.host_and_port().ok_or(setting("there is no one host"))?;
        let tokens = aws.database_tokens(bearingwall_secrets_aws::DatabaseUser {
            region: region.to_owned(),
            host: host.to_owned(),
            port,
            user: login.url.user().to_owned(),
        });
        tokens.token().await.map_err(LoginError::Token)?;
        Ok(Login::new(Arc::new(IamToken(tokens))))
    }

    #[cfg(not(feature = "aws"))]
    async fn by_iam_token(&self, _: &DatabaseLogin) -> Result<Login, LoginError> {
        let scheme = Scheme::AwsSecretsManager;
        std::future::ready(Err(LoginError::Token(SecretError::NoAdapter { scheme }))).await
    }

    #[cfg(feature = "azure")]
    async fn by_entra_token(&self) -> Result<Login, LoginError> {
        let azure = self.azure.as_ref().ok_or(LoginError::Token(SecretError::Setting {
            what: "there is no `[vaults.azure]`",
        }))?;
        azure.token(ENTRA_SCOPE).await.map_err(LoginError::Token)?;
        Ok(Login::new(Arc::new(EntraToken(azure.clone()))))
    }

    #[cfg(not(feature = "azure"))]
    async fn by_entra_token(&self) -> Result<Login, LoginError> {
        let scheme = Scheme::AzureKeyVault;
        std::future::ready(Err(LoginError::Token(SecretError::NoAdapter { scheme }))).await
    }
}

/// What Azure Database for PostgreSQL takes tokens for.
#[cfg(feature = "azure")]
const ENTRA_SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// Signed anew for each connection, with credentials that are themselves replaced before they end.
#[cfg(feature = "aws")]
struct IamToken(bearingwall_secrets_aws::DatabaseTokens);

#[cfg(feature = "aws")]
impl LoginToken for IamToken {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move { Ok(self.0.token().await?) })
    }

    fn refused(&self) -> bool {
        // Credentials that were withdrawn are replaced by others, once.
        self.0.forget()
    }
}

/// Kept until shortly before it ends.
#[cfg(feature = "azure")]
struct EntraToken(bearingwall_secrets_azure::Azure);

#[cfg(feature = "azure")]
impl LoginToken for EntraToken {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move { Ok(self.0.token(ENTRA_SCOPE).await?) })
    }

    fn refused(&self) -> bool {
        self.0.forget(ENTRA_SCOPE);
        true
    }
}

/// The password of a database login as its vault has it now: read again when the database refuses the one that is known.
struct PasswordInVault {
    secrets: CachingStore,
    reference: SecretRef,
    shown: Mutex<Option<String>>,
}

impl LoginToken for PasswordInVault {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move {
            let secret = self.secrets.fetch(&self.reference).await?;
            let password = Sensitive::new(secret.utf8()?.to_owned());
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.version().to_owned());
            Ok(password)
        })
    }

    fn refused(&self) -> bool {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Worth another try whoever has read it again in the meantime.
        shown.is_some_and(|version| {
            let _ = self.secrets.rejected(&self.reference, &version);
            true
        })
    }
}
