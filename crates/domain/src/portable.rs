//! Opening what is stored of one tenant outside of any request: for the operator's export, which the tenant is owed.

use crate::error::DomainError;
use crate::keys::{ClientKey, KeyRing, StoredKey, TenantKeys};
use bearingwall_core::{ClientId, CustomerId, InvoiceId, MessageId, NoteId};
use bearingwall_secrets::{KeyStore, WrappedKey};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What opens the stored content of one tenant. It reads nothing itself: rows come from whoever may see them.
pub struct TenantOpener {
    keys: TenantKeys,
}

/// What opens the stored content of one client.
pub struct ClientOpener {
    key: ClientKey,
}

impl TenantOpener {
    /// With the versions of the tenant's key as `crm.tenant_keys` holds them, and the newest row of `crm.index_keys`: its
    /// version, the version of the tenant's key, and the wrapping.
    ///
    /// # Errors
    /// [`DomainError::Key`] when the key store does not open one of them.
    pub async fn new(
        customer: CustomerId,
        key_store: &dyn KeyStore,
        wrapped: &[(i32, WrappedKey)],
        index: Option<&(i32, i32, Vec<u8>)>,
    ) -> Result<Self, DomainError> {
        let mut keys = Vec::with_capacity(wrapped.len());
        for (version, wrapped) in wrapped {
            keys.push((*version, key_store.unwrap(customer, wrapped).await?));
        }
        let ring = KeyRing::of_versions(customer, keys, index)?;
        Ok(Self {
            keys: TenantKeys::new(customer, Arc::new(ring)),
        })
    }

    /// With the client's key as `crm.client_keys` holds it.
    ///
    /// # Errors
    /// [`DomainError::Key`] when it is not a key of this client; [`DomainError::Unreadable`] for an unknown version.
    pub fn client(&self, client: ClientId, tenant_version: i32, wrapped: Vec<u8>) -> Result<ClientOpener, DomainError> {
        let stored = StoredKey {
            tenant_version,
            wrapped,
        };
        Ok(ClientOpener {
            key: self.keys.unwrap(client, &stored)?,
        })
    }
}

impl TenantOpener {
    /// The payload of `crm.unmatched_messages`: versioned JSON.
    ///
    /// # Errors
    /// As [`ClientOpener::record`].
    pub fn unmatched(&self, message: MessageId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(self.keys.open_unmatched(message, sealed)?)
    }
}

impl ClientOpener {
    /// The payload of `crm.invoice_records`: versioned JSON.
    ///
    /// # Errors
    /// As [`ClientOpener::record`].
    pub fn invoice(&self, invoice: InvoiceId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(self.key.open_invoice(invoice, sealed)?)
    }

    /// The payload of `crm.messages`: versioned JSON.
    ///
    /// # Errors
    /// As [`ClientOpener::record`].
    pub fn message(&self, message: MessageId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(self.key.open_message(message, sealed)?)
    }

    /// The payload of `crm.client_records`: versioned JSON.
    ///
    /// # Errors
    /// [`DomainError::Key`] when it was not sealed for this place.
    pub fn record(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(self.key.open_record(sealed)?)
    }

    /// The payload of `crm.chart_note_records`: versioned JSON.
    ///
    /// # Errors
    /// As [`ClientOpener::record`].
    pub fn note(&self, note: NoteId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DomainError> {
        Ok(self.key.open_note(note, sealed)?)
    }
}

impl fmt::Debug for TenantOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantOpener").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOpener").finish_non_exhaustive()
    }
}
