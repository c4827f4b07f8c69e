//! What a login shows the database: a password that was configured, or one that is fetched for each new connection.

use crate::error::TenancyError;
use crate::pool::PoolConfig;
use bearingwall_core::Sensitive;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// What could not be fetched, and why.
pub type LoginFailure = Box<dyn std::error::Error + Send + Sync>;

/// Where the login's secret comes from that turns while the pool lives: a password in a vault, or a token that ends soon.
///
/// It is asked for each new connection. A connection that is open stays open when the secret turns, until the end of
/// [`PoolConfig::max_lifetime`].
pub trait LoginToken: Send + Sync {
    /// The secret as it is now.
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>>;

    /// The database has refused what was fetched last. True if another one may be there by now: then it is fetched and tried
    /// once more.
    fn refused(&self) -> bool;
}

/// A [`LoginToken`] to be shared. Cloning shares it.
#[derive(Clone)]
pub struct Login(Arc<dyn LoginToken>);

impl Login {
    /// Shares where secrets come from.
    #[must_use]
    pub fn new(token: Arc<dyn LoginToken>) -> Self {
        Self(token)
    }

    pub(crate) async fn fetch(&self) -> Result<Sensitive<String>, TenancyError> {
        self.0.fetch().await.map_err(TenancyError::Dial)
    }

    pub(crate) fn refused(&self) -> bool {
        self.0.refused()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// What a connection of this configuration shows now.
pub(crate) async fn secret(config: &PoolConfig) -> Result<Option<Sensitive<String>>, TenancyError> {
    match &config.login {
        Some(login) => login.fetch().await.map(Some),
        None => Ok(config.password.clone()),
    }
}

/// Whether the database has refused the secret, and nothing else.
pub(crate) fn is_refusal(error: &TenancyError) -> bool {
    let TenancyError::Dial(source) = error else {
        return false;
    };
    let code = source
        .downcast_ref::<tokio_postgres::Error>()
        .and_then(|error| error.code());
    code.is_some_and(|code| matches!(code.code(), "28P01" | "28000"))
}
