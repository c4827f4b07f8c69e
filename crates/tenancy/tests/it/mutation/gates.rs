//! Attacks through the functions of gates and of the outbox: requests, approvals and effects, each a good one and its almost good
//! twins.

use super::arena::{A, B, ELSEWHERE, Entry, REQUEST, SUSPENDED};
use tokio_postgres::Client;
use uuid::Uuid;

const SERVER: &str = "bearingwall_app";
const WORKER: &str = "bearingwall_worker";
const ADMIN: &str = "bearingwall_admin";
const SUPERUSER: &str = "postgres";
const REGIONS: &str = "{us-east-1,eu-west-1}";

/// Who asks.
const ANA: Uuid = Uuid::from_u128(0x52);
/// Who decides.
const ERIN: Uuid = Uuid::from_u128(0x57);
/// Who decides, too.
const FAY: Uuid = Uuid::from_u128(0x58);
/// Who was seen last a day ago.
const GIL: Uuid = Uuid::from_u128(0x59);
/// The platform's, and not the tenant's.
const HAL: Uuid = Uuid::from_u128(0x5a);
/// An agent of Erin's.
const AGENT: Uuid = Uuid::from_u128(0x5b);
/// Whom nobody has seen.
const IDA: Uuid = Uuid::from_u128(0x5c);

/// What waits: asked for by Ana, and Erin may decide.
const OPEN: u128 = 0;
const OF_ERIN: u128 = 1;
const FOR_ERIN: u128 = 2;
const APPROVED: u128 = 3;
const REJECTED: u128 = 4;
const CONSUMED: u128 = 5;
const EXPIRED: u128 = 6;
const STALE: u128 = 7;
const OF_TWO: u128 = 8;
const OWN_HAND: u128 = 9;
const OF_B: u128 = 10;
const GATES: u128 = 11;

const fn gate(n: u128) -> Uuid {
    Uuid::from_u128(0xa00 + n)
}

const fn effect(n: u128) -> Uuid {
    Uuid::from_u128(0xb00 + n)
}

const fn lease(n: u128) -> Uuid {
    Uuid::from_u128(0xc00 + n)
}

const fn access(n: u128) -> Uuid {
    Uuid::from_u128(0xd00 + n)
}

/// A request that is written as the database's owner would, by whom it is said to come from.
async fn request(superuser: &Client, customer: Uuid, by: Uuid, n: u128, (kind, ago): (&str, &str)) {
    let entry = Entry {
        subject: by,
        ..Entry::good(customer)
    };
    let enter = entry.call(superuser, &entry).await;
    superuser
        .batch_execute(&format!(
            "BEGIN; {enter};
             INSERT INTO tenancy.gate_requests (customer_id, gate_id, kind, destination, payload, content_mac, key_version, digest, requested_by, requested_kind,
                                                principal_id, quorum, self_ok, requested_at, expires_at, execute_within, request_id, state)
             SELECT '{customer}', v.id, k.kind, 'vendor.x', v.payload, CASE WHEN k.sealed THEN sha256('x') END, CASE WHEN k.sealed THEN 1 END,
                    sha256(convert_to(tenancy.effect_content('{customer}', v.id, k.kind, 'vendor.x', NULL, v.payload), 'UTF8')),
                    '{by}', tenancy.subject_kind('{customer}', '{by}'),
                    (SELECT m.principal_id FROM tenancy.machines m WHERE m.customer_id = '{customer}' AND m.subject_id = '{by}'), k.quorum, k.self_ok,
                    now() - '{ago}'::interval, now() - '{ago}'::interval + k.decide_within, k.execute_within, '{REQUEST}', 'requested'
               FROM tenancy.action_kinds k, LATERAL (SELECT '{id}'::uuid AS id, CASE WHEN k.sealed THEN '\\x0102'::bytea ELSE '{{}}' END AS payload) v
              WHERE k.kind = '{kind}';
             COMMIT",
            id = gate(n),
        ))
        .await
        .unwrap();
}

/// A decision of Erin's about it, and what it comes to.
async fn decided(superuser: &Client, n: u128, verdict: &str, then: &str) {
    let entry = Entry {
        subject: ERIN,
        ..Entry::good(A)
    };
    let enter = entry.call(superuser, &entry).await;
    let id = gate(n);
    let turned = if then.is_empty() {
        String::new()
    } else {
        format!("UPDATE tenancy.gate_requests r SET {then} WHERE r.gate_id = '{id}';")
    };
    superuser
        .batch_execute(&format!(
            "BEGIN; {enter};
             INSERT INTO tenancy.gate_decisions (customer_id, gate_id, approver_id, verdict, seen_digest, decided_at)
                SELECT r.customer_id, r.gate_id, '{ERIN}', '{verdict}', r.digest, now() FROM tenancy.gate_requests r WHERE r.gate_id = '{id}';
             {turned} COMMIT"
        ))
        .await
        .unwrap();
}

