//! Secrets and keys in Azure Key Vault, as a workload and as a managed identity.

use crate::keyvault::{KeyVault, VAULT};
use crate::vaults::{AsyncRotate, keeps_keys, keeps_secrets, survives_rotation};
use bearingwall_core::CustomerId;
use bearingwall_secrets::{DataKey, KeyError, KeyStoreAdapter as _, SecretError, SecretRef, SecretStore as _};
use bearingwall_secrets_azure::{Azure, AzureOptions, VaultKeys, VaultSecrets};
use serde_json::json;
use uuid::Uuid;

fn secret() -> SecretRef {
    format!("azure-kv://{VAULT}/db-app").parse().unwrap()
}

struct InVault<'a>(&'a KeyVault);

impl AsyncRotate for InVault<'_> {
    fn rotate<'a>(&'a mut self, value: &'a str) -> futures_util::future::LocalBoxFuture<'a, ()> {
        Box::pin(async move { drop(self.0.put("db-app", value).await) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_a_workload_identity_reads_what_is_in_the_vault() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    let azure = Azure::new(vault.workload(json!({})).await, vault.options()).unwrap();
    let store = VaultSecrets::new(azure);
    keeps_secrets(&store, &secret(), &mut InVault(&vault)).await;
    // One token and one challenge served all of it.
    assert_eq!((vault.counted("sts").await, vault.counted("challenge").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_a_managed_identity_reads_what_is_in_the_vault() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    let store = VaultSecrets::new(Azure::new(vault.managed(), vault.options()).unwrap());
    keeps_secrets(&store, &secret(), &mut InVault(&vault)).await;
    assert_eq!((vault.counted("metadata").await, vault.counted("sts").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_nobody_is_let_in_whom_the_cluster_does_not_vouch_for() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    for changes in [
        json!({"foreign": true}),
        json!({"aud": "api://somebody-else"}),
        json!({"sub": "system:serviceaccount:default:default"}),
        json!({"iss": "https://oidc.other.example"}),
        json!({"exp": 1}),
    ] {
        let azure = Azure::new(vault.workload(changes.clone()).await, vault.options()).unwrap();
        let refused = VaultSecrets::new(azure).fetch(&secret()).await;
        assert!(
            matches!(refused, Err(SecretError::NoIdentity(_))),
            "{changes}: {refused:?}"
        );
    }
    let azure = Azure::new(vault.workload(json!({})).await, vault.options()).unwrap();
    assert!(VaultSecrets::new(azure).fetch(&secret()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_the_projected_token_is_read_anew_for_each_exchange() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    let azure = Azure::new(vault.workload(json!({"foreign": true})).await, vault.options()).unwrap();
    let store = VaultSecrets::new(azure);
    assert!(store.fetch(&secret()).await.is_err());
    vault.project(json!({})).await;
    assert!(store.fetch(&secret()).await.is_ok());
    // The vault takes none of the old tokens: a new one is fetched, and nobody notices.
    vault.steer("revoke", json!({})).await;
    assert!(store.fetch(&secret()).await.is_ok());
    assert_eq!(vault.counted("sts").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_a_token_is_replaced_before_it_ends() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    vault.mode(json!({"lifetime": 2})).await;
    let store = VaultSecrets::new(Azure::new(vault.workload(json!({})).await, vault.options()).unwrap());
    assert!(store.fetch(&secret()).await.is_ok());
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert!(store.fetch(&secret()).await.is_ok());
    assert_eq!((vault.counted("sts").await, vault.counted("challenge").await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_a_challenge_of_somebody_elses_is_not_answered() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    for mode in [
        json!({"resource": "https://management.example.com"}),
        json!({"resource": null, "authority": "https://login.evil.example/11111111-2222-3333-4444-555555555555"}),
    ] {
        vault.mode(mode).await;
        let store = VaultSecrets::new(Azure::new(vault.workload(json!({})).await, vault.options()).unwrap());
        let refused = store.fetch(&secret()).await;
        assert!(
            matches!(refused, Err(SecretError::ForeignChallenge { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(vault.counted("sts").await, 0, "no assertion left the process");
    // A certificate that the configured root has not signed is nobody's.
    let untrusted = AzureOptions {
        roots_pem: None,
        ..vault.options()
    };
    let store = VaultSecrets::new(Azure::new(vault.workload(json!({})).await, untrusted).unwrap());
    let refused = store.fetch(&secret()).await;
    assert!(matches!(refused, Err(SecretError::Unreachable(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_3_an_outage_is_told_from_a_refusal_and_from_a_disabled_secret() {
    let Some(vault) = KeyVault::start().await else { return };
    vault.put("db-app", "first").await;
    let store = VaultSecrets::new(Azure::new(vault.workload(json!({})).await, vault.options()).unwrap());
    store.fetch(&secret()).await.unwrap();
    vault.mode(json!({"away": true})).await;
    let away = store.fetch(&secret()).await.unwrap_err();
    assert!(away.is_outage(), "{away:?}");
    vault.mode(json!({"away": false, "forbidden": true})).await;
    let refused = store.fetch(&secret()).await.unwrap_err();
    assert!(
        matches!(refused, SecretError::Refused(_)) && !refused.is_outage(),
        "{refused:?}"
    );
    vault.mode(json!({"forbidden": false})).await;
    vault
        .steer(
            "secret",
            json!({"vault": VAULT, "name": "db-app", "value": "off", "enabled": false}),
        )
        .await;
    let disabled = store.fetch(&secret()).await.unwrap_err();
    assert!(matches!(disabled, SecretError::Disabled { .. }), "{disabled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_2_tenant_keys_are_wrapped_by_the_vault_and_bound_to_their_tenant() {
    let Some(vault) = KeyVault::start().await else { return };
    let first = vault.rotate_key("kek").await;
    let azure = Azure::new(vault.workload(json!({})).await, vault.options()).unwrap();
    let adapter = VaultKeys::new(azure);
    let store = adapter
        .open(&format!("azure-kv://{VAULT}/kek").parse().unwrap())
        .unwrap();
    let (key, wrapped) = keeps_keys(store.as_ref()).await;
    assert_eq!(wrapped.kek_version, first);
    vault.rotate_key("kek").await;
    survives_rotation(store.as_ref(), &key, &wrapped).await;
    // A version that the vault has destroyed opens nothing any more.
    vault.steer("destroy", json!({"vault": VAULT, "name": "kek"})).await;
    let customer = CustomerId::from_uuid(Uuid::from_u128(1));
    let gone = store.unwrap(customer, &wrapped).await;
    assert!(matches!(gone, Err(KeyError::UnknownVersion { .. })), "{gone:?}");
    vault.mode(json!({"away": true})).await;
    let away = store.wrap(customer, &DataKey::generate().unwrap()).await;
    assert!(
        matches!(away, Err(KeyError::Store(ref source)) if source.is_outage()),
        "{away:?}"
    );
}
