//! What a login shows the database for each new connection.

use crate::database::DatabaseLogin;
use crate::vaults::Vaults;
use bearingwall_core::{Classified, ErrorKind, Sensitive};
use bearingwall_secrets::{CachingStore, SecretError, SecretRef, SecretStore as _};
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
}

impl Classified for LoginError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Secret { source, .. } => source.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Secret { source, .. } => source.code(),
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

    /// What this login shows; `None` where it shows nothing.
    ///
    /// # Errors
    /// As [`Vaults::pool_config`].
    pub async fn login(&self, login: &DatabaseLogin) -> Result<Option<Login>, LoginError> {
        let Some(reference) = &login.password else {
            return Ok(None);
        };
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
