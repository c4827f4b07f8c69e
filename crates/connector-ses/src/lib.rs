#![doc = include_str!("../README.md")]

mod error;
mod outcome;
mod sets;

pub use aws_credential_types::Credentials;
pub use aws_credential_types::provider::SharedCredentialsProvider;
pub use error::SesError;
pub use sets::{ConfigurationSets, SetName};

use aws_config::BehaviorVersion;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_sdk_ses::Client;
use aws_sdk_ses::config::{Builder, Region};
use aws_sdk_ses::error::{BuildError, SdkError};
use aws_sdk_ses::operation::describe_configuration_set::DescribeConfigurationSetError;
use aws_sdk_ses::primitives::Blob;
use aws_sdk_ses::types::{ConfigurationSetAttribute, MessageTag, RawMessage, TlsPolicy};
use bearingwall_connectors::mail::{Class, Cleared, MailTransport, Outcome, ProviderId, Reason};
use futures_core::future::BoxFuture;
use outcome::outcome_of;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// Where and how messages are sent.
#[derive(Clone, Debug)]
pub struct SesConfig {
    /// The region.
    pub region: String,
    /// Another address than the provider's own, for a service that speaks the same protocol.
    pub endpoint: Option<Url>,
    /// The configuration set of each class.
    pub sets: ConfigurationSets,
    /// How long an attempt may take as a whole.
    pub timeout: Duration,
    /// For how long the set for health information is taken to require TLS once it was seen to.
    pub tls_seen_holds: Duration,
}

impl SesConfig {
    /// In this region, with these configuration sets, within 30 seconds, looking again every five minutes.
    #[must_use]
    pub fn new(region: impl Into<String>, sets: ConfigurationSets) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            sets,
            timeout: Duration::from_secs(30),
            tls_seen_holds: Duration::from_mins(5),
        }
    }
}

/// As the machine: its projected web identity token (IRSA), its task's role or its instance's. Nothing is read from variables
/// that hold a credential, or from files of a person.
#[must_use]
pub fn machine_identity(region: &str) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
    let web = WebIdentityTokenCredentialsProvider::builder()
        .configure(&config)
        .build();
    let task = EcsCredentialsProvider::builder().configure(&config).build();
    let instance = ImdsCredentialsProvider::builder().configure(&config).build();
    SharedCredentialsProvider::new(
        CredentialsProviderChain::first_try("web identity", web)
            .or_else("task role", task)
            .or_else("instance role", instance),
    )
}

/// Sends over Amazon SES (`SendRawEmail`), one attempt a message.
///
/// There is none whose configuration sets were not looked at: [`SesTransport::connect`] is the only way to one.
pub struct SesTransport {
    client: Client,
    config: SesConfig,
    tls_seen: Mutex<Instant>,
}

impl fmt::Debug for SesTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesTransport")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl SesTransport {
    /// Looks at every configuration set before anything is sent.
    ///
    /// # Errors
    ///
    /// [`SesError::NoSuchSet`], [`SesError::TlsNotRequired`] where the set for health information lets messages go on without
    /// TLS, [`SesError::Unreachable`].
    // CONTROL: MAI-2
    pub async fn connect(config: SesConfig, credentials: SharedCredentialsProvider) -> Result<Self, SesError> {
        let mut builder = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            // CONTROL: MAI-6
            // SES has no token by which it knows an attempt again: one that may have arrived is not made twice.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_timeout(config.timeout)
                    .build(),
            );
        if let Some(endpoint) = &config.endpoint {
            builder = builder.endpoint_url(endpoint.as_str());
        }
        let transport = Self {
            client: Client::from_conf(builder.build()),
            config,
            tls_seen: Mutex::new(Instant::now()),
        };
        for class in Class::ALL {
            if let Some(set) = transport.config.sets.of(class) {
                transport.look(class, set).await?;
            }
        }
        Ok(transport)
    }

    async fn look(&self, class: Class, set: &SetName) -> Result<(), SesError> {
        let described = self
            .client
            .describe_configuration_set()
            .configuration_set_name(set.as_str())
            .configuration_set_attribute_names(ConfigurationSetAttribute::DeliveryOptions)
            .send()
            .await
            .map_err(|error| unreachable_or_missing(set, error))?;
        let policy = described.delivery_options().and_then(|options| options.tls_policy());
        if class == Class::Phi && policy != Some(&TlsPolicy::Require) {
            return Err(SesError::TlsNotRequired { set: set.clone() });
        }
        Ok(())
    }

    /// Looks again where the last look is old: the set may have been changed since the start.
    async fn requires_tls(&self, set: &SetName) -> Result<(), SesError> {
        let seen = *self.tls_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.elapsed() < self.config.tls_seen_holds {
            return Ok(());
        }
        self.look(Class::Phi, set).await?;
        *self.tls_seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(())
    }

    async fn attempt(&self, message: &Cleared) -> Outcome {
        let Some(set) = self.config.sets.of(message.class()) else {
            return Outcome::Refused(Reason::of("NoConfigurationSetForClass"));
        };
        if message.class() == Class::Phi
            && let Err(error) = self.requires_tls(set).await
        {
            return Outcome::Later(error.reason());
        }
        let Ok((raw, tags)) = parts(message) else {
            return Outcome::Refused(Reason::of("NotBuilt"));
        };
        let sent = self
            .client
            .send_raw_email()
            .source(message.from().wire())
            // The envelope, and not the header, says to whom it goes.
            .destinations(message.to().wire())
            .configuration_set_name(set.as_str())
            .set_tags(Some(tags))
            .raw_message(raw)
            .send()
            .await;
        match sent {
            Ok(sent) => match ProviderId::parse(sent.message_id()) {
                Some(id) => Outcome::Accepted(id),
                // It was taken; under which name, nobody can say.
                None => Outcome::Unknown(Reason::of("NoMessageId")),
            },
            Err(error) => outcome_of(&error),
        }
    }
}

impl MailTransport for SesTransport {
    fn send(&self, message: Cleared) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.attempt(&message).await })
    }
}

/// The bytes, and the tags that come back with every event: ids alone.
fn parts(message: &Cleared) -> Result<(RawMessage, Vec<MessageTag>), BuildError> {
    let raw = RawMessage::builder().data(Blob::new(message.raw())).build()?;
    let tags = [
        ("class", message.class().as_str().to_owned()),
        ("mail", message.id().to_string()),
        ("customer", message.customer().to_string()),
    ];
    let tag = |(name, value): (&str, String)| MessageTag::builder().name(name).value(value).build();
    Ok((raw, tags.into_iter().map(tag).collect::<Result<_, _>>()?))
}

fn unreachable_or_missing(set: &SetName, error: SdkError<DescribeConfigurationSetError>) -> SesError {
    match error.as_service_error() {
        Some(missing) if missing.is_configuration_set_does_not_exist_exception() => {
            SesError::NoSuchSet { set: set.clone() }
        }
        _ => SesError::Unreachable {
            source: Box::new(error),
        },
    }
}
