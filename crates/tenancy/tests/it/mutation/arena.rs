//! What the attacks on a weakened database find there: tenants, keys, records and jobs, each a good one and its almost good twins.

use crate::split_key::signer::{AUDIENCE, ISSUER, Signer, encode, subject};
use bearingwall_core::CustomerId;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// The tenant of the attacker.
pub(super) const A: Uuid = Uuid::from_u128(0xa);
/// The tenant that must stay out of reach.
pub(super) const B: Uuid = Uuid::from_u128(0xb);
/// A tenant that is suspended.
pub(super) const SUSPENDED: Uuid = Uuid::from_u128(0xc);
/// A tenant in a region that this database does not serve.
pub(super) const ELSEWHERE: Uuid = Uuid::from_u128(0xd);
pub(super) const PLATFORM: Uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001);
pub(super) const PERSON: Uuid = Uuid::from_u128(0x51);
pub(super) const REQUEST: Uuid = Uuid::from_u128(0x61);
pub(super) const NONCE: Uuid = Uuid::from_u128(0x71);
pub(super) const CLIENT: Uuid = Uuid::from_u128(0x100);
pub(super) const LEASE: Uuid = Uuid::from_u128(0x300);
pub(super) const SESSION: Uuid = Uuid::from_u128(0x400);
pub(super) const UNAPPROVED: Uuid = Uuid::from_u128(0x401);

/// How long the entries are good that are made at the start; the database allows a little more.
pub(super) const ENTRIES_LIVE_S: i64 = 850;

/// What an entry says, and what its MAC was made of.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) customer: Uuid,
    pub(super) subject: Uuid,
    pub(super) request: Uuid,
    pub(super) nonce: Uuid,
    pub(super) kid: i16,
    pub(super) regions: &'static str,
    pub(super) pid_off: i32,
    /// Later than the end of [`ENTRIES_LIVE_S`], or earlier.
    pub(super) expires_s: i64,
}

impl Entry {
    pub(super) fn good(customer: Uuid) -> Self {
        Self {
            customer,
            subject: PERSON,
            request: REQUEST,
            nonce: NONCE,
            kid: 1,
            regions: "{us-east-1,eu-west-1}",
            pid_off: 0,
            expires_s: 0,
        }
    }

    /// The call with a MAC that is right for `signed`, which may say something else.
    pub(super) async fn call(&self, superuser: &Client, signed: &Self) -> String {
        let row = superuser
            .query_one(
                "SELECT s.expiry_ms + $9::bigint - $10::bigint, encode(sha256(k.opad || sha256(k.ipad || decode('656e7465722e7631', 'hex') || int2send($1::smallint)
                    || uuid_send($2) || uuid_send($3) || uuid_send($4) || int4send(pg_backend_pid() + $5::int) || int8send(s.expiry_ms)
                    || uuid_send($6) || sha256(convert_to(array_to_string($7::text::text[], ','), 'UTF8')))), 'hex')
                 FROM tenancy.enter_keys k, (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $8::bigint + $10::bigint AS expiry_ms) s
                 WHERE k.kid = $1::smallint",
                &[
                    &signed.kid,
                    &signed.customer,
                    &signed.subject,
                    &signed.request,
                    &signed.pid_off,
                    &signed.nonce,
                    &signed.regions,
                    &(ENTRIES_LIVE_S * 1_000),
                    &(self.expires_s * 1_000),
                    &(signed.expires_s * 1_000),
                ],
            )
            .await
            .unwrap();
        let (expiry_ms, mac): (i64, String) = (row.get(0), row.get(1));
        format!(
            "SELECT tenancy.enter('{}', '{}', '{}', {expiry_ms}, '{}', {}::smallint, '{}', '\\x{mac}')",
            self.customer, self.subject, self.request, self.nonce, self.kid, self.regions
        )
    }
}

