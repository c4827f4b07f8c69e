//! A compact set of attacks on one database, each with the outcome that it has while nothing is weakened.

use super::arena::{
    A, B, CLIENT, ELSEWHERE, Entry, LEASE, PLATFORM, REQUEST, SESSION, SUSPENDED, UNAPPROVED, furnish,
    of_a_tenants_issuer, tokens,
};
use super::{gates, identity, roles};
use bearingwall_testkit::database::TestDatabase;
use std::collections::BTreeSet;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

const CLIENTS: &str = "SELECT count(*), min(customer_id::text), max(customer_id::text) FROM crm.clients";
const SERVER: &str = "bearingwall_app";
const WORKER: &str = "bearingwall_worker";
const ADMIN: &str = "bearingwall_admin";
const SUPERUSER: &str = "postgres";

/// Statements of one role, and what came of them on the sound database.
struct Attack {
    role: &'static str,
    sql: String,
    outcome: String,
    /// The functions of ours that took part, as far as they got.
    calls: BTreeSet<String>,
}

/// A furnished database and every attack on it.
pub(super) struct Attacks {
    _database: TestDatabase,
    pub(super) superuser: Client,
    attacks: Vec<Attack>,
}

impl Attacks {
    pub(super) async fn prepare(database: TestDatabase) -> Self {
        let superuser = database.superuser_client().await;
        let signer = furnish(&superuser).await;
        roles::furnish(&superuser).await;
        gates::furnish(&superuser).await;
        let mut list: Vec<(&'static str, String)> = entries(&superuser).await;
        list.extend(contexts(&superuser).await);
        for (name, token) in tokens(&signer) {
            let is_valid = ["good", "of staff", "of nobody's tenant"].contains(&name.as_str());
            let tenants = [A, B, PLATFORM, SUSPENDED, ELSEWHERE].map(|customer| format!("'{customer}'"));
            let tenants = tenants.into_iter().chain(["NULL".to_owned()]);
            for customer in tenants.take(if is_valid { 6 } else { 1 }) {
                let login = format!(
                    "SELECT t.subject, t.expiry_ms IS NOT NULL, t.mac IS NOT NULL FROM tenancy.login('{token}', {customer}) t"
                );
                list.push((SERVER, login));
            }
            for request in if is_valid {
                &["'00000000-0000-0000-0000-000000000061'", "NULL"][..]
            } else {
                &[]
            } {
                let enter = format!(
                    "SELECT tenancy.enter('{A}', t.subject, {request}, t.expiry_ms, t.nonce, 0::smallint, '{{us-east-1,eu-west-1}}', t.mac)
                       FROM tenancy.login('{token}', '{A}') t; {CLIENTS}"
                );
                list.push((SERVER, enter));
            }
        }
        for customer in [A, B] {
            let tenant_issuer = signer.token(&of_a_tenants_issuer(customer));
            list.push((
                SERVER,
                format!("SELECT t.subject, t.mac IS NOT NULL FROM tenancy.login('{tenant_issuer}', '{customer}') t"),
            ));
        }
        list.extend(identity::attacks(&signer).into_iter().map(|sql| (SERVER, sql)));
        list.extend(records(&superuser).await);
        list.extend(jobs());
        list.extend(locators(&superuser).await);
        list.extend(operators(&superuser).await);
        list.extend(definitions());
        list.extend(roles::attacks(&superuser).await);
        list.extend(gates::attacks(&superuser).await);
        let mut attacks = Self {
            _database: database,
            superuser,
            attacks: Vec::new(),
        };
        for (role, sql) in list {
            let begin = "BEGIN; SET LOCAL track_functions = 'all'";
            attacks.superuser.batch_execute(begin).await.unwrap();
            let outcome = attacks.outcome(role, &sql).await;
            let calls = attacks.called().await;
            attacks.attacks.push(Attack {
                role,
                sql,
                outcome,
                calls,
            });
        }
        attacks
    }

    pub(super) fn count(&self) -> usize {
        self.attacks.len()
    }

    /// The outcomes on the sound database: an attack that succeeds there shows nothing.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = &str> {
        self.attacks.iter().map(|attack| attack.outcome.as_str())
    }