/// Makes everything.
pub(super) async fn furnish(superuser: &Client) {
    superuser
        .batch_execute(&format!(
            "SET bearingwall.audit_ddl = on;
             INSERT INTO tenancy.people (customer_id, subject_id, roles, roles_since, first_seen_at, last_seen_at) VALUES
                ('{A}', '{ERIN}', '{{}}', now(), now(), now()), ('{A}', '{FAY}', '{{}}', now(), now(), now()), ('{A}', '{GIL}', '{{}}', now(), now() - interval '3 days', now() - interval '1 day'),
                ('{A}', '{HAL}', '{{internal_admin}}', now(), now(), now()), ('{A}', '{AGENT}', '{{}}', now(), now(), now()), ('{B}', '{ERIN}', '{{}}', now(), now(), now());
             INSERT INTO tenancy.machines (customer_id, subject_id, kind, principal_id, registered_by, registered_at) VALUES ('{A}', '{AGENT}', 'agent', '{ERIN}', '{ANA}', now());
             RESET bearingwall.audit_ddl"
        ))
        .await
        .unwrap();
    let (change, now) = ("system.change", "1 second");
    for (n, by, what) in [
        (OPEN, ANA, (change, now)),
        (OF_ERIN, ERIN, (change, now)),
        (FOR_ERIN, AGENT, (change, now)),
        (APPROVED, ANA, (change, now)),
        (REJECTED, ANA, (change, now)),
        (CONSUMED, ANA, (change, now)),
        (EXPIRED, ANA, (change, "2 days")),
        (STALE, ANA, (change, "3 hours")),
        (OF_TWO, ANA, ("payment.refund", now)),
        (OWN_HAND, ERIN, ("message.confirm", now)),
    ] {
        request(superuser, A, by, n, what).await;
    }
    request(superuser, B, ANA, OF_B, (change, now)).await;
    decided(superuser, APPROVED, "approve", "state = 'approved', decided_at = now()").await;
    decided(
        superuser,
        REJECTED,
        "reject",
        "state = 'rejected', decided_at = now(), ended_at = now()",
    )
    .await;
    decided(superuser, CONSUMED, "approve", "state = 'approved', decided_at = now()").await;
    decided(
        superuser,
        STALE,
        "approve",
        "state = 'approved', decided_at = now() - interval '2 hours'",
    )
    .await;
    decided(superuser, OF_TWO, "approve", "").await;
    consumed(superuser).await;
    effects(superuser).await;
}

/// The approval that has been used.
async fn consumed(superuser: &Client) {
    let enter = entered(superuser, A, ERIN).await;
    superuser
        .batch_execute(&format!(
            "BEGIN; {enter};
             INSERT INTO tenancy.effects (customer_id, effect_id, gate_id, kind, destination, payload, digest, enqueued_by, request_id, enqueued_at, deliver_until)
                SELECT r.customer_id, r.gate_id, r.gate_id, r.kind, r.destination, r.payload, r.digest, '{ANA}', '{REQUEST}', now(), now() + interval '1 hour'
                  FROM tenancy.gate_requests r WHERE r.gate_id = '{consumed}';
             UPDATE tenancy.gate_requests SET state = 'consumed', ended_at = now() WHERE gate_id = '{consumed}';
             COMMIT",
            consumed = gate(CONSUMED),
        ))
        .await
        .unwrap();
}

