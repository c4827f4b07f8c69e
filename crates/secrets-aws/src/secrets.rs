//! Secrets in AWS Secrets Manager: `aws-sm://region/name`.

use crate::{Aws, failure, timeouts};
use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, Region};
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use bearingwall_secrets::{Scheme, Secret, SecretError, SecretRef, SecretStore};
use futures_core::future::BoxFuture;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The stage that Secrets Manager's rotation moves from version to version.
const CURRENT: &str = "AWSCURRENT";

/// The adapter for [`Scheme::AwsSecretsManager`]. It reads; nothing here can write a secret or remove one.
pub struct SecretsManager {
    aws: Aws,
    clients: Mutex<HashMap<String, Client>>,
}

impl SecretsManager {
    /// Secrets of any region, as this identity. Nothing is connected yet.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self {
            aws,
            clients: Mutex::new(HashMap::new()),
        }
    }

    fn client(&self, reference: &SecretRef) -> Result<Client, SecretError> {
        if reference.scheme() != Scheme::AwsSecretsManager {
            return Err(SecretError::OtherStore);
        }
        let region = reference.store();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let mut config = Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.to_owned()))
                .credentials_provider(self.aws.credentials(region))
                .timeout_config(timeouts());
            if let Some(endpoint) = &self.aws.endpoint {
                config = config.endpoint_url(endpoint.as_str());
            }
            Client::from_conf(config.build())
        });
        Ok(client.clone())
    }

    async fn read(&self, reference: &SecretRef, version: Option<&str>) -> Result<Secret, SecretError> {
        let request = self.client(reference)?.get_secret_value().secret_id(reference.name());
        let answer = at(request, version)
            .send()
            .await
            .map_err(|error| failure::secret(error, reference.name()))?;
        let version = answer.version_id.unwrap_or_default();
        let value = match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(bytes)) => bytes.into_inner(),
            (None, None) => return Err(SecretError::Answer("it holds no value".into())),
        };
        Ok(Secret::new(value, version))
    }
}

/// A version is an id or, as `AWSPREVIOUS`, a stage.
fn at(request: GetSecretValueFluentBuilder, version: Option<&str>) -> GetSecretValueFluentBuilder {
    match version {
        None => request.version_stage(CURRENT),
        Some(stage) if stage.starts_with("AWS") => request.version_stage(stage),
        Some(id) => request.version_id(id),
    }
}

impl SecretStore for SecretsManager {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.read(name, None))
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.read(name, Some(version)))
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManager")
            .field("aws", &self.aws)
            .finish_non_exhaustive()
    }
}