    /// Whether any attack goes through this function.
    pub(super) fn calls(&self, function: &str) -> bool {
        self.attacks.iter().any(|attack| attack.calls.contains(function))
    }

    /// The first attack through this function whose outcome is another one, in the open transaction of the superuser.
    pub(super) async fn first_red(&self, function: &str) -> Option<String> {
        for attack in self.attacks.iter().filter(|attack| attack.calls.contains(function)) {
            let outcome = self.outcome(attack.role, &attack.sql).await;
            if outcome != attack.outcome {
                return Some(format!("{}: {} instead of {}", attack.sql, outcome, attack.outcome));
            }
        }
        None
    }

    /// Ends the transaction and says which functions took part in it, those included that failed.
    async fn called(&self) -> BTreeSet<String> {
        let asked = "SELECT p.oid::regprocedure::text FROM pg_proc p
            WHERE p.pronamespace::regnamespace::text IN ('tenancy', 'audit', 'platform') AND pg_stat_get_xact_function_calls(p.oid) IS NOT NULL";
        let rows = self.superuser.query(asked, &[]).await.unwrap();
        self.superuser.batch_execute("ROLLBACK").await.unwrap();
        // What was counted is handed over when the backend is idle, and the next transaction starts from nothing.
        self.superuser
            .batch_execute("SELECT pg_stat_force_next_flush()")
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn outcome(&self, role: &str, sql: &str) -> String {
        let open =
            format!("SAVEPOINT attack; SET LOCAL bearingwall.audit_ddl = ''; SET LOCAL SESSION AUTHORIZATION {role};");
        let outcome = match self.superuser.simple_query(&format!("{open} {sql}")).await {
            Ok(messages) => messages.iter().filter_map(row).collect::<Vec<_>>().join(";"),
            Err(error) => {
                let error = error.as_db_error().unwrap();
                format!("{} {}", error.code().code(), error.message())
            }
        };
        self.superuser
            .batch_execute("ROLLBACK TO SAVEPOINT attack; RELEASE SAVEPOINT attack")
            .await
            .unwrap();
        outcome
    }
}

fn row(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else {
        return None;
    };
    let cells = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL"));
    Some(cells.collect::<Vec<_>>().join(","))
}

/// Entries that are right, and entries that are wrong in one respect.
async fn entries(superuser: &Client) -> Vec<(&'static str, String)> {
    let good = Entry::good(A);
    let mut calls = Vec::new();
    for customer in [A, B, SUSPENDED, ELSEWHERE, PLATFORM, Uuid::from_u128(0xff)] {
        let entry = Entry::good(customer);
        calls.push(entry.call(superuser, &entry).await);
    }
    let everywhere = Entry {
        regions: "{us-east-1,eu-west-1,ap-south-1}",
        ..Entry::good(ELSEWHERE)
    };
    let elsewhere = Entry {
        regions: "{eu-west-1}",
        ..good.clone()
    };
    for entry in [
        everywhere,
        elsewhere,
        Entry { kid: 2, ..good.clone() },
        Entry { kid: 3, ..good.clone() },
        Entry {
            pid_off: 1,
            ..good.clone()
        },
        Entry {
            expires_s: -9_000,
            ..good.clone()
        },
        Entry {
            expires_s: 90_000,
            ..good.clone()
        },
    ] {
        calls.push(entry.call(superuser, &entry).await);
    }
    let other = Uuid::from_u128(0x99);
    for said in [
        Entry {
            customer: B,
            ..good.clone()
        },
        Entry {
            subject: other,
            ..good.clone()
        },
        Entry {
            request: other,
            ..good.clone()
        },
        Entry {
            nonce: other,
            ..good.clone()
        },
        Entry { kid: 2, ..good.clone() },
        Entry { kid: 9, ..good.clone() },
        Entry {
            regions: "{us-east-1}",
            ..good.clone()
        },
        Entry {
            expires_s: -100,
            ..good.clone()
        },
    ] {
        calls.push(said.call(superuser, &good).await);
    }
    let call = good.call(superuser, &good).await;
    let (start, mac) = call.rsplit_once("'\\x").unwrap();
    calls.push(format!("{start}'\\x{}')", "00".repeat(32)));
    calls.push(format!("{start}'\\x{}')", &mac[..62]));
    calls.push(format!("{start}NULL)"));
    calls
        .into_iter()
        .map(|call| (SERVER, format!("{call}; {CLIENTS}")))
        .collect()
}

/// Contexts that nobody proved, and what a proven one reaches.
async fn contexts(superuser: &Client) -> Vec<(&'static str, String)> {
    let enter = async |customer| {
        let entry = Entry::good(customer);
        entry.call(superuser, &entry).await
    };
    let (a, b, platform) = (enter(A).await, enter(B).await, enter(PLATFORM).await);
    // A context of an earlier transaction of the same backend.
    superuser.batch_execute(&format!("BEGIN; {a}")).await.unwrap();
    let earlier = superuser
        .query_one(
            "SELECT coalesce(nullif(current_setting('app.tenant_seal', true), ''), repeat('0', 64))",
            &[],
        )
        .await
        .unwrap();
    superuser.batch_execute("COMMIT").await.unwrap();
    let claim = |customer: &str, subject: &str, request: &str, seal: &str| {
        format!(
            "SELECT set_config('app.current_customer_id', '{customer}', true), set_config('app.current_subject_id', '{subject}', true),
                    set_config('app.current_request_id', '{request}', true), set_config('app.tenant_seal', '{seal}', true);"
        )
    };
    let (id, zeros) = (A.to_string(), "0".repeat(64));
    let mut list = vec![
        CLIENTS.to_owned(),
        format!("{} {CLIENTS}", claim(&id, &id, &id, earlier.get(0))),
        format!(
            "{} {CLIENTS}",
            claim(
                &id,
                &super::arena::PERSON.to_string(),
                &REQUEST.to_string(),
                earlier.get(0)
            )
        ),
        format!("{} {CLIENTS}", claim("", &id, &id, &zeros)),
        format!("{a}; {b}; {CLIENTS}"),
        format!("{a}; SELECT tenancy.enter_canary(); {CLIENTS}"),
        format!("SELECT tenancy.enter_canary(); {a}; {CLIENTS}"),
        "SELECT tenancy.enter_canary(); SELECT count(*) FROM tenancy.canaries".to_owned(),
        format!("{a}; SELECT set_config('app.current_customer_id', '{B}', true); {CLIENTS}"),
        format!("{a}; SELECT set_config('app.current_subject_id', '{B}', true); SELECT tenancy.current_ids()"),
        format!("{a}; SELECT set_config('app.current_request_id', '{B}', true); SELECT tenancy.current_ids()"),
        format!("{a}; SELECT set_config('app.tenant_seal', '', true); {b}; {CLIENTS}"),
        format!("{a}; SELECT set_config('backtrace_functions', '', true); {b}; {CLIENTS}"),
        format!("SELECT set_config('backtrace_functions', 'bw1_' || repeat('0', 98), true); {CLIENTS}"),
        format!(
            "{a}; SELECT tenancy.current_ids(), tenancy.current_customer_id(), tenancy.current_subject_id(), tenancy.current_request_id()"
        ),
        format!("{a}; SELECT string_agg(slug, ',' ORDER BY slug) FROM tenancy.registry()"),
        format!("{b}; SELECT string_agg(slug, ',' ORDER BY slug) FROM tenancy.registry()"),
        format!("{platform}; SELECT string_agg(slug, ',' ORDER BY slug) FROM tenancy.registry()"),
        format!("{a}; INSERT INTO crm.clients (customer_id, id) VALUES ('{B}', gen_random_uuid())"),
        format!("{a}; INSERT INTO crm.clients (id) VALUES (gen_random_uuid()) RETURNING customer_id"),
    ];
    for (customer, subject, request, seal) in [
        (id.as_str(), "x", id.as_str(), zeros.as_str()),
        (id.as_str(), id.as_str(), "x", zeros.as_str()),
        ("x", id.as_str(), id.as_str(), zeros.as_str()),
        (id.as_str(), id.as_str(), id.as_str(), "00"),
        (id.as_str(), id.as_str(), id.as_str(), "zz"),
        (
            "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
            id.as_str(),
            id.as_str(),
            zeros.as_str(),
        ),
        (id.as_str(), id.as_str(), id.as_str(), zeros.as_str()),
    ] {
        list.push(format!("{} {CLIENTS}", claim(customer, subject, request, seal)));
    }
    list.into_iter().map(|sql| (SERVER, sql)).collect()
}

/// Records of persons without a declared access, and the record itself.
async fn records(superuser: &Client) -> Vec<(&'static str, String)> {
    let entry = Entry::good(A);
    let a = entry.call(superuser, &entry).await;
    let event = |extra: &str, value: &str| {
        format!(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands{extra})
             VALUES (gen_random_uuid(), 'client.read', 'intended', 'success', '{CLIENT}', 'crm.client_records', '{{SELECT,UPDATE}}'{value})"
        )
    };
    let mut list: Vec<(&'static str, String)> = [
        "SELECT count(*), min(client_id::text) FROM crm.client_records".to_owned(),
        "UPDATE crm.client_records SET payload = '\\x01' RETURNING client_id".to_owned(),
        "DELETE FROM crm.client_records RETURNING client_id".to_owned(),
        "SELECT count(*) FROM crm.client_digests".to_owned(),
        format!("{}; UPDATE crm.client_records SET payload = '\\x01' RETURNING client_id", event("", "")),
        format!("{}; SELECT count(*) FROM audit.events", event("", "")),
        event(", actor_id", &format!(", '{A}'")),
        "SELECT count(*) FROM audit.events".to_owned(),
        "INSERT INTO audit.events (event_id, event_type, phase, outcome, resource, commands) VALUES (gen_random_uuid(), 'client.read', 'intended',
             'success', 'crm.client_digests', '{SEARCH}'); SELECT count(*) FROM crm.client_digests"
            .to_owned(),
        "SELECT audit.search_declared('crm.client_digests')".to_owned(),
        "SELECT audit.declared_subjects('crm.client_records', 'SELECT')".to_owned(),
    ]
    .into_iter()
    .map(|sql| (SERVER, format!("{a}; {sql}")))
    .collect();
    let read = |kind: &str, outcome: &str, version: &str, more: &str| {
        let place = format!(
            "'file+sealed:///' || repeat('d', {}) || '#app'",
            if more.is_empty() { 200 } else { 3 }
        );
        format!(
            "SELECT audit.record_secret_read(gen_random_uuid(), '{kind}', '{outcome}', 'SEC-013', '{REQUEST}', {place}, {version}){more}"
        )
    };
    let refusal =
        |kind: &str| format!("SELECT audit.record_refusal(gen_random_uuid(), '{kind}', 'x', '{REQUEST}', NULL, NULL)");
    list.extend([
        (SERVER, refusal("client.read")),
        (SERVER, refusal("http.request.denied")),
        (
            SERVER,
            format!("{} FROM generate_series(1, 4) n", refusal("http.request.denied")),
        ),
        (
            SERVER,
            format!("{} FROM generate_series(1, 9) n", refusal("http.request.denied")),
        ),
        (SERVER, "SELECT audit.ready()".to_owned()),
        (SERVER, read("client.read", "success", "'1'", "")),
        (SERVER, read("secret.read", "success", "'1'", "")),
        (SERVER, read("secret.read", "success", "'not a version'", "")),
        (SERVER, read("secret.read", "denied", "NULL", "")),
        (SERVER, read("secret.stale", "success", "'1'", "")),
        (
            SERVER,
            read("secret.read", "success", "'1'", " FROM generate_series(1, 4) n"),
        ),
        (
            SERVER,
            read("secret.read", "success", "'1'", " FROM generate_series(1, 9) n"),
        ),
        (SUPERUSER, "UPDATE audit.events SET outcome = 'denied'".to_owned()),
        (SUPERUSER, "DELETE FROM audit.events WHERE false".to_owned()),
        (SUPERUSER, "TRUNCATE audit.events".to_owned()),
    ]);
    list
}