/// Effects in each state, of each tenant; what was shown, and what almost was.
async fn effects(superuser: &Client) {
    superuser
        .batch_execute(&format!(
            "SET bearingwall.audit_ddl = on;
             UPDATE tenancy.effect_config SET in_flight = 4, rate_per_s = 1, burst = 3, breaker_failures = 2;
             INSERT INTO tenancy.effects (customer_id, effect_id, kind, destination, aggregate_id, payload, digest, enqueued_by, request_id, enqueued_at, deliver_until)
                SELECT v.customer::uuid, v.id, 'system.notify', v.destination, v.aggregate, '{{}}',
                       sha256(convert_to(tenancy.effect_content(v.customer::uuid, v.id, 'system.notify', v.destination, v.aggregate, '{{}}'), 'UTF8')),
                       '{ANA}', '{REQUEST}', now() - interval '1 hour', now() + v.until::interval
                  FROM (SELECT w.*, ('00000000-0000-0000-0000-000000000b' || lpad(to_hex(w.n), 2, '0'))::uuid AS id,
                               CASE WHEN w.about > 0 THEN ('00000000-0000-0000-0000-000000000e' || lpad(to_hex(w.about), 2, '0'))::uuid END AS aggregate
                          FROM (VALUES (0, '{A}', 'hook.a', 0, '5 h'), (1, '{A}', 'hook.a', 1, '5 h'), (2, '{A}', 'hook.a', 1, '5 h'), (3, '{A}', 'mail.a', 0, '5 h'),
                            (4, '{A}', 'hook.shut', 0, '5 h'), (5, '{A}', 'hook.a', 0, '5 h'), (6, '{A}', 'hook.a', 2, '5 h'), (7, '{A}', 'hook.a', 2, '5 h'),
                            (8, '{A}', 'hook.a', 0, '5 h'), (9, '{A}', 'hook.a', 0, '-1 s'), (10, '{SUSPENDED}', 'hook.a', 0, '5 h'), (11, '{ELSEWHERE}', 'hook.a', 0, '5 h'),
                            (12, '{B}', 'hook.a', 0, '5 h'), (13, '{B}', 'hook.a', 0, '5 h'), (14, '{B}', 'hook.a', 0, '5 h'), (15, '{A}', 'hook.a', 0, '5 h'),
                            (16, '{A}', 'hook.a', 0, '5 h'), (17, '{A}', 'hook.a', 0, '-1 s'), (18, '{A}', 'hook.half', 0, '5 h'),
                            (19, '{SUSPENDED}', 'hook.a', 0, '5 h'), (20, '{ELSEWHERE}', 'hook.a', 0, '5 h'), (21, '{B}', 'other.a', 0, '5 h')) AS w (n, customer, destination, about, until)) v;
             INSERT INTO tenancy.effect_aggregates (customer_id, aggregate_id, last_position)
                SELECT e.customer_id, e.aggregate_id, count(*) FROM tenancy.effects e WHERE e.aggregate_id IS NOT NULL GROUP BY 1, 2;
             INSERT INTO tenancy.effect_queue (customer_id, effect_id, destination, aggregate_id, position, request_id, state, available_at, deliver_until, max_attempts,
                                               attempts, lease_no, lease, leased_until, in_call, last_code, parked_at)
                SELECT e.customer_id, e.effect_id, e.destination, e.aggregate_id, CASE WHEN e.aggregate_id IS NOT NULL THEN row_number() OVER (PARTITION BY e.aggregate_id ORDER BY e.effect_id) END,
                       e.request_id, v.state, now() + v.at::interval, e.deliver_until, 3, v.attempts, CASE v.lease WHEN true THEN 1 ELSE 0 END,
                       CASE WHEN v.lease THEN replace(e.effect_id::text, '-000000000b', '-000000000c')::uuid END, CASE WHEN v.lease THEN now() + v.until::interval END,
                       v.call, v.code, CASE WHEN v.state IN ('dead', 'unknown') THEN now() END
                  FROM (VALUES (0, 'queued', '-9 min', 0, false, NULL, NULL, NULL), (1, 'queued', '-8 min', 0, false, NULL, NULL, NULL), (2, 'waiting', '-8 min', 0, false, NULL, NULL, NULL),
                    (3, 'queued', '-10 min', 0, false, NULL, NULL, NULL), (4, 'queued', '-11 min', 0, false, NULL, NULL, NULL), (5, 'queued', '5 h', 0, false, NULL, NULL, NULL),
                    (6, 'leased', '-7 min', 0, true, '5 h', NULL, NULL), (7, 'waiting', '-7 min', 0, false, NULL, NULL, NULL), (8, 'leased', '-7 min', 2, true, '5 h', 'none', NULL),
                    (9, 'leased', '-7 min', 0, true, '5 h', NULL, NULL), (10, 'queued', '-9 h', 0, false, NULL, NULL, NULL), (11, 'queued', '-9 h', 0, false, NULL, NULL, NULL),
                    (12, 'queued', '-9 min', 0, false, NULL, NULL, NULL), (13, 'queued', '-8 min', 0, false, NULL, NULL, NULL), (14, 'unknown', '-7 min', 1, false, NULL, NULL, 'late'),
                    (15, 'dead', '-7 min', 3, false, NULL, NULL, 'gone'), (16, 'unknown', '-7 min', 1, false, NULL, NULL, 'late'), (17, 'dead', '-7 min', 3, false, NULL, NULL, 'gone'),
                    (18, 'leased', '-7 min', 0, true, '5 h', 'native', NULL), (19, 'leased', '-7 min', 0, true, '5 h', NULL, NULL), (20, 'leased', '-7 min', 0, true, '5 h', NULL, NULL),
                    (21, 'queued', '-9 h', 0, false, NULL, NULL, NULL)) AS v (n, state, at, attempts, lease, until, call, code)
                  JOIN tenancy.effects e ON e.effect_id = ('00000000-0000-0000-0000-000000000b' || lpad(to_hex(v.n), 2, '0'))::uuid;
             INSERT INTO tenancy.effect_attempts (customer_id, effect_id, attempt_no, access_id, idempotency, begun_at)
                SELECT q.customer_id, q.effect_id, 1, gen_random_uuid(), q.in_call, now() - interval '7 minutes' FROM tenancy.effect_queue q WHERE q.in_call IS NOT NULL;
             -- Nothing flows in any more: what may begin is the same at any time.
             INSERT INTO tenancy.effect_turns (customer_id, served_at, tokens, filled_at) VALUES ('{A}', now() - interval '2 h', 2.5, now() + interval '1 day'),
                ('{B}', now() - interval '1 h', 1.5, now() + interval '1 day'), ('{SUSPENDED}', now() - interval '9 h', 3, now() + interval '1 day'), ('{ELSEWHERE}', now() - interval '9 h', 3, now() + interval '1 day');
             INSERT INTO tenancy.effect_breakers (customer_id, destination, failures, open_until, tried_by) VALUES ('{A}', 'hook.shut', 3, now() + interval '5 h', NULL),
                ('{A}', 'hook.half', 2, now() + interval '5 h', '{half}'), ('{A}', 'hook.b', 1, NULL, NULL), ('{B}', 'other.a', 2, now() - interval '1 s', NULL);
             INSERT INTO tenancy.effect_keys (customer_id, version, kek_version, wrapped, created_at) VALUES ('{B}', 1, 'k', 'of B', now());
             INSERT INTO audit.events (customer_id, recorded_at, actor_id, request_id, event_id, event_type, phase, outcome, access_id, resource, resource_id)
                SELECT v.customer::uuid, clock_timestamp() + v.at::interval, v.actor::uuid, v.request::uuid, gen_random_uuid(), v.type, v.phase, 'success',
                       ('00000000-0000-0000-0000-000000000d' || lpad(to_hex(v.n), 2, '0'))::uuid, 'gate', v.gate::uuid
                  FROM (VALUES (0, '{A}', '4 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{open}'), (1, '{A}', '4 min', '{FAY}', '{REQUEST}', 'gate.read', 'intended', '{open}'),
                    (2, '{A}', '4 min', '{ERIN}', '{ANA}', 'gate.read', 'intended', '{open}'), (3, '{A}', '4 min', '{ERIN}', '{REQUEST}', 'gate.requested', 'intended', '{open}'),
                    (4, '{A}', '4 min', '{ERIN}', '{REQUEST}', 'gate.read', 'completed', '{open}'), (5, '{A}', '-20 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{open}'),
                    (6, '{A}', '40 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{open}'), (7, '{B}', '4 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{open}'),
                    (8, '{A}', '4 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{of_b}'), (9, '{A}', '4 min', '{ERIN}', '{REQUEST}', 'gate.read', 'intended', '{expired}')
                  ) AS v (n, customer, at, actor, request, type, phase, gate);
             RESET bearingwall.audit_ddl",
            half = effect(18),
            open = gate(OPEN),
            of_b = gate(OF_B),
            expired = gate(EXPIRED),
        ))
        .await
        .unwrap();
}

