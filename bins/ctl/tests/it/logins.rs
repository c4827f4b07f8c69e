//! The password of a database login turns while its pool is at work. The roles' passwords are the cluster's, hence its own.

use crate::keys::{request, tenant};
use crate::site::{Site, block_on, own_site};
use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_secrets::{CachingOptions, CachingStore, SealedFiles, SecretRef, SecretStore as _};
use bearingwall_tenancy::{EnterKey, Login, LoginFailure, LoginToken, PoolConfig, TenancyError, TenantPool, TenantTx};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A password in the store, as a server has it; or one that is never read again.
struct InStore {
    secrets: CachingStore,
    reference: SecretRef,
    shown: Mutex<Option<String>>,
    learns: bool,
}

impl LoginToken for InStore {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move {
            let secret = self.secrets.fetch(&self.reference).await?;
            *self.shown.lock().unwrap() = Some(secret.version().to_owned());
            Ok(Sensitive::new(secret.utf8()?.to_owned()))
        })
    }

    fn refused(&self) -> bool {
        let shown = self.shown.lock().unwrap().clone().unwrap();
        if self.learns {
            let _ = self.secrets.rejected(&self.reference, &shown);
        }
        self.learns
    }
}

async fn pool(site: &Site, database: &str, connections: usize, lifetime: Option<Duration>, learns: bool) -> TenantPool {
    let store = site.store();
    let login = InStore {
        secrets: CachingStore::new(Arc::new(SealedFiles), CachingOptions::default()),
        reference: store.reference("app").unwrap(),
        shown: Mutex::new(None),
        learns,
    };
    let address = site.url("bearingwall_app", database).parse().unwrap();
    let config = PoolConfig {
        login: Some(Login::new(Arc::new(login))),
        max_connections: connections,
        max_lifetime: lifetime,
        ..PoolConfig::new(address, None, vec!["us-east".to_owned()])
    };
    let key = Sensitive::new(store.fetch("enter-key-1").unwrap().bytes().to_vec());
    TenantPool::connect(config, EnterKey::new(1, &key).unwrap())
        .await
        .unwrap()
}

async fn asks(pool: &TenantPool, customer: CustomerId) -> Result<usize, TenancyError> {
    use diesel_async::RunQueryDsl as _;
    pool.run(&request(customer), async |tx: &mut TenantTx<'_>| {
        diesel::sql_query("SELECT count(*) FROM crm.clients")
            .execute(tx)
            .await
            .map_err(TenancyError::Statement)
    })
    .await
}

#[test]
fn sec_4_a_database_password_turns_while_requests_run_and_none_fails() {
    let site = own_site();
    let database = site.migrated();
    site.admin(&["regions", "us-east"], &database).ok();
    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    let juniper = tenant(&site, &database, "juniper");
    block_on(async {
        // Connections that end after a moment, so that new ones are opened all the time.
        let pool = pool(&site, &database, 4, Some(Duration::from_millis(50)), true).await;
        let superuser = crate::site::connect(&site.superuser(&database)).await;
        let ending = Arc::new(AtomicBool::new(false));
        let requests: Vec<_> = (0..4)
            .map(|_| {
                let (pool, ending) = (pool.clone(), ending.clone());
                tokio::spawn(async move {
                    let mut answered = 0_u32;
                    while !ending.load(Ordering::Relaxed) {
                        asks(&pool, juniper).await.unwrap();
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        for round in 0..3 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let password = format!("{round}{round}-turned-password");
            // The vault first: whoever is refused after the second step reads it again and is let in.
            site.store().put("app", password.as_bytes()).unwrap();
            let alter = format!("ALTER ROLE bearingwall_app PASSWORD '{password}'");
            superuser.batch_execute(&alter).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        ending.store(true, Ordering::Relaxed);
        for request in requests {
            assert!(request.await.unwrap() > 0);
        }
    });
}

#[test]
fn sec_4_open_connections_outlive_the_password_and_new_ones_with_the_old_one_are_refused() {
    let site = own_site();
    let database = site.migrated();
    site.admin(&["regions", "us-east"], &database).ok();
    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    let juniper = tenant(&site, &database, "juniper");
    block_on(async {
        let old = pool(&site, &database, 2, None, false).await;
        let ending = pool(&site, &database, 2, Some(Duration::ZERO), false).await;
        let learning = pool(&site, &database, 2, Some(Duration::ZERO), true).await;
        for pool in [&old, &ending, &learning] {
            asks(pool, juniper).await.unwrap();
        }
        site.store().put("app", b"another-password").unwrap();
        let superuser = crate::site::connect(&site.superuser(&database)).await;
        superuser
            .batch_execute("ALTER ROLE bearingwall_app PASSWORD 'another-password'")
            .await
            .unwrap();
        // Open and good for ever; open and at its end, with what was known; and with what the store has now.
        asks(&old, juniper).await.unwrap();
        let refused = asks(&ending, juniper).await;
        assert!(matches!(refused, Err(TenancyError::Dial(_))), "{refused:?}");
        asks(&learning, juniper).await.unwrap();
    });
}
