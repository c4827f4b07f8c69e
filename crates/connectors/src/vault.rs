//! Where a secret goes that a tenant hands over: into the vault, and its reference into the database.

use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_secrets::{FileStore, SecretError, SecretRef};
use futures_core::future::BoxFuture;
use uuid::Uuid;

/// A place that takes secrets.
pub trait SecretWriter: Send + Sync {
    /// Stores a secret under a name that nothing else has, and answers its reference.
    fn write<'a>(
        &'a self,
        name: &'a str,
        secret: &'a Sensitive<Vec<u8>>,
    ) -> BoxFuture<'a, Result<SecretRef, SecretError>>;
}

impl SecretWriter for FileStore {
    #[expect(
        clippy::disallowed_methods,
        reason = "the secret goes into the store and nowhere else"
    )]
    fn write<'a>(
        &'a self,
        name: &'a str,
        secret: &'a Sensitive<Vec<u8>>,
    ) -> BoxFuture<'a, Result<SecretRef, SecretError>> {
        Box::pin(async move {
            self.put(name, secret.expose())?;
            self.reference(name)
        })
    }
}

/// The name of a tenant's secret. The database takes no reference of which it is not a part.
// CONTROL: CON-5
pub(crate) fn name(customer: CustomerId, purpose: &str, secret: Uuid) -> String {
    format!("tenants/{customer}/{purpose}/{secret}")
}