/// Makes everything. The one record that A's declared access opens is that of [`CLIENT`]; each other client of A has an event
/// that misses in one respect.
pub(super) async fn furnish(superuser: &Client) -> Signer {
    superuser
        .batch_execute(&format!(
            "SET bearingwall.audit_ddl = on;
             UPDATE tenancy.config SET max_ttl_ms = 900000, regions = '{{us-east-1,eu-west-1}}';
             UPDATE audit.config SET access_ttl = '5 minutes', refusals_per_s = 5;
             INSERT INTO tenancy.customers (customer_id, slug, name, region, status) VALUES ('{A}', 'juniper', 'A', 'us-east-1', 'active'),
                ('{B}', 'saltmarsh', 'B', 'eu-west-1', 'active'), ('{SUSPENDED}', 'suspended', 'S', 'us-east-1', 'suspended'),
                ('{ELSEWHERE}', 'elsewhere', 'X', 'ap-south-1', 'active');
             INSERT INTO tenancy.enter_keys (kid, ipad, opad, not_before, not_after)
                SELECT k.kid, tenancy.hmac_pad(k.bytes, 54), tenancy.hmac_pad(k.bytes, 92), k.not_before, k.not_after FROM (
                    SELECT v.*, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS bytes FROM (VALUES
                        (0::smallint, '-infinity'::timestamptz, 'infinity'::timestamptz), (1::smallint, '-infinity', 'infinity'),
                        (2::smallint, '-infinity', now() - interval '1 hour'), (3::smallint, now() + interval '5 hours', 'infinity')) AS v (kid, not_before, not_after)) k;
             INSERT INTO crm.clients (customer_id, id) SELECT '{A}', ('00000000-0000-0000-0000-0000000001' || lpad(to_hex(n), 2, '0'))::uuid FROM generate_series(0, 9) n;
             INSERT INTO crm.clients (customer_id, id) VALUES ('{B}', '00000000-0000-0000-0000-0000000002ff');
             INSERT INTO crm.client_records (customer_id, client_id, payload) SELECT c.customer_id, c.id, '\\x00' FROM crm.clients c;
             INSERT INTO crm.client_digests (customer_id, kind, digest, client_id) SELECT c.customer_id, 1, decode(replace(c.id::text, '-', ''), 'hex'), c.id FROM crm.clients c;
             INSERT INTO audit.events (customer_id, recorded_at, actor_id, request_id, event_id, event_type, phase, outcome, subject_id, resource, commands)
                SELECT v.customer::uuid, clock_timestamp() + v.at::interval, v.actor::uuid, v.request::uuid, gen_random_uuid(), 'client.read', v.phase, v.outcome,
                       ('00000000-0000-0000-0000-0000000001' || lpad(to_hex(v.n), 2, '0'))::uuid, v.resource, v.commands::text[]
                  FROM (VALUES
                    (0, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (1, '{B}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (2, '{A}', '-10 min', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (3, '{A}', '0 s', '{A}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (4, '{A}', '0 s', '{PERSON}', '{A}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (5, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'completed', 'success', 'crm.client_records', '{{SELECT}}'),
                    (6, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'denied', 'crm.client_records', '{{SELECT}}'),
                    (7, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.chart_note_records', '{{SELECT}}'),
                    (8, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{DELETE}}'),
                    (9, '{A}', '30 min', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_records', '{{SELECT}}'),
                    (0, '{B}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '-10 min', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{A}', '{REQUEST}', 'intended', 'success', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{PERSON}', '{A}', 'intended', 'success', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'completed', 'success', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'denied', 'crm.client_digests', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.chart_note_records', '{{SEARCH}}'),
                    (0, '{A}', '0 s', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_digests', '{{DELETE}}'),
                    (0, '{A}', '30 min', '{PERSON}', '{REQUEST}', 'intended', 'success', 'crm.client_digests', '{{SEARCH}}')
                  ) AS v (n, customer, at, actor, request, phase, outcome, resource, commands);
             INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at, lease, leased_until)
                SELECT ('00000000-0000-0000-0000-00000000050' || v.n)::uuid, v.customer::uuid, '{REQUEST}', v.kind, now() + v.at::interval,
                       v.lease::uuid, now() + v.until::interval FROM (VALUES
                    (0, '{A}', 'good', '0 s', '{LEASE}', '5 h'), (1, '{A}', 'good', '0 s', '{LEASE}', '-1 s'), (2, '{SUSPENDED}', 'good', '-9 h', '{LEASE}', '5 h'),
                    (3, '{ELSEWHERE}', 'good', '0 s', '{LEASE}', '5 h'), (4, '{A}', 'free', '-1 s', NULL, NULL), (5, '{A}', 'free', '5 h', NULL, NULL),
                    (6, '{SUSPENDED}', 'free', '-9 h', NULL, NULL), (7, '{B}', 'other', '-9 h', NULL, NULL), (8, '{B}', 'free', '-8 h', '{LEASE}', '5 h')
                  ) AS v (n, customer, kind, at, lease, until);
             INSERT INTO tenancy.locators (customer_id, kind, key_sha256)
                SELECT v.customer::uuid, 'webhook_endpoint', sha256(convert_to(repeat(v.letter, 32), 'UTF8')) FROM (VALUES
                    ('{A}', 'a'), ('{SUSPENDED}', 's'), ('{ELSEWHERE}', 'e')) AS v (customer, letter);
             RESET bearingwall.audit_ddl"
        ))
        .await
        .unwrap();
    let signer = Signer::generate("key-1");
    let row = superuser
        .query_one("SELECT tenancy.octets_to_number($1)::text", &[&signer.modulus])
        .await
        .unwrap();
    superuser
        .batch_execute(&format!(
            "INSERT INTO tenancy.issuers (issuer, audience, max_lifetime_s) VALUES ('{ISSUER}', '{AUDIENCE}', 10000);
             INSERT INTO tenancy.issuers (issuer, audience, customer_id) VALUES ('https://tenant.example.org', '{AUDIENCE}', '{B}');
             INSERT INTO tenancy.issuer_keys (issuer, kid, modulus, octets, not_after) SELECT i.issuer, k.kid, {n}, 256, k.not_after
                FROM tenancy.issuers i, (VALUES ('key-1', 'infinity'::timestamptz), ('key-0', now() - interval '1 day')) AS k (kid, not_after);
             INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, expires_at, approved_by, approved_at) VALUES
                ('{SESSION}', '{A}', '{ines}', 'a charge was booked twice', 'OPS-17', clock_timestamp() + interval '50 minutes', '{A}', clock_timestamp()),
                ('{UNAPPROVED}', '{B}', '{ines}', 'a charge was booked twice', 'OPS-17', clock_timestamp() + interval '50 minutes', NULL, NULL),
                (gen_random_uuid(), '{B}', '{A}', 'a charge was booked twice', 'OPS-17', clock_timestamp() + interval '50 minutes', '{B}', clock_timestamp());
             INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, opened_at, expires_at, approved_by, approved_at, closed_at) VALUES
                (gen_random_uuid(), '{SUSPENDED}', '{ines}', 'a charge was booked twice', 'OPS-17', now(), now() + interval '50 minutes', '{A}', now(), now()),
                (gen_random_uuid(), '{ELSEWHERE}', '{ines}', 'a charge was booked twice', 'OPS-17', now() - interval '2 hours', now() - interval '90 minutes', '{A}', now(), NULL)",
            n = row.get::<_, String>(0),
            ines = subject(ISSUER, "ines"),
        ))
        .await
        .unwrap();
    signer
}

/// Tokens by what is wrong with them.
pub(super) fn tokens(signer: &Signer) -> Vec<(String, String)> {
    let good = || {
        let mut claims = Signer::claims("mara", CustomerId::from_uuid(A));
        claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 5_000);
        claims
    };
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        signer.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        signer.token(&claims)
    };
    let header = |name: &str, value: Value| {
        let mut header = signer.header();
        header[name] = value;
        signer.token_with(&header, &good())
    };
    let now = good()["iat"].as_i64().unwrap();
    let plain = signer.token(&good());
    let mut tokens = vec![
        ("good".to_owned(), plain.clone()),
        ("of staff".to_owned(), {
            let mut claims = Signer::staff("ines");
            claims["exp"] = json!(now + 5_000);
            signer.token(&claims)
        }),
        ("of nobody's tenant".to_owned(), without("customer_id")),
        (
            "with a changed signature".to_owned(),
            format!("{}AAAA", &plain[..plain.len() - 4]),
        ),
        ("of two parts".to_owned(), plain.rsplit_once('.').unwrap().0.to_owned()),
        (
            "of no JSON".to_owned(),
            signer.sign(&format!("{}.{}", encode("x"), encode("y"))),
        ),
        ("of another alphabet".to_owned(), plain.replace('e', "+")),
        (
            "with a tenant that is no id".to_owned(),
            with("customer_id", json!("zz")),
        ),
        ("of another key".to_owned(), Signer::generate("key-1").token(&good())),
        (
            "unsigned".to_owned(),
            format!(
                "{}.{}.",
                encode(json!({"alg": "none", "typ": "at+jwt", "kid": "key-1"}).to_string()),
                encode(good().to_string())
            ),
        ),
        (
            "for a reserved tenant".to_owned(),
            with("customer_id", json!(PLATFORM.to_string())),
        ),
        (
            "with an ending too far away".to_owned(),
            with("exp", json!(now + 20_000)),
        ),
    ];
    for (name, value) in [
        ("iss", json!("https://tenant.example.org")),
        ("iss", json!("https://elsewhere.example.org")),
        ("aud", json!("somebody else")),
        ("aud", json!(["somebody else"])),
        ("exp", json!(now - 600)),
        ("iat", json!(now + 600)),
        ("nbf", json!(now + 600)),
        ("nbf", json!("soon")),
        ("cnf", json!({"jkt": "x"})),
        ("typ", json!("ID")),
        ("sub", json!("")),
        ("sub", json!(" ")),
        ("sub", json!("a\u{7}")),
        ("customer_id", json!(A.to_string().to_uppercase())),
        ("customer_id", json!(B.to_string())),
        ("realm_access", json!({"roles": "internal_admin"})),
    ] {
        tokens.push((format!("with {name} {value}"), with(name, value.clone())));
    }
    for name in ["iss", "aud", "exp", "iat", "sub"] {
        tokens.push((format!("without {name}"), without(name)));
    }
    for (name, value) in [
        ("alg", json!("HS256")),
        ("alg", json!("RS512")),
        ("kid", json!("key-0")),
        ("kid", json!("key-9")),
        ("kid", json!(1)),
        ("typ", json!("JWT")),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        tokens.push((format!("with the header {name} {value}"), header(name, value.clone())));
    }
    tokens
}

/// Claims of an issuer that speaks for B alone.
pub(super) fn of_a_tenants_issuer(customer: Uuid) -> Value {
    let mut claims = Signer::claims("mara", CustomerId::from_uuid(customer));
    claims["iss"] = json!("https://tenant.example.org");
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 5_000);
    claims
}
