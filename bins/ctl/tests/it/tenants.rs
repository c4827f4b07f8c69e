//! Two tenants with rows in every table, and the issuer of the platform's staff.

use crate::site::{Done, Site, block_on, connect, site};
use bearingwall_authn::Algorithm;
use bearingwall_core::Role;
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const LEAVING: &str = "0190d6f0-0000-7000-8000-00000000000a";
pub(crate) const STAYING: &str = "0190d6f0-0000-7000-8000-00000000000b";

/// More than one page of an export and one batch of an erasure.
pub(crate) const CLIENTS: u32 = 1_203;

const ROWS: &str = "
    INSERT INTO crm.tenant_keys (customer_id, version, kek_version, wrapped) VALUES ('{tenant}', 1, '1', '\\x00ff');
    INSERT INTO crm.clients (customer_id, id, external_digest) SELECT '{tenant}', ('0190d6f0-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
        sha256(n::text::bytea) FROM generate_series(1, {clients}) n;
    INSERT INTO crm.client_keys (customer_id, client_id, tenant_version, wrapped) SELECT customer_id, id, 1, '\\x01' FROM crm.clients WHERE customer_id = '{tenant}';
    INSERT INTO crm.client_records (customer_id, client_id, payload) SELECT customer_id, id, decode(repeat('fe', 90), 'hex') FROM crm.clients WHERE customer_id = '{tenant}';
    INSERT INTO crm.client_digests (customer_id, kind, digest, client_id)
        SELECT customer_id, kind, decode(md5(kind::text), 'hex'), id FROM crm.clients, generate_series(1, 2) kind WHERE customer_id = '{tenant}';
    INSERT INTO crm.staff_digests (customer_id, subject_id, kind, digest)
        SELECT '{tenant}', gen_random_uuid(), 3 + n % 3, decode(md5(n::text), 'hex') FROM generate_series(1, 7) n;
    INSERT INTO crm.chart_notes (customer_id, id, client_id) SELECT customer_id, id, id FROM crm.clients WHERE customer_id = '{tenant}' LIMIT 40;
    INSERT INTO crm.chart_note_records (customer_id, note_id, client_id, payload) SELECT customer_id, id, client_id, '\\x02' FROM crm.chart_notes WHERE customer_id = '{tenant}';
    INSERT INTO pii.policies (customer_id, version, content, lists, samples, digest, proposed_by)
        SELECT '{tenant}', 1, '\\x01', '\\x02', '\\x03', sha256(int4send(1) || '\\x01'::bytea || int4send(1) || '\\x02'::bytea || '\\x03'::bytea), gen_random_uuid();
    INSERT INTO pii.policy_tests (customer_id, version, digest, floor, passed, samples, failures, tested_by)
        SELECT customer_id, version, digest, digest, true, 1, 0, proposed_by FROM pii.policies WHERE customer_id = '{tenant}';
    INSERT INTO pii.active_policies (customer_id, revision, version, digest, floor, activated_by)
        SELECT customer_id, 1, version, digest, floor, tested_by FROM pii.policy_tests WHERE customer_id = '{tenant}';
    INSERT INTO pii.conversations (customer_id, id, wrapped, issued, begun_by, expires_at)
        SELECT '{tenant}', gen_random_uuid(), '\\x01', 1, gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, 3);
    INSERT INTO pii.vault (customer_id, id, conversation_id, position, spelling, payload, expires_at)
        SELECT customer_id, gen_random_uuid(), id, 1, sha256('\\x01'), '\\x02', expires_at FROM pii.conversations WHERE customer_id = '{tenant}';
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome)
        SELECT '{tenant}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success' FROM generate_series(1, 700);
    INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at) SELECT gen_random_uuid(), '{tenant}', gen_random_uuid(), 'mail.send', now() FROM generate_series(1, 3);
    INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, expires_at)
        SELECT gen_random_uuid(), '{tenant}', gen_random_uuid(), 'a charge was booked twice', 'OPS-17', now() + interval '5 minutes';
    INSERT INTO tenancy.people (customer_id, subject_id, roles, roles_since, first_seen_at, last_seen_at)
        SELECT '{tenant}', gen_random_uuid(), '{authenticated}', now(), now(), now()";

/// An installation in which one tenant is about to leave.
pub(crate) struct Tenants {
    pub(crate) site: Arc<Site>,
    pub(crate) database: String,
    issuer: DevIssuer,
    scratch: tempfile::TempDir,
}

impl Tenants {
    pub(crate) fn create() -> Self {
        Self::create_on(site())
    }

