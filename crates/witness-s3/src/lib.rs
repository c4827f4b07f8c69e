#![doc = include_str!("../README.md")]

mod credentials;

pub use credentials::{AccessKey, Identity};

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockMode};
use bearingwall_core::{Clock, SystemClock};
use bearingwall_sealing::{Left, Offer, WitnessError};
use std::fmt;
use std::time::Duration;
use url::Url;

/// A checkpoint with many cosignatures is a few kilobytes.
const CHECKPOINT_MAX_BYTES: usize = 65_536;

/// What a day has of seconds.
const DAY_S: i64 = 86_400;

/// Where checkpoints are left.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The bucket; it must have object lock.
    pub name: String,
    /// Its region.
    pub region: String,
    /// What stands before the name of each log; may be empty.
    pub prefix: String,
    /// Another address than the provider's own, for a store that speaks the same protocol.
    pub endpoint: Option<Url>,
    /// For how many days nobody may change or remove a checkpoint.
    pub retain_days: u32,
}

/// A bucket that keeps every checkpoint that is left there, each as an object under the lock of compliance mode: until its
/// time has come, nobody removes or changes it, the bucket's owner included.
///
/// It refuses what does not follow on what it keeps: the log was rewound, or the same size was signed twice.
pub struct S3Witness {
    name: String,
    bucket: Bucket,
    client: Client,
}

impl fmt::Debug for S3Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Witness")
            .field("name", &self.name)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl S3Witness {
    /// The name goes on record. Nothing is connected yet.
    #[must_use]
    pub fn new(name: impl Into<String>, bucket: Bucket, identity: Identity) -> Self {
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(bucket.region.clone()))
            .credentials_provider(identity.provider(&bucket.region))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_timeout(Duration::from_secs(20))
                    .build(),
            );
        if let Some(endpoint) = &bucket.endpoint {
            config = config.endpoint_url(endpoint.as_str()).force_path_style(true);
        }
        Self {
            name: name.into(),
            bucket,
            client: Client::from_conf(config.build()),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Leaves a checkpoint here.
    ///
    /// # Errors
    /// When the bucket cannot be reached or used, or does not lock what is put into it.
    // CONTROL: AUD-5
    pub async fn leave(&self, offer: &Offer) -> Result<Left, WitnessError> {
        let key = self.key(&offer.origin, offer.size);
        if self.keeps_larger(&offer.origin, &key).await? {
            return Ok(Left::Refused("rewound"));
        }
        let now = SystemClock.now().unix_timestamp();
        let until = now.saturating_add(i64::from(self.bucket.retain_days).saturating_mul(DAY_S));
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket.name)
            .key(&key)
            // An object that is there is never written over.
            .if_none_match("*")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(DateTime::from_secs(until))
            .content_type("text/plain; charset=utf-8")
            .body(ByteStream::from(offer.note.clone().into_bytes()))
            .send()
            .await;
        match put {
            Ok(_) => {}
            // From an attempt before, whose answer was lost; or another tree of the same size.
            Err(error) if is_taken(&error) => {
                if self.read(&key).await? != offer.note.as_bytes() {
                    return Ok(Left::Refused("forked"));
                }
            }
            Err(error) => return Err(self.unreachable(error)),
        }
        self.check_lock(&key, now).await?;
        Ok(Left::Kept(None))
    }

    /// Whether a larger tree of this log is kept: keys of one log are in the order of their sizes.
    async fn keeps_larger(&self, origin: &str, key: &str) -> Result<bool, WitnessError> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket.name)
            .prefix(self.folder(origin))
            .start_after(key)
            .max_keys(1)
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        Ok(!listed.contents().is_empty())
    }

    /// A bucket that takes the request for a lock and does not keep it is no witness.
    // SECURITY: without the lock, whoever writes here could also remove what was kept.
    async fn check_lock(&self, key: &str, now: i64) -> Result<(), WitnessError> {
        let kept = self
            .client
            .head_object()
            .bucket(&self.bucket.name)
            .key(key)
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let locked = kept.object_lock_mode() == Some(&ObjectLockMode::Compliance)
            && kept
                .object_lock_retain_until_date()
                .is_some_and(|date| date.secs() > now);
        if locked {
            Ok(())
        } else {
            Err(self.unreachable("the bucket does not lock what is put into it"))
        }
    }

    async fn read(&self, key: &str) -> Result<Vec<u8>, WitnessError> {
        let object = self
            .client
            .get_object()
            .bucket(&self.bucket.name)
            .key(key)
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let mut body = object.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| self.unreachable(error))? {
            if bytes.len().saturating_add(chunk.len()) > CHECKPOINT_MAX_BYTES {
                return Err(self.unreachable("what is kept there is no checkpoint"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn folder(&self, origin: &str) -> String {
        // An origin is of `[a-z0-9./_-]`; the folder is named as in a directory of the file witness.
        let folder = origin.replace('/', "+");
        match self.bucket.prefix.trim_matches('/') {
            "" => format!("{folder}/"),
            prefix => format!("{prefix}/{folder}/"),
        }
    }

    fn key(&self, origin: &str, size: u64) -> String {
        format!("{}{size:020}.checkpoint", self.folder(origin))
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> WitnessError {
        WitnessError {
            name: self.name.clone(),
            source: source.into(),
        }
    }
}

/// Whether an object of this key is there already, or is being made at this moment.
fn is_taken<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict"))
}