/// What the requests have become, as the database's owner sees it.
const REQUESTS: &str = "SELECT string_agg(concat_ws(' ', right(r.gate_id::text, 2), r.state, r.quorum, r.self_ok, r.requested_kind, r.ended_at IS NULL), ',' ORDER BY r.gate_id, r.kind)
    FROM tenancy.gate_requests r";
/// What the queue has become.
const QUEUE: &str = "SELECT string_agg(concat_ws(' ', right(q.effect_id::text, 2), q.state, q.attempts, q.lease_no, q.lease IS NULL, q.in_call, q.last_code, q.available_at > now() + interval '1 min', q.parked_at IS NULL), ',' ORDER BY q.effect_id)
    FROM tenancy.effect_queue q";
const ATTEMPTS: &str = "SELECT string_agg(concat_ws(' ', right(a.effect_id::text, 2), a.attempt_no, a.idempotency, a.outcome, a.code, a.receipt), ',' ORDER BY a.effect_id, a.attempt_no) FROM tenancy.effect_attempts a";
const BREAKERS: &str = "SELECT string_agg(concat_ws(' ', b.customer_id, b.destination, b.failures, b.open_until > now(), b.tried_by), ',' ORDER BY b.customer_id, b.destination) FROM tenancy.effect_breakers b";
const TOLD: &str = "SELECT string_agg(concat_ws(' ', e.event_type, e.phase, e.outcome, left(e.outcome_code, 16), right(e.resource_id::text, 2)), ',' ORDER BY e.event_type, e.phase, e.resource_id)
    FROM audit.events e WHERE e.event_type ~ '^(gate|effect|machine)' AND e.recorded_at >= transaction_timestamp() AND e.recorded_at < transaction_timestamp() + interval '2 minutes'";
const JOBS: &str = "SELECT string_agg(concat_ws(' ', right(j.job_id::text, 3), j.kind, j.available_at > now()), ',' ORDER BY j.job_id) FROM tenancy.jobs j WHERE j.kind = 'gate.expire'";

/// What is refused to whoever has entered, and what of another tenant's it reaches.
pub(super) async fn attacks(superuser: &Client) -> Vec<(&'static str, String)> {
    let rows = superuser
        .query("SELECT gate_id, encode(digest, 'hex') FROM tenancy.gate_requests", &[])
        .await
        .unwrap();
    let digests = |n: u128| -> String {
        let row = rows.iter().find(|row| row.get::<_, Uuid>(0) == gate(n));
        row.map_or_else(String::new, |row| row.get(1))
    };
    let mut list = at_the_gate(superuser, &digests).await;
    list.extend(in_the_queue(superuser).await);
    list.extend(hands());
    list
}

async fn entered(superuser: &Client, customer: Uuid, subject: Uuid) -> String {
    let entry = Entry {
        subject,
        ..Entry::good(customer)
    };
    entry.call(superuser, &entry).await
}