    pub(crate) fn create_on(site: Arc<Site>) -> Self {
        let database = site.migrated();
        site.admin(&["regions", "us-east"], &database).ok();
        for (id, slug) in [(LEAVING, "saltmarsh"), (STAYING, "juniper")] {
            let words = [
                "tenant", "create", "--slug", slug, "--name", "A Spa", "--region", "us-east", "--id", id,
            ];
            site.admin(&words, &database).ok();
            let rows = ROWS.replace("{tenant}", id).replace("{clients}", &CLIENTS.to_string());
            site.execute(&database, &rows);
        }
        let options = IssuerOptions {
            audience: "bearingwall".to_owned(),
            port: None,
            lifetime_s: 300,
        };
        let issuer = block_on(DevIssuer::start(options)).unwrap();
        let (kid, modulus) = issuer.rsa_key().unwrap();
        let config = site.superuser(&database);
        block_on(async {
            let client = connect(&config).await;
            let set = "SELECT tenancy.set_issuer($1, 'bearingwall', NULL, '{realm_access,roles}', 30, 900, false)";
            client.execute(set, &[&issuer.issuer()]).await.unwrap();
            let install = "SELECT tenancy.install_issuer_key($1, $2, $3)";
            client
                .execute(install, &[&issuer.issuer(), &kid, &modulus])
                .await
                .unwrap();
        });
        let scratch = tempfile::tempdir().unwrap();
        Self {
            site,
            database,
            issuer,
            scratch,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The access token of a member of the platform's staff.
    pub(crate) fn token(&self, person: &str) -> String {
        let request = TokenRequest {
            subject: person.to_owned(),
            customer: None,
            roles: vec![Role::InternalAdmin],
            alg: Algorithm::Rs256,
            expires_in_s: None,
        };
        self.issuer.token(&request).unwrap()
    }

    pub(crate) fn tenant(&self, words: &[&str]) -> Done {
        let words: Vec<&str> = ["tenant"].iter().chain(words).copied().collect();
        self.site.admin(&words, &self.database)
    }

    pub(crate) fn export(&self, name: &str) -> PathBuf {
        let out = self.path(name);
        self.tenant(&["export", "--id", LEAVING, "--out", out.to_str().unwrap()])
            .ok();
        out
    }

    pub(crate) fn request(&self, folder: &Path, person: &str) -> Done {
        let manifest = folder.join("manifest.json");
        let words = [
            "tenant",
            "offboard",
            "request",
            "--id",
            LEAVING,
            "--manifest",
            manifest.to_str().unwrap(),
            "--token-stdin",
        ];
        self.site.admin_told(&words, &self.database, &self.token(person))
    }

    pub(crate) fn approve(&self, id: &str, folder: &Path, person: &str) -> Done {
        let manifest = folder.join("manifest.json");
        let words = [
            "tenant",
            "offboard",
            "approve",
            "--offboarding",
            id,
            "--manifest",
            manifest.to_str().unwrap(),
            "--token-stdin",
        ];
        self.site.admin_told(&words, &self.database, &self.token(person))
    }

    pub(crate) fn execute(&self, id: &str, folder: &Path, more: &[&str]) -> Done {
        let manifest = folder.join("manifest.json");
        let words = [
            "offboard",
            "execute",
            "--offboarding",
            id,
            "--manifest",
            manifest.to_str().unwrap(),
        ];
        self.tenant(&words.iter().chain(more).copied().collect::<Vec<_>>())
    }

    /// Suspended, exported, asked for and approved: the folder and the offboarding's id.
    pub(crate) fn approved(&self) -> (PathBuf, String) {
        self.tenant(&["suspend", "--id", LEAVING]).ok();
        let folder = self.export("export");
        let id = self.request(&folder, "ines").ok().trim().to_owned();
        self.approve(&id, &folder, "omar").ok();
        (folder, id)
    }

    /// How many rows of a tenant every table with a tenant column has, as the superuser sees it.
    pub(crate) fn counts(&self, tenant: &str) -> BTreeMap<String, u64> {
        let config = self.site.superuser(&self.database);
        block_on(async {
            let client = connect(&config).await;
            let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
                WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition";
            let mut counts = BTreeMap::new();
            for row in client.query(tables, &[]).await.unwrap() {
                let table: String = row.get(0);
                let sql = format!("SELECT count(*) FROM {table} WHERE customer_id = '{tenant}'");
                let count: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);
                counts.insert(table, u64::try_from(count).unwrap());
            }
            counts
        })
    }
}