fn jobs() -> Vec<(&'static str, String)> {
    let job = |n: u128| Uuid::from_u128(0x500 + n);
    let other = Uuid::from_u128(0x999);
    let mut list = Vec::new();
    for n in 0..5 {
        list.push(format!(
            "SELECT tenancy.enter_job('{}', '{LEASE}', '{{us-east-1,eu-west-1}}'); SELECT tenancy.current_ids()",
            job(n)
        ));
        list.push(format!("SELECT tenancy.job_finish('{}', '{LEASE}')", job(n)));
        list.push(format!(
            "SELECT tenancy.job_return('{}', '{LEASE}', '1 minute')",
            job(n)
        ));
    }
    list.extend([
        format!("SELECT tenancy.enter_job('{}', '{other}', '{{us-east-1}}')", job(0)),
        format!("SELECT tenancy.enter_job('{other}', '{LEASE}', '{{us-east-1}}')"),
        format!("SELECT tenancy.enter_job('{}', '{LEASE}', '{{eu-west-1}}')", job(0)),
        format!("SELECT tenancy.enter_job('{}', '{LEASE}', '{{ap-south-1}}')", job(3)),
        format!("SELECT tenancy.job_finish('{}', '{other}')", job(0)),
        format!("SELECT tenancy.job_finish('{other}', '{LEASE}')"),
        format!("SELECT tenancy.job_return('{}', '{other}', '1 minute')", job(0)),
        format!("SELECT tenancy.job_return('{other}', '{LEASE}', '1 minute')"),
        "SELECT job, kind, attempts FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', 60)".to_owned(),
        "SELECT job, kind, attempts FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', 60); SELECT count(*) FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', 60)".to_owned(),
        "SELECT job FROM tenancy.job_lease('{none}', '{us-east-1,eu-west-1}', 60)".to_owned(),
        "SELECT tenancy.keys_enqueue('mail.send', NULL)".to_owned(),
        "SELECT tenancy.keys_enqueue(NULL, NULL)".to_owned(),
        "SELECT tenancy.keys_enqueue('keys.turn', NULL)".to_owned(),
        "SELECT tenancy.keys_enqueue('keys.rotate', NULL), tenancy.keys_enqueue('keys.verify', NULL)".to_owned(),
        format!("SELECT tenancy.keys_enqueue('keys.turn', '{A}'); SELECT tenancy.keys_enqueue('keys.turn', NULL)"),
        format!("SELECT tenancy.keys_enqueue('keys.turn', '{PLATFORM}')"),
        "SELECT tenancy.keys_enqueue('keys.turn', NULL); SELECT kind, attempts FROM tenancy.job_lease('{keys.turn}', '{us-east-1,eu-west-1}', 60)".to_owned(),
        "SELECT job FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', 0)".to_owned(),
        "SELECT job FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', 901)".to_owned(),
        "SELECT job FROM tenancy.job_lease('{free}', '{us-east-1,eu-west-1}', NULL)".to_owned(),
    ]);
    list.into_iter().map(|sql| (WORKER, sql)).collect()
}