async fn at_the_gate(superuser: &Client, digests: &dyn Fn(u128) -> String) -> Vec<(&'static str, String)> {
    let decide = |n: u128, approve: bool, digest: &str| {
        format!(
            "SELECT tenancy.gate_decide('{}', {approve}, '\\x{digest}', NULL)",
            gate(n)
        )
    };
    let mut list = Vec::new();
    for subject in [ERIN, FAY] {
        let enter = entered(superuser, A, subject).await;
        for n in 0..GATES {
            list.push((
                SUPERUSER,
                format!("{enter}; {}; {REQUESTS}; {JOBS}; {TOLD}", decide(n, true, &digests(n))),
            ));
            list.push((
                SUPERUSER,
                format!(
                    "{enter}; SELECT tenancy.gate_cancel('{}'); {REQUESTS}; {JOBS}; {TOLD}",
                    gate(n)
                ),
            ));
        }
    }
    for subject in [ANA, GIL, HAL, AGENT, IDA] {
        let enter = entered(superuser, A, subject).await;
        list.push((SERVER, format!("{enter}; {}", decide(OPEN, true, &digests(OPEN)))));
        list.push((
            SERVER,
            format!("{enter}; SELECT tenancy.gate_policy_set('system.change', 2, '1 hour')"),
        ));
        list.push((
            SERVER,
            format!("{enter}; SELECT tenancy.machine_register('{IDA}', 'service', NULL)"),
        ));
    }
    let (erin, of_b) = (entered(superuser, A, ERIN).await, entered(superuser, B, ERIN).await);
    let page = "SELECT string_agg(concat_ws(' ', right(g.gate_id::text, 2), g.quorum, g.approvals, g.principal_id), ',' ORDER BY g.gate_id) FROM tenancy.gate_list(";
    let show = |n: u128, access: &str| {
        format!(
            "SELECT right(g.gate_id::text, 2), g.state, g.approvals FROM tenancy.gate_show('{}', {access}) g",
            gate(n)
        )
    };
    let ask = |kind: &str, payload: &str, version: &str| {
        format!(
            "SELECT g.digest IS NULL, g.expires_at < now() + interval '25 hours' FROM tenancy.gate_request('{}', '{kind}', 'vendor.x', NULL, '{payload}', CASE WHEN {version} IS NOT NULL THEN sha256('x') END, {version}) g",
            gate(0x99)
        )
    };
    for n in 0..GATES {
        list.push((SERVER, format!("{erin}; {}", decide(n, false, &digests(n)))));
        list.push((
            SERVER,
            format!(
                "{erin}; SELECT count(*) FROM tenancy.gate_approved('{}', 'system.change')",
                gate(n)
            ),
        ));
        let used = format!(
            "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
            gate(n),
            digests(n)
        );
        list.push((SUPERUSER, format!("{erin}; {used}; {REQUESTS}; {QUEUE}; {TOLD}")));
        list.push((
            SUPERUSER,
            format!("{erin}; SELECT tenancy.gate_expire('{}'); {REQUESTS}", gate(n)),
        ));
        list.push((SUPERUSER, format!("{of_b}; SELECT tenancy.gate_expire('{}')", gate(n))));
    }
    let mut in_a = vec![
        decide(OPEN, true, &"00".repeat(32)),
        decide(0x99, true, &digests(OPEN)),
        format!("{}; {}", decide(OPEN, true, &digests(OPEN)), decide(OPEN, true, &digests(OPEN))),
        format!("SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)", gate(APPROVED), digests(OPEN)),
        format!("SELECT count(*) FROM tenancy.gate_approved('{}', 'system.notify')", gate(APPROVED)),
        format!("{page}NULL, 100) g"),
        format!("{page}'{}', 100) g", gate(OF_TWO)),
        format!("{page}NULL, 2) g"),
        show(OPEN, "NULL"),
        show(OPEN, "gen_random_uuid()"),
        format!("SELECT tenancy.gate_open('{}') IS NULL; {TOLD}", gate(OPEN)),
        format!("SELECT set_config('test.access', tenancy.gate_open('{}')::text, true) IS NULL; {}", gate(OPEN), show(OPEN, "current_setting('test.access')::uuid")),
        format!("{}; {REQUESTS}; {JOBS}; {TOLD}", ask("system.change", "{}", "NULL")),
        format!("{}; {REQUESTS}", ask("message.confirm", "\\x0102", "1")),
        format!("{}; {REQUESTS}", ask("payment.refund", "\\x0102", "1")),
        ask("system.change", "{}", "1"),
        ask("system.change", "\\x0102", "NULL"),
        ask("payment.refund", "{}", "1"),
        ask("payment.refund", "\\x0102", "NULL"),
        ask("system.notify", "{}", "NULL"),
        ask("nothing", "{}", "NULL"),
        format!("SELECT tenancy.gate_policy_set('system.change', 2, '1 hour'); {}; {REQUESTS}; {TOLD}", ask("system.change", "{}", "NULL")),
        format!("SELECT tenancy.gate_policy_set('message.confirm', 2, '1 hour'); {}; {REQUESTS}", ask("message.confirm", "\\x0102", "1")),
        "SELECT tenancy.gate_policy_set('system.change', 1, '2 days')".to_owned(),
        "SELECT tenancy.gate_policy_set('payment.refund', 1, '1 hour')".to_owned(),
        "SELECT tenancy.gate_policy_set('system.notify', 1, '1 minute')".to_owned(),
        "SELECT tenancy.gate_policy_set('system.change', 2, '1 hour'); SELECT tenancy.gate_policy_set('system.change', 1, '2 days')".to_owned(),
        format!("SELECT tenancy.machine_register('{IDA}', 'service', NULL); {TOLD}"),
        format!("SELECT tenancy.machine_register('{IDA}', 'agent', '{AGENT}')"),
        format!("SELECT tenancy.machine_register('{IDA}', 'agent', '{ERIN}')"),
        format!("SELECT tenancy.machine_register('{AGENT}', 'service', NULL)"),
    ];
    in_a.extend((0..10).map(|n| show(if n == 9 { EXPIRED } else { OPEN }, &format!("'{}'", access(n)))));
    in_a.push(show(APPROVED, &format!("'{}'", access(0))));
    in_a.push(show(OF_B, &format!("'{}'", access(8))));
    for sql in in_a {
        // Who owns everything sees what came of it.
        let role = if sql.contains("FROM tenancy.gate_requests") {
            SUPERUSER
        } else {
            SERVER
        };
        list.push((role, format!("{of_b}; {sql}")));
        list.push((role, format!("{erin}; {sql}")));
    }
    list
}

