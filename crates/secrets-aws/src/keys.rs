//! Tenant keys under a key of AWS KMS: `aws-kms://region/key`. The key itself never leaves the service.

use crate::failure::{self, Failure};
use crate::{Aws, timeouts};
use aws_config::BehaviorVersion;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Builder, Region};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_secrets::{DataKey, KeyError, KeyStore, KeyStoreAdapter, Scheme, SecretError, SecretRef, WrappedKey};
use futures_core::future::BoxFuture;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What the encryption context is called in which the tenant stands; the key's policy and CloudTrail see it.
const CONTEXT_TENANT: &str = "bearingwall:tenant";
/// The same for what the plaintext is.
const CONTEXT_PURPOSE: &str = "bearingwall:purpose";
const PURPOSE: &str = "tenant-key/1";

/// The adapter for [`Scheme::AwsKms`].
#[derive(Clone, Debug)]
pub struct KmsKeys {
    aws: Aws,
}

impl KmsKeys {
    /// Keys of any region, as this identity.
    #[must_use]
    pub const fn new(aws: Aws) -> Self {
        Self { aws }
    }
}

impl KeyStoreAdapter for KmsKeys {
    fn open(&self, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, KeyError> {
        if reference.scheme() != Scheme::AwsKms {
            return Err(KeyError::Store(SecretError::OtherStore));
        }
        let region = reference.store();
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(self.aws.credentials(region))
            .timeout_config(timeouts());
        if let Some(endpoint) = &self.aws.endpoint {
            config = config.endpoint_url(endpoint.as_str());
        }
        Ok(Arc::new(KmsKey {
            id: key_id(region, reference.name()),
            client: Client::from_conf(config.build()),
            home: Mutex::new(None),
        }))
    }
}

/// One key of KMS.
struct KmsKey {
    id: String,
    client: Client,
    /// Account and region of the key, once they are known.
    home: Mutex<Option<String>>,
}

impl KmsKey {
    // CONTROL: SEC-2
    async fn wrap_tenant(&self, customer: CustomerId, key: &DataKey) -> Result<WrappedKey, KeyError> {
        let answer = self
            .client
            .encrypt()
            .key_id(&self.id)
            .set_encryption_context(Some(context(customer)))
            .plaintext(Blob::new(key.bytes()))
            .send()
            .await
            .map_err(|error| self.failed(error))?;
        let (Some(arn), Some(ciphertext)) = (answer.key_id, answer.ciphertext_blob) else {
            return Err(KeyError::Store(SecretError::Answer("it holds no ciphertext".into())));
        };
        Ok(WrappedKey {
            kek_version: arn,
            bytes: ciphertext.into_inner(),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the plaintext becomes a data key here")]
    async fn unwrap_tenant(&self, customer: CustomerId, wrapped: &WrappedKey) -> Result<DataKey, KeyError> {
        // SECURITY: the row names the key. One of another account, whose owner knows what is in the ciphertext, would be a
        // tenant key of somebody else's choice.
        if !wrapped.kek_version.starts_with(&self.home().await?) {
            return Err(KeyError::UnknownVersion {
                version: wrapped.kek_version.clone(),
            });
        }
        let answer = self
            .client
            .decrypt()
            .key_id(&wrapped.kek_version)
            .set_encryption_context(Some(context(customer)))
            .ciphertext_blob(Blob::new(wrapped.bytes.clone()))
            .send()
            .await
            .map_err(|error| self.failed(error))?;
        let plaintext = answer
            .plaintext
            .ok_or_else(|| KeyError::Store(SecretError::Answer("it holds no plaintext".into())))?;
        DataKey::from_bytes(Sensitive::new(plaintext.into_inner()).expose())
    }

    /// The key's full name. KMS renews the material behind it by itself, and never tells which one wrapped what.
    async fn arn(&self) -> Result<String, KeyError> {
        let answer = self
            .client
            .describe_key()
            .key_id(&self.id)
            .send()
            .await
            .map_err(|error| self.failed(error))?;
        let metadata = answer.key_metadata;
        let enabled = metadata.as_ref().is_some_and(|metadata| metadata.enabled);
        let arn = metadata
            .and_then(|metadata| metadata.arn)
            .ok_or_else(|| KeyError::Store(SecretError::Answer("it names no key".into())))?;
        if enabled {
            Ok(arn)
        } else {
            Err(KeyError::Store(SecretError::Disabled { name: self.id.clone() }))
        }
    }

    /// `arn:aws:kms:region:account:`, of the key that is configured.
    async fn home(&self) -> Result<String, KeyError> {
        let known = self.home.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(home) = known {
            return Ok(home);
        }
        let arn = self.arn().await?;
        let home: String = arn.split_inclusive(':').take(5).collect();
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(home.clone());
        Ok(home)
    }

    fn failed<E, R>(&self, error: SdkError<E, R>) -> KeyError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        match failure::of(&error) {
            Failure::Ciphertext => KeyError::Refused,
            Failure::Missing => KeyError::UnknownVersion {
                version: self.id.clone(),
            },
            failure => KeyError::Store(failure::named(failure, &self.id, error)),
        }
    }
}

impl KeyStore for KmsKey {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> BoxFuture<'a, Result<WrappedKey, KeyError>> {
        Box::pin(self.wrap_tenant(customer, key))
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, KeyError>> {
        Box::pin(self.unwrap_tenant(customer, wrapped))
    }

    fn current_version(&self) -> BoxFuture<'_, Result<String, KeyError>> {
        Box::pin(self.arn())
    }
}

fn context(customer: CustomerId) -> HashMap<String, String> {
    HashMap::from([
        (CONTEXT_TENANT.to_owned(), customer.as_uuid().to_string()),
        (CONTEXT_PURPOSE.to_owned(), PURPOSE.to_owned()),
    ])
}

/// A reference has no colon, so another account's key is written with slashes: `111122223333/key/…`.
fn key_id(region: &str, name: &str) -> String {
    match name.split_once('/') {
        Some((account, rest)) if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("arn:{}:kms:{region}:{account}:{rest}", partition(region))
        }
        _ => name.to_owned(),
    }
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_accounts_are_named_in_full() {
        assert_eq!(key_id("us-east-1", "alias/bearingwall"), "alias/bearingwall");
        assert_eq!(
            key_id("us-gov-west-1", "111122223333/key/ab-cd"),
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/ab-cd"
        );
        assert_eq!(key_id("eu-west-1", "11112222333a/key"), "11112222333a/key");
    }
}
