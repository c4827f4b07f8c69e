//! An operator looks after tenants' keys.

use crate::site::{Site, block_on, own_site};
use bearingwall_audit::AuditLog;
use bearingwall_core::{Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId};
use bearingwall_domain::{ClientInput, Crm};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub(crate) fn request(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(7)),
        customer,
        roles: RoleSet::EMPTY.with(Role::Authenticated).with(Role::CustomerAdmin),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: OffsetDateTime::now_utc() + Duration::minutes(10),
        route: Some("TEST"),
    })
}

/// What a server makes of the installation.
async fn crm(site: &Site, database: &str) -> Crm {
    let store = site.store();
    let secret = |name: &str| store.fetch(name).unwrap();
    let password = Sensitive::new(secret("app").utf8().unwrap().to_owned());
    let address = site.url("bearingwall_app", database).parse().unwrap();
    let config = PoolConfig::new(address, Some(password), vec!["us-east".to_owned()]);
    let key = EnterKey::new(1, &Sensitive::new(secret("enter-key-1").bytes().to_vec())).unwrap();
    let pool = TenantPool::connect(config, key).await.unwrap();
    let keys = FileKeyStore::open(store.clone(), "kek").unwrap();
    Crm::new(AuditLog::new(pool), Arc::new(keys))
}

pub(crate) fn tenant(site: &Site, database: &str, slug: &str) -> CustomerId {
    let words = [
        "tenant", "create", "--slug", slug, "--name", slug, "--region", "us-east",
    ];
    let id: Uuid = site.admin(&words, database).ok().trim().parse().unwrap();
    CustomerId::from_uuid(id)
}

#[test]
fn sec_5_an_operator_sees_turns_and_verifies_keys_and_destroys_nothing_that_is_in_use() {
    // The store's key turns, under which the other tests' tenants would be.
    let site = own_site();
    let database = site.migrated();
    site.admin(&["regions", "us-east"], &database).ok();
    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    let secrets = site.store_option();
    site.ctl(&["keys", "create-kek", "--secrets", &secrets]).ok();
    let (juniper, empty) = (tenant(&site, &database, "juniper"), tenant(&site, &database, "empty"));
    let name = juniper.to_string();
    let clients = block_on(async {
        let crm = crm(&site, &database).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            let phi = |text: &str| Phi::new(text.to_owned());
            let input = ClientInput::new(phi("Ada"), phi("Lovelace"), phi("1815-12-10"));
            clients.push(crm.client_create(&request(juniper), &input).await.unwrap().id);
        }
        clients
    });
    let keys = |words: &[&str]| site.admin(&[&["keys"], words].concat(), &database);
    let status = keys(&["status"]).ok();
    assert!(status.contains(&format!("{empty}  empty  no key yet")), "{status}");
    assert!(
        status.contains("version 1  made ") && status.contains("clients' keys 3"),
        "{status}"
    );

    // A new version waits until every server has heard of it.
    let out = keys(&["rotate", "--tenant", &name]).ok();
    assert_eq!(out, format!("{name}: version 2 made\n"));
    let status = keys(&["status", "--tenant", &name]).ok();
    assert!(
        status.contains("version 2") && status.contains("not used yet"),
        "{status}"
    );
    assert!(!status.contains(&empty.to_string()));
    let later = "ALTER TABLE crm.tenant_keys DISABLE TRIGGER USER;
                 UPDATE crm.tenant_keys SET active_from = now() - interval '1 hour' WHERE version = 2;
                 ALTER TABLE crm.tenant_keys ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER record_row";
    site.execute(&database, later);
    let out = keys(&["rotate", "--tenant", &name, "--activate-after-s", "0", "--wait"]).ok();
    assert!(
        out.contains("version 3 made") && out.contains("3 clients' keys put under the newest version, 0 left"),
        "{out}"
    );
    assert!(out.contains("version 1 destroyed, nothing is under it"), "{out}");
    let status = keys(&["status", "--tenant", &name]).ok();
    assert_eq!(status.lines().count(), 1, "{status}");
    let verified = keys(&["verify", "--tenant", &name]).ok();
    assert_eq!(
        verified,
        format!("{name}: 5 keys open, 0 do not, 0 clients' keys under an old version\n")
    );

    // The key-encryption key: its old version stays while anything is under it.
    site.ctl(&["keys", "rotate-kek", "--secrets", &secrets]).ok();
    let refused = keys(&["destroy-old-kek"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("let these keys turn first"), "{refused:?}");
    keys(&["rotate", "--tenant", &name, "--activate-after-s", "0", "--wait"]).ok();
    // The key of what is to leave is under the old version, too, and would be lost.
    let payloads = format!(
        "INSERT INTO tenancy.effect_keys (customer_id, version, kek_version, wrapped, created_at) VALUES ('{juniper}', 1, '1', '\\x01', now())"
    );
    site.execute(&database, &payloads);
    let refused = keys(&["destroy-old-kek"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("the key of payloads is under 1"), "{refused:?}");
    site.execute(&database, "DELETE FROM tenancy.effect_keys");
    assert!(keys(&["destroy-old-kek"]).ok().contains("1 old versions erased"));
    keys(&["verify"]).ok();

    // A key of the tenant's own; this machine opens it, since it is a sealed file.
    let theirs = FileStore::create(site.secrets().with_file_name("theirs")).unwrap();
    let kek = FileKeyStore::open_or_create(theirs.clone(), "kek").unwrap();
    let reference = theirs.reference("kek").unwrap().to_string();
    keys(&["own", "--tenant", &name, "--kek", &reference]).ok();
    keys(&["rotate", "--tenant", &name, "--activate-after-s", "0", "--wait"]).ok();
    assert!(keys(&["status", "--tenant", &name]).ok().contains(&reference));
    // With that key gone, what it wrapped does not open, and the tool says so.
    kek.rotate().unwrap();
    kek.destroy_old().unwrap();
    let refused = keys(&["verify", "--tenant", &name]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let gone = block_on(async {
        crm(&site, &database)
            .await
            .client_read(&request(juniper), clients[0])
            .await
    });
    assert!(gone.is_err());
    let recorded = "SELECT string_agg(DISTINCT event_type, ',' ORDER BY event_type) FROM audit.events WHERE event_type LIKE 'key.%'";
    assert_eq!(
        site.ask(&database, recorded),
        "key.destroyed,key.installed,key.rewrapped,key.rotated,key.store_changed"
    );
}