async fn in_the_queue(superuser: &Client) -> Vec<(&'static str, String)> {
    let (erin, of_b) = (entered(superuser, A, ERIN).await, entered(superuser, B, ERIN).await);
    let agent = entered(superuser, A, AGENT).await;
    let mut list = Vec::new();
    let claim = |destinations: &str, regions: &str, limit: &str, seconds: &str| {
        format!(
            "SELECT string_agg(concat_ws(' ', right(c.effect::text, 2), c.lease_no, c.destination), ',' ORDER BY c.effect) FROM tenancy.effect_claim('{destinations}', '{regions}', {limit}, {seconds}) c"
        )
    };
    let all = "{hook.*,mail.a,other.*}";
    for (destinations, regions, limit, seconds) in [
        (all, REGIONS, "10", "60"),
        (all, REGIONS, "3", "60"),
        (all, REGIONS, "1", "60"),
        (all, "{us-east-1}", "10", "60"),
        (all, "{ap-south-1,us-east-1}", "10", "60"),
        ("{mail.a}", REGIONS, "10", "60"),
        ("{hook.a}", REGIONS, "10", "60"),
        ("{hook.*}", REGIONS, "10", "60"),
        ("{other.*}", REGIONS, "10", "60"),
        ("{vendor.*}", REGIONS, "10", "60"),
        (all, REGIONS, "0", "60"),
        (all, REGIONS, "101", "60"),
        (all, REGIONS, "NULL", "60"),
        (all, REGIONS, "10", "0"),
        (all, REGIONS, "10", "901"),
        (all, REGIONS, "10", "NULL"),
    ] {
        let claimed = claim(destinations, regions, limit, seconds);
        list.push((WORKER, claimed.clone()));
        list.push((SUPERUSER, format!("{claimed}; {QUEUE}; {BREAKERS}")));
    }
    for (rule, value) in [("in_flight", 100), ("in_flight", 2), ("burst", 1)] {
        let configured = format!("UPDATE tenancy.effect_config SET {rule} = {value}");
        list.push((SUPERUSER, format!("{configured}; {}", claim(all, REGIONS, "10", "60"))));
    }
    let filled = "UPDATE tenancy.effect_turns SET filled_at = now() - interval '1 day'";
    list.push((SUPERUSER, format!("{filled}; {}", claim(all, REGIONS, "10", "60"))));
    let over = "UPDATE tenancy.effect_queue SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL";
    list.push((
        SUPERUSER,
        format!("{over}; {}; {QUEUE}; {TOLD}", claim("{none}", REGIONS, "10", "60")),
    ));
    let half_open = "UPDATE tenancy.effect_breakers SET open_until = now() - interval '1 second'";
    list.push((
        SUPERUSER,
        format!("{half_open}; {}; {BREAKERS}", claim(all, REGIONS, "10", "60")),
    ));
    for n in [0, 6, 8, 9, 18, 19, 20] {
        let (id, held) = (effect(n), lease(n));
        let enter = format!("SELECT tenancy.enter_effect('{id}', '{held}', '{REGIONS}')");
        let begin = |idempotency: &str| {
            format!("SELECT b.kind, b.attempt_no FROM tenancy.effect_begin('{id}', '{held}', '{idempotency}') b")
        };
        list.push((WORKER, format!("{enter}; SELECT tenancy.current_ids()")));
        list.push((WORKER, format!("SELECT tenancy.effect_return('{id}', '{held}')")));
        list.push((SUPERUSER, format!("{over}; {enter}")));
        list.push((SUPERUSER, format!("{enter}; {over}; {}", begin("none"))));
        list.push((
            SUPERUSER,
            format!("{enter}; {}; {QUEUE}; {ATTEMPTS}; {TOLD}", begin("natural")),
        ));
        list.push((
            SUPERUSER,
            format!("SELECT tenancy.effect_return('{id}', '{held}'); {QUEUE}"),
        ));
        for (idempotency, outcome, wait) in [
            ("native", "delivered", "0"),
            ("native", "refused", "0"),
            ("native", "retry", "90000"),
            ("native", "unavailable", "0"),
            ("native", "ambiguous", "0"),
            ("none", "ambiguous", "NULL"),
            ("native", "retry", "86400000"),
            ("native", "retry", "-1"),
        ] {
            let finish = format!("SELECT tenancy.effect_finish('{id}', '{held}', '{outcome}', 'x', NULL, {wait})");
            list.push((SUPERUSER, format!("{enter}; UPDATE tenancy.effect_queue SET in_call = NULL; {}; {finish}; {QUEUE}; {ATTEMPTS}; {BREAKERS}; {TOLD}", begin(idempotency))));
            if outcome == "delivered" {
                list.push((WORKER, format!("{enter}; {finish}")));
            }
        }
    }
    let (held, other) = (lease(6), lease(0x99));
    let entered_6 = format!("SELECT tenancy.enter_effect('{}', '{held}', '{REGIONS}')", effect(6));
    list.extend(
        [
            format!("SELECT tenancy.enter_effect('{}', '{other}', '{REGIONS}')", effect(6)),
            format!("SELECT tenancy.enter_effect('{}', '{held}', '{REGIONS}')", effect(8)),
            format!(
                "SELECT tenancy.enter_effect('{}', '{held}', '{{eu-west-1}}')",
                effect(6)
            ),
            format!(
                "SELECT tenancy.enter_effect('{}', '{}', '{{ap-south-1}}')",
                effect(20),
                lease(20)
            ),
            format!("SELECT tenancy.effect_return('{}', '{other}')", effect(6)),
            format!("SELECT tenancy.effect_return('{}', '{held}')", effect(9)),
            format!(
                "{entered_6}; SELECT count(*) FROM tenancy.effect_begin('{}', '{other}', 'native')",
                effect(6)
            ),
            format!(
                "{entered_6}; SELECT count(*) FROM tenancy.effect_begin('{}', '{}', 'native')",
                effect(8),
                lease(8)
            ),
            format!(
                "{entered_6}; SELECT count(*) FROM tenancy.effect_begin('{}', '{held}', 'native')",
                effect(8)
            ),
            format!(
                "{entered_6}; SELECT tenancy.effect_finish('{}', '{held}', 'delivered', NULL, NULL, 0)",
                effect(6)
            ),
            format!(
                "{entered_6}; SELECT tenancy.effect_finish('{}', '{other}', 'delivered', NULL, NULL, 0)",
                effect(8)
            ),
        ]
        .map(|sql| (WORKER, sql)),
    );
    let put = |kind: &str, payload: &str, version: &str, aggregate: &str| {
        format!(
            "SELECT tenancy.effect_enqueue('{}', '{kind}', 'hook.a', {aggregate}, '{payload}', CASE WHEN {version} IS NOT NULL THEN sha256('x') END, {version}, NULL)",
            effect(0x99)
        )
    };
    let about = "'00000000-0000-0000-0000-000000000e02'";
    for sql in [
        format!("{}; {QUEUE}; {TOLD}", put("system.notify", "{}", "NULL", "NULL")),
        format!("{}; {QUEUE}", put("system.notify", "{}", "NULL", about)),
        format!("{}; {QUEUE}", put("webhook.deliver", "\\x0102", "1", "gen_random_uuid()")),
        put("system.notify", "\\x0102", "1", "NULL"),
        put("webhook.deliver", "{}", "NULL", "NULL"),
        put("system.change", "{}", "NULL", "NULL"),
        put("nothing", "{}", "NULL", "NULL"),
        "SELECT tenancy.effect_key_offer('k', 'mine'), tenancy.effect_key_offer('k', 'again'); SELECT encode(k.wrapped, 'escape') FROM tenancy.effect_key() k".to_owned(),
        "SELECT encode(k.wrapped, 'escape') FROM tenancy.effect_key() k".to_owned(),
        "SELECT string_agg(concat_ws(' ', right(l.effect_id::text, 2), l.state, l.attempts, l.behind), ',' ORDER BY l.effect_id) FROM tenancy.effect_list(NULL, 100) l".to_owned(),
        format!("SELECT count(*) FROM tenancy.effect_list('{}', 100)", effect(16)),
        "SELECT count(*) FROM tenancy.effect_list(NULL, 1)".to_owned(),
    ] {
        let role = if sql.contains("FROM tenancy.effect_queue") { SUPERUSER } else { SERVER };
        list.push((role, format!("{of_b}; {sql}")));
        list.push((role, format!("{erin}; {sql}")));
    }
    for n in [6, 14, 15, 16, 17] {
        for how in ["replayed", "found_delivered"] {
            let settle = format!(
                "SELECT tenancy.effect_settle('{}', '{how}', 'the vendor says so')",
                effect(n)
            );
            list.push((SUPERUSER, format!("{erin}; {settle}; {QUEUE}; {TOLD}")));
        }
        list.push((
            SERVER,
            format!("{erin}; SELECT * FROM tenancy.effect_state('{}')", effect(n)),
        ));
    }
    let settle = |how: &str, reason: &str| format!("SELECT tenancy.effect_settle('{}', {how}, {reason})", effect(15));
    list.extend(
        [
            format!("{agent}; {}", settle("'abandoned'", "'the vendor says so'")),
            format!("{erin}; {}", settle("'abandoned'", "'too short'")),
            format!("{erin}; {}", settle("'abandoned'", "repeat('x', 501)")),
            format!("{erin}; {}", settle("'abandoned'", "E'the vendor\\nsays so'")),
            format!("{erin}; {}", settle("'abandoned'", "NULL")),
            format!("{erin}; {}", settle("'delivered'", "'the vendor says so'")),
            format!("{erin}; {}", settle("NULL", "'the vendor says so'")),
        ]
        .map(|sql| (SERVER, sql)),
    );
    list.push((
        ADMIN,
        "SELECT tenancy.effect_configure(1, 1, 1, 1, '1 second', '1 minute')".to_owned(),
    ));
    let waits = "UPDATE tenancy.effect_queue SET state = 'dead', lease = NULL, leased_until = NULL, parked_at = now() WHERE effect_id = ";
    list.push((
        SUPERUSER,
        format!(
            "{waits}'{id}'; {erin}; SELECT tenancy.effect_settle('{id}', 'abandoned', 'the vendor says so'); {QUEUE}",
            id = effect(6)
        ),
    ));
    list
}