/// Keys that lead to tenants, and keys that do not.
async fn locators(superuser: &Client) -> Vec<(&'static str, String)> {
    let entered = async |customer| {
        let entry = Entry::good(customer);
        entry.call(superuser, &entry).await
    };
    let (a, platform) = (entered(A).await, entered(PLATFORM).await);
    let enter = |kind: &str, key: &str, request: &str, regions: &str| {
        format!("SELECT tenancy.enter_located('{kind}', {key}, {request}, '{regions}'); SELECT tenancy.current_ids()")
    };
    let key = |letter: char| format!("convert_to(repeat('{letter}', 32), 'UTF8')");
    let (request, regions) = (format!("'{REQUEST}'"), "{us-east-1,eu-west-1}");
    let mut list: Vec<String> = ['a', 's', 'e', 'x']
        .into_iter()
        .map(|letter| enter("webhook_endpoint", &key(letter), &request, regions))
        .collect();
    list.extend([
        enter("form", &key('a'), &request, regions),
        enter("webhook_endpoint", &key('a'), "NULL", regions),
        enter("webhook_endpoint", "NULL", &request, regions),
        enter("webhook_endpoint", "'short'", &request, regions),
        enter("webhook_endpoint", &format!("sha256({})", key('a')), &request, regions),
        enter("webhook_endpoint", &key('a'), &request, "{ap-south-1}"),
        enter("webhook_endpoint", &key('a'), &request, "{eu-west-1}"),
        enter("webhook_endpoint", &key('e'), &request, "{ap-south-1}"),
        format!("{a}; {}", enter("webhook_endpoint", &key('a'), &request, regions)),
        format!("{a}; SELECT tenancy.locator_add('webhook_endpoint', sha256('new'))"),
        format!(
            "{a}; SELECT tenancy.locator_add('webhook_endpoint', sha256({}))",
            key('s')
        ),
        format!("{platform}; SELECT tenancy.locator_add('webhook_endpoint', sha256('new'))"),
        "SELECT tenancy.locator_add('webhook_endpoint', sha256('new'))".to_owned(),
    ]);
    list.into_iter().map(|sql| (SERVER, sql)).collect()
}

