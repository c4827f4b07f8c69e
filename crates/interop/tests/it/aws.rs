//! Secrets in Secrets Manager and keys in KMS: moto answers as AWS does.

use crate::moto::Moto;
use crate::vaults::{AsyncRotate, keeps_keys, keeps_secrets};
use aws_credential_types::Credentials;
use bearingwall_core::CustomerId;
use bearingwall_secrets::{KeyError, KeyStoreAdapter as _, SecretError, SecretRef, SecretStore as _, WrappedKey};
use bearingwall_secrets_aws::{Aws, Identity, KmsKeys, SecretsManager, WebIdentity};
use uuid::Uuid;

const REGION: &str = "eu-central-1";

fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

/// The workload: a role, and a file with the token of the platform.
struct Workload {
    moto: Moto,
    folder: tempfile::TempDir,
}

impl Workload {
    async fn start() -> Option<Self> {
        let moto = Moto::start().await?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "header.claims.signature\n").unwrap();
        Some(Self { moto, folder })
    }

    fn aws(&self) -> Aws {
        Aws::new(Identity::Web(WebIdentity {
            role_arn: "arn:aws:iam::123456789012:role/bearingwall".to_owned(),
            token_file: self.folder.path().join("token"),
            session_name: "server".to_owned(),
        }))
        .at(self.moto.url.parse().unwrap())
    }

    /// Somebody with rights of their own, from outside.
    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::config::Builder::new()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::new(REGION))
            .endpoint_url(&self.moto.url)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        aws_sdk_secretsmanager::Client::from_conf(config)
    }

    fn kms(&self) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::config::Builder::new()
            .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
            .region(aws_sdk_kms::config::Region::new(REGION))
            .endpoint_url(&self.moto.url)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        aws_sdk_kms::Client::from_conf(config)
    }
}

struct InManager(aws_sdk_secretsmanager::Client);

impl AsyncRotate for InManager {
    fn rotate<'a>(&'a mut self, value: &'a str) -> futures_util::future::LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let put = self.0.put_secret_value().secret_id("prod/db.app").secret_string(value);
            put.send().await.unwrap();
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_a_role_of_the_workload_reads_secrets_and_follows_their_rotation() {
    let Some(workload) = Workload::start().await else {
        return;
    };
    let outside = workload.secrets();
    let make = outside.create_secret().name("prod/db.app").secret_string("first");
    make.send().await.unwrap();
    let store = SecretsManager::new(workload.aws());
    let name: SecretRef = format!("aws-sm://{REGION}/prod/db.app").parse().unwrap();
    keeps_secrets(&store, &name, &mut InManager(outside.clone())).await;
    // The stage that the service's own rotation leaves behind.
    let previous = store.fetch_version(&name, "AWSPREVIOUS").await.unwrap();
    assert_eq!(previous.utf8().unwrap(), "first");
    // A secret that waits for its deletion is not served.
    outside.delete_secret().secret_id("prod/db.app").send().await.unwrap();
    let gone = store.fetch(&name).await;
    assert!(
        matches!(gone, Err(SecretError::Disabled { .. } | SecretError::Missing { .. })),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_without_a_token_of_the_platform_there_is_no_identity() {
    let Some(mut workload) = Workload::start().await else {
        return;
    };
    std::fs::remove_file(workload.folder.path().join("token")).unwrap();
    let store = SecretsManager::new(workload.aws());
    let name: SecretRef = format!("aws-sm://{REGION}/prod/db.app").parse().unwrap();
    let refused = store.fetch(&name).await.unwrap_err();
    assert!(matches!(refused, SecretError::NoIdentity(_)), "{refused:?}");
    std::fs::write(workload.folder.path().join("token"), "header.claims.signature").unwrap();
    let missing = store.fetch(&name).await.unwrap_err();
    assert!(matches!(missing, SecretError::Missing { .. }), "{missing:?}");
    workload.moto.stop();
    let away = store.fetch(&name).await.unwrap_err();
    assert!(away.is_outage(), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_2_tenant_keys_are_wrapped_by_kms_with_the_tenant_in_the_context() {
    let Some(workload) = Workload::start().await else {
        return;
    };
    let kms = workload.kms();
    let mut arns = Vec::new();
    for _ in 0..2 {
        let made = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        arns.push(made.arn.unwrap());
    }
    let alias = |arn: &str| kms.update_alias().alias_name("alias/bearingwall").target_key_id(arn);
    let make = kms
        .create_alias()
        .alias_name("alias/bearingwall")
        .target_key_id(&arns[0]);
    make.send().await.unwrap();
    let adapter = KmsKeys::new(workload.aws());
    let reference: SecretRef = format!("aws-kms://{REGION}/alias/bearingwall").parse().unwrap();
    let store = adapter.open(&reference).unwrap();
    let (key, wrapped) = keeps_keys(store.as_ref()).await;
    assert_eq!(wrapped.kek_version, arns[0]);

    // KMS renews what is behind the key by itself: the old wrapping opens, and the name is the same.
    kms.rotate_key_on_demand().key_id(&arns[0]).send().await.unwrap();
    assert_eq!(store.unwrap(customer(1), &wrapped).await.unwrap().bytes(), key.bytes());

    // Another key behind the alias: what the old one wrapped opens still, under the old one's name.
    alias(&arns[1]).send().await.unwrap();
    assert_eq!(store.current_version().await.unwrap(), arns[1]);
    assert_eq!(store.unwrap(customer(1), &wrapped).await.unwrap().bytes(), key.bytes());
    let again = store.wrap(customer(1), &key).await.unwrap();
    assert_eq!(again.kek_version, arns[1]);

    // A row that names a key of another account's is not even asked about.
    let foreign = WrappedKey {
        kek_version: arns[0].replace("123456789012", "999999999999"),
        bytes: wrapped.bytes.clone(),
    };
    let refused = store.unwrap(customer(1), &foreign).await;
    assert!(matches!(refused, Err(KeyError::UnknownVersion { .. })), "{refused:?}");

    // A disabled key is told. (moto would encrypt under it, which KMS refuses; and it knows it by its id only.)
    let (_, id) = arns[1].rsplit_once('/').unwrap();
    kms.disable_key().key_id(id).send().await.unwrap();
    let refused = store.current_version().await;
    assert!(
        matches!(refused, Err(KeyError::Store(SecretError::Disabled { .. }))),
        "{refused:?}"
    );

    // The full name of a key, as another account's would be written.
    let (_, id) = arns[0].rsplit_once("key/").unwrap();
    let full: SecretRef = format!("aws-kms://{REGION}/123456789012/key/{id}").parse().unwrap();
    let store = adapter.open(&full).unwrap();
    assert_eq!(store.current_version().await.unwrap(), arns[0]);
}