/// What no privilege stops.
fn hands() -> Vec<(&'static str, String)> {
    let mut list = vec![
        "UPDATE tenancy.gate_requests SET payload = 'x'".to_owned(),
        "UPDATE tenancy.gate_requests SET destination = 'vendor.y'".to_owned(),
        "DELETE FROM tenancy.gate_requests WHERE state = 'requested'".to_owned(),
        "UPDATE tenancy.gate_decisions SET verdict = 'approve'".to_owned(),
        "DELETE FROM tenancy.gate_decisions".to_owned(),
        "UPDATE tenancy.effects SET destination = 'vendor.y'".to_owned(),
        "DELETE FROM tenancy.effects".to_owned(),
        "UPDATE tenancy.action_kinds SET gated = false".to_owned(),
        "DELETE FROM tenancy.machines".to_owned(),
        "UPDATE tenancy.effect_attempts SET outcome = 'delivered', ended_at = now()".to_owned(),
        "UPDATE tenancy.effect_attempts SET idempotency = 'natural'".to_owned(),
        "DELETE FROM tenancy.effect_attempts".to_owned(),
    ];
    for n in 0..GATES {
        for (state, more) in [
            ("approved", ", decided_at = now()"),
            ("consumed", ", ended_at = now()"),
            ("requested", ", ended_at = NULL, decided_at = NULL"),
        ] {
            list.push(format!(
                "UPDATE tenancy.gate_requests SET state = '{state}'{more} WHERE gate_id = '{}'",
                gate(n)
            ));
        }
        list.push(format!(
            "INSERT INTO tenancy.effects (customer_id, effect_id, gate_id, kind, destination, payload, content_mac, key_version, digest, enqueued_by, request_id, enqueued_at, deliver_until)
             SELECT r.customer_id, r.gate_id, r.gate_id, r.kind, r.destination, r.payload, r.content_mac, r.key_version, r.digest, '{ANA}', '{REQUEST}', now(), now() + interval '1 hour'
               FROM tenancy.gate_requests r WHERE r.gate_id = '{}'",
            gate(n)
        ));
    }
    let shape = |gate: &str, kind: &str, payload: &str, until: &str, from: &str| {
        format!(
            "INSERT INTO tenancy.effects (customer_id, effect_id, gate_id, kind, destination, payload, digest, enqueued_by, request_id, enqueued_at, deliver_until)
             SELECT '{A}', '{id}', {gate}, '{kind}', 'hook.a', '{payload}', sha256(convert_to(tenancy.effect_content('{A}', '{id}', '{kind}', 'hook.a', NULL, '{payload}'), 'UTF8')),
                    '{ANA}', '{REQUEST}', now() + interval '{from}', now() + interval '{from}' + interval '{until}'",
            id = effect(0x98)
        )
    };
    list.extend([
        shape("NULL", "system.notify", "{}", "1 hour", "0 s"),
        shape("NULL", "system.notify", "\\x0102", "1 hour", "0 s"),
        shape("NULL", "system.notify", "{}", "2 days", "0 s"),
        shape("NULL", "system.notify", "{}", "1 hour", "1 hour"),
        shape("NULL", "system.change", "{}", "1 hour", "0 s"),
    ]);
    list.into_iter().map(|sql| (SUPERUSER, sql)).collect()
}