/// What the operator's functions refuse, and what break-glass asks for.
async fn operators(superuser: &Client) -> Vec<(&'static str, String)> {
    let enter = async |customer| {
        let entry = Entry::good(customer);
        entry.call(superuser, &entry).await
    };
    let (a, platform) = (enter(A).await, enter(PLATFORM).await);
    let session = Uuid::from_u128(0x499);
    let open = |customer: Uuid, minutes: &str| {
        format!(
            "SELECT tenancy.break_glass_open('{session}', '{customer}', 'a charge was booked twice', 'OPS-17', {minutes})"
        )
    };
    let mut list: Vec<(&'static str, String)> = [
        open(A, "30"),
        open(A, "0"),
        open(A, "61"),
        open(A, "NULL"),
        open(PLATFORM, "30"),
        open(Uuid::from_u128(0xff), "30"),
        format!("{}; SELECT tenancy.break_glass_approve('{session}')", open(A, "30")),
        format!("SELECT tenancy.break_glass_approve('{UNAPPROVED}')"),
        format!("SELECT tenancy.break_glass_approve('{SESSION}')"),
        format!("SELECT tenancy.break_glass_close('{UNAPPROVED}'); SELECT tenancy.break_glass_approve('{UNAPPROVED}')"),
        format!("SELECT tenancy.break_glass_close('{UNAPPROVED}'); SELECT tenancy.break_glass_close('{UNAPPROVED}')"),
        format!("SELECT tenancy.break_glass_close('{session}')"),
        "SELECT count(*) FROM tenancy.break_glass_sessions()".to_owned(),
    ]
    .into_iter()
    .flat_map(|sql| [(SERVER, format!("{platform}; {sql}")), (SERVER, format!("{a}; {sql}"))])
    .collect();
    list.extend(
        [
            "SELECT tenancy.install_enter_key(5::smallint, '\\x00')".to_owned(),
            "SELECT tenancy.install_enter_key(0::smallint, decode(repeat('00', 32), 'hex'))".to_owned(),
            "SELECT tenancy.install_enter_key(5::smallint, decode(repeat('00', 32), 'hex'))".to_owned(),
            "SELECT tenancy.retire_enter_key(0::smallint), tenancy.retire_enter_key(1::smallint), tenancy.retire_enter_key(9::smallint)".to_owned(),
            "SELECT tenancy.create_tenant(gen_random_uuid(), 'new', 'New', '*')".to_owned(),
            "SELECT tenancy.create_tenant(gen_random_uuid(), 'new', 'New', 'ap-south-1')".to_owned(),
            "SELECT tenancy.create_tenant(gen_random_uuid(), 'new', 'New', 'us-east-1')".to_owned(),
            "SELECT tenancy.enter_migration(gen_random_uuid())".to_owned(),
            format!("SELECT tenancy.enter_migration('{A}'); SELECT tenancy.enter_migration('{B}')"),
            format!("SELECT tenancy.enter_migration('{A}'); SELECT tenancy.current_customer_id()"),
            "SELECT string_agg(slug, ',' ORDER BY slug) FROM tenancy.tenants()".to_owned(),
            "SELECT string_agg(t::text, ',' ORDER BY t) FROM tenancy.tenant_ids() t".to_owned(),
            "SELECT tenancy.install_issuer_key('https://id.example.org/realms/spa', 'k', '\\x00')".to_owned(),
            "SELECT tenancy.install_issuer_key('https://id.example.org/realms/spa', 'k', decode(repeat('7f', 256), 'hex'))".to_owned(),
            "SELECT tenancy.retire_issuer_keys('https://id.example.org/realms/spa', '{key-1}', '1 hour')".to_owned(),
            "SELECT tenancy.retire_issuer_keys('https://id.example.org/realms/spa', '{}', '1 hour')".to_owned(),
            "SELECT tenancy.remove_issuer('https://nobody.example.org'); SELECT count(*) FROM tenancy.issuer_list()".to_owned(),
            "SELECT issuer, kid FROM tenancy.issuer_list()".to_owned(),
            "SELECT tenancy.use_profile('split-key'); SELECT tenancy.install_enter_key(5::smallint, decode(repeat('00', 32), 'hex'))".to_owned(),
            "SELECT tenancy.choose_context_store()".to_owned(),
        ]
        .map(|sql| (ADMIN, sql)),
    );
    list.extend([
        (SUPERUSER, "DELETE FROM tenancy.issuer_keys; SELECT tenancy.use_profile('split-key')".to_owned()),
        (SUPERUSER, "SELECT tenancy.use_profile('split-key'); SELECT kid FROM tenancy.enter_keys".to_owned()),
        (SUPERUSER, "SELECT tenancy.use_profile('split-key'); SELECT tenancy.use_profile('enter-key'); SELECT kid FROM tenancy.enter_keys".to_owned()),
        (SUPERUSER, "SELECT tenancy.retire_issuer_keys('https://id.example.org/realms/spa', '{}', '1 hour'); SELECT issuer, kid, not_after = 'infinity' FROM tenancy.issuer_keys ORDER BY 1, 2".to_owned()),
        (SERVER, "SELECT tenancy.issuer_ready('https://id.example.org/realms/spa', 'bearingwall'), tenancy.issuer_ready('https://id.example.org/realms/spa', 'x'), tenancy.issuer_ready('https://x', 'bearingwall')".to_owned()),
        (SUPERUSER, "UPDATE tenancy.issuer_keys SET not_after = now() WHERE kid = 'key-1'; SELECT tenancy.issuer_ready('https://id.example.org/realms/spa', 'bearingwall')".to_owned()),
        (SERVER, "SELECT profile, require_pid FROM tenancy.entry_rules()".to_owned()),
        (SUPERUSER, "UPDATE tenancy.break_glass SET expires_at = clock_timestamp() - interval '1 second'; SELECT session_id FROM tenancy.break_glass WHERE approved_at IS NULL".to_owned()),
    ]);
    list
}

/// Tables that could leak, and changes of the record's schema.
fn definitions() -> Vec<(&'static str, String)> {
    let shapes = [
        "id uuid PRIMARY KEY, customer_id uuid NOT NULL",
        "customer_id uuid, id uuid PRIMARY KEY",
        "customer_id text NOT NULL, id uuid, PRIMARY KEY (customer_id, id)",
        "customer_id uuid NOT NULL, id uuid",
        "customer_id uuid NOT NULL, id uuid PRIMARY KEY",
        "customer_id uuid NOT NULL, id uuid, email text UNIQUE, PRIMARY KEY (customer_id, id)",
        "customer_id uuid NOT NULL, id uuid, c uuid, PRIMARY KEY (customer_id, id), FOREIGN KEY (c) REFERENCES tenancy.customers (customer_id)",
        "customer_id uuid NOT NULL, id uuid, PRIMARY KEY (customer_id, id), FOREIGN KEY (customer_id, id) REFERENCES crm.clients (customer_id, id)",
        "customer_id uuid NOT NULL, id uuid NOT NULL, note text, PRIMARY KEY (customer_id, id)",
    ];
    let facts = "SELECT c.relrowsecurity, c.relforcerowsecurity, (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid), c.relacl::text FROM pg_class c WHERE c.relname = 'shape'";
    let mut list: Vec<(&'static str, String)> = shapes
        .iter()
        .flat_map(|shape| {
            [
                "CALL tenancy.protect('crm.shape')",
                "CALL audit.protect_phi('crm.shape', 'id')",
                "CALL audit.protect_phi('crm.shape', 'note')",
                "CALL audit.protect_phi('crm.shape', 'id', true)",
            ]
            .map(|call| (SUPERUSER, format!("CREATE TABLE crm.shape ({shape}); {call}; {facts}")))
        })
        .collect();
    let orphan = "CREATE TABLE crm.shape (customer_id uuid NOT NULL, id uuid, PRIMARY KEY (customer_id, id)); CALL tenancy.protect('crm.shape');
        INSERT INTO crm.shape VALUES (gen_random_uuid(), gen_random_uuid());
        ALTER TABLE crm.shape ADD CONSTRAINT orphan FOREIGN KEY (customer_id, id) REFERENCES crm.clients (customer_id, id) NOT VALID;";
    list.push((
        SUPERUSER,
        format!("{orphan} CALL tenancy.validate_constraint('crm.shape', 'orphan')"),
    ));
    list.push((
        SUPERUSER,
        format!("{orphan} DELETE FROM crm.shape; CALL tenancy.validate_constraint('crm.shape', 'orphan'); {facts}"),
    ));
    list.extend(
        [
            "ALTER TABLE audit.config ADD COLUMN more int",
            "DROP TABLE audit.config CASCADE",
            "DROP SCHEMA audit CASCADE",
            "DROP POLICY app_select ON audit.events",
            "DROP FUNCTION audit.ready()",
            "GRANT SELECT ON audit.config TO bearingwall_app",
            "ALTER TABLE audit.config RENAME TO settings",
            "ALTER TABLE audit.config ALTER COLUMN refusals_per_s TYPE bigint",
            "ALTER SCHEMA audit RENAME TO record",
            "COMMENT ON TABLE audit.config IS 'x'",
            "SELECT audit.create_partition('2001-01-01'); SELECT audit.create_partition('2001-01-01')",
        ]
        .map(|sql| (SUPERUSER, sql.to_owned())),
    );
    for role in [SERVER, WORKER, "bearingwall_auditor", "bearingwall_backup"] {
        list.push((role, "DROP OWNED BY CURRENT_USER".to_owned()));
    }
    list
}
