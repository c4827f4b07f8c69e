//! Attacks through the functions of tenants' roles: sets, changes and assignments, each a good one and its almost good twins.

use super::arena::{A, B, Entry, PERSON};
use tokio_postgres::Client;
use uuid::Uuid;

const SERVER: &str = "bearingwall_app";
const SUPERUSER: &str = "postgres";
const HELD: &str = "'{audit:read,client:read,client:write}'";
const WHY: &str = "covers the front desk";

const ANA: Uuid = Uuid::from_u128(0x52);
const CLEO: Uuid = Uuid::from_u128(0x53);
const DAN: Uuid = Uuid::from_u128(0x54);
const BO: Uuid = Uuid::from_u128(0x55);
const UNSEEN: Uuid = Uuid::from_u128(0x56);

const DESK: Uuid = Uuid::from_u128(0x600);
const RETIRED: Uuid = Uuid::from_u128(0x601);
const AUDIT: Uuid = Uuid::from_u128(0x602);
const OF_B: Uuid = Uuid::from_u128(0x603);

const fn change(n: u128) -> Uuid {
    Uuid::from_u128(0x700 + n)
}

const fn assignment(n: u128) -> Uuid {
    Uuid::from_u128(0x800 + n)
}

/// Of change 0 the attacker may decide; of each other one it may not, for one reason.
pub(super) async fn furnish(superuser: &Client) {
    superuser
        .batch_execute(&format!(
            "SET bearingwall.audit_ddl = on;
             INSERT INTO tenancy.role_sets (customer_id, role_set_id, name, permissions, sha256, defined_by, defined_at)
                SELECT v.customer::uuid, v.id::uuid, v.name, v.permissions::text[],
                       sha256(convert_to(tenancy.role_set_content(v.customer::uuid, v.id::uuid, v.name, v.permissions::text[]), 'UTF8')), '{ANA}', now() - interval '300 days'
                  FROM (VALUES ('{A}', '{DESK}', 'Desk', '{{client:read,client:write}}'), ('{A}', '{RETIRED}', 'Retired', '{{client:read}}'),
                               ('{A}', '{AUDIT}', 'Audit', '{{audit:read}}'), ('{B}', '{OF_B}', 'Of B', '{{client:read}}')) AS v (customer, id, name, permissions);
             INSERT INTO tenancy.role_changes (customer_id, change_id, subject_id, role_set_id, role_set_sha256, ends_at, reason, requested_by, requested_at, expires_at, sha256)
                SELECT s.customer_id, v.id, v.subject, s.role_set_id, s.sha256, v.ends, '{WHY}', v.by, v.at, v.at + interval '72 hours',
                       sha256(convert_to(tenancy.role_change_content(s.customer_id, v.id, v.subject, s.role_set_id, s.sha256, v.ends, '{WHY}', v.by, v.at + interval '72 hours'), 'UTF8'))
                  FROM (SELECT ('00000000-0000-0000-0000-0000000007' || lpad(to_hex(w.n), 2, '0'))::uuid AS id, w.subject::uuid, w.set::uuid, w.by::uuid,
                               date_trunc('milliseconds', now()) - w.ago::interval AS at, date_trunc('milliseconds', now()) + w.ends::interval AS ends
                          FROM (VALUES (0, '{CLEO}', '{DESK}', '{ANA}', '1 hour', NULL), (1, '{CLEO}', '{DESK}', '{PERSON}', '1 hour', NULL),
                            (2, '{PERSON}', '{DESK}', '{ANA}', '1 hour', NULL), (3, '{CLEO}', '{DESK}', '{ANA}', '80 hours', NULL),
                            (4, '{CLEO}', '{DESK}', '{ANA}', '2 hours', '-1 hour'), (5, '{CLEO}', '{OF_B}', '{ANA}', '1 hour', NULL),
                            (6, '{DAN}', '{DESK}', '{ANA}', '1 hour', NULL), (7, '{DAN}', '{DESK}', '{ANA}', '1 hour', NULL),
                            (8, '{CLEO}', '{RETIRED}', '{ANA}', '1 hour', NULL), (9, '{PERSON}', '{DESK}', '{ANA}', '200 days', NULL),
                            (10, '{PERSON}', '{AUDIT}', '{ANA}', '1 hour', NULL), (11, '{PERSON}', '{AUDIT}', '{ANA}', '2 hours', '-1 hour'),
                            (12, '{PERSON}', '{OF_B}', '{ANA}', '1 hour', NULL), (13, '{CLEO}', '{AUDIT}', '{UNSEEN}', '1 hour', NULL),
                            (14, '{UNSEEN}', '{RETIRED}', '{ANA}', '1 hour', NULL)) AS w (n, subject, set, by, ago, ends)) v
                  JOIN tenancy.role_sets s ON s.role_set_id = v.set;
             UPDATE tenancy.role_changes SET verdict = 'approved', decided_by = '{BO}', decided_at = requested_at + interval '1 minute', seen_sha256 = sha256
              WHERE right(change_id::text, 2) IN ('06', '09', '0a', '0b', '0c', '0d', '0e');
             INSERT INTO tenancy.role_assignments (customer_id, assignment_id, change_id, subject_id, role_set_id, since, ends_at, requested_by, agreed_by)
                SELECT c.customer_id, replace(c.change_id::text, '-0000000007', '-0000000008')::uuid, c.change_id, c.subject_id, c.role_set_id, c.decided_at, c.ends_at, c.requested_by, c.decided_by
                  FROM tenancy.role_changes c WHERE c.verdict = 'approved';
             UPDATE tenancy.role_assignments SET ended_by = '{ANA}', ended_at = now(), end_reason = 'left the front desk' WHERE assignment_id = '{ended}';
             UPDATE tenancy.role_sets SET retired_by = '{ANA}', retired_at = now() WHERE role_set_id = '{RETIRED}';
             INSERT INTO tenancy.people (customer_id, subject_id, roles, roles_since, first_seen_at, last_seen_at) VALUES
                ('{A}', '{ANA}', '{{customer_admin}}', now(), now() - interval '200 days', now() - interval '2 days'), ('{B}', '{BO}', '{{customer_admin}}', now(), now(), now()),
                ('{A}', '{BO}', '{{}}', now(), now(), now()), ('{A}', '{CLEO}', '{{authenticated}}', now(), now() - interval '200 days', now() - interval '100 days');
             RESET bearingwall.audit_ddl",
            ended = assignment(10),
        ))
        .await
        .unwrap();
}

/// What is refused to the attacker, in a tenant of its own, and what of another tenant's it reaches.
pub(super) async fn attacks(superuser: &Client) -> Vec<(&'static str, String)> {
    let rows = superuser
        .query("SELECT change_id, encode(sha256, 'hex') FROM tenancy.role_changes", &[])
        .await
        .unwrap();
    let digest = |id: Uuid| -> String {
        rows.iter()
            .find(|row| row.get::<_, Uuid>(0) == id)
            .map_or_else(String::new, |row| row.get(1))
    };
    let decide = |n: u128, digest: &str, approve: bool, held: &str| {
        format!(
            "SELECT tenancy.role_change_decide('{}', '\\x{digest}', {approve}, '{}', {held})",
            change(n),
            assignment(0x99)
        )
    };
    let given =
        "SELECT string_agg(a.assignment_id::text, ',' ORDER BY a.assignment_id) FROM tenancy.role_assignment_list() a";
    let own = "SELECT string_agg(concat(r.assignment_id, '=', array_to_string(r.permissions, ' '), r.used_lately), ',' ORDER BY r.assignment_id)
                 FROM tenancy.role_resolve('{authenticated}') r";
    let review = |after: &str, days: u16, event: &str| {
        format!(
            "SELECT string_agg(concat_ws(' ', r.place, r.role, r.stale, array_to_string(r.orphaned, '+'), r.requested_by, r.reviewed_by,
                    r.last_used_at IS NULL, r.last_seen_at IS NULL), ',' ORDER BY r.place)
               FROM tenancy.access_review({after}, 100, {days}, '{event}') r"
        )
    };
    let ask = |subject: Uuid, set: Uuid, held: &str| {
        format!(
            "SELECT length(tenancy.role_change_request('{}', '{subject}', '{set}', NULL, '{WHY}', {held}))",
            change(0x99)
        )
    };
    let mut list: Vec<String> = (0..15)
        .map(|n| format!("{}; {given}", decide(n, &digest(change(n)), true, HELD)))
        .collect();
    list.extend((0..15).map(|n| decide(n, &digest(change(n)), false, "'{}'")));
    for n in [6, 9, 10, 11, 12, 13, 14, 0x99] {
        let id = assignment(n);
        list.push(format!(
            "SELECT tenancy.role_assignment_end('{id}', 'left the front desk'); {own}"
        ));
        list.push(format!(
            "SELECT tenancy.role_assignment_review('{id}', NULL); {}",
            review("NULL", 90, "access_review.read")
        ));
        list.push(format!(
            "SELECT tenancy.role_assignment_review('{id}', 'left the front desk'); {}",
            review("NULL", 90, "access_review.read")
        ));
        list.push(format!("SELECT tenancy.role_used('{{{id}}}'); {own}"));
    }
    list.extend([
        decide(0, &"00".repeat(32), true, HELD),
        decide(0, "", false, HELD),
        decide(0, &digest(change(0)), true, "'{client:read}'"),
        decide(0, &digest(change(0)), true, "NULL"),
        decide(0x99, &digest(change(0)), true, HELD),
        ask(CLEO, DESK, HELD),
        ask(CLEO, DESK, "'{client:write}'"),
        ask(CLEO, DESK, "NULL"),
        ask(PERSON, DESK, HELD),
        ask(CLEO, RETIRED, HELD),
        ask(CLEO, OF_B, HELD),
        format!("{own}; {own}"),
        format!("SELECT count(*) FROM tenancy.role_resolve('{{authenticated}}'), tenancy.role_resolve('{{customer_admin}}'); {}", review("NULL", 90, "access_review.read")),
        "SELECT count(*) FROM tenancy.role_resolve('{internal_admin}')".to_owned(),
        review("NULL", 90, "access_review.read"),
        review("NULL", 1, "access_review.exported"),
        review("NULL", 3660, "access_review.read"),
        review("'00000000-0000-0000-0000-000000000053/token'", 90, "access_review.read"),
        review("NULL", 0, "access_review.read"),
        review("NULL", 3661, "access_review.read"),
        review("NULL", 90, "role.granted"),
        "SELECT count(*) FROM tenancy.access_review(NULL, 0, 90, 'access_review.read')".to_owned(),
        "SELECT count(*) FROM tenancy.access_review(NULL, 1001, 90, 'access_review.read')".to_owned(),
        "SELECT string_agg(s.name, ',' ORDER BY s.name) FROM tenancy.role_set_list() s".to_owned(),
        "SELECT string_agg(c.change_id::text, ',' ORDER BY c.change_id) FROM tenancy.role_change_list() c".to_owned(),
        format!("SELECT tenancy.role_set_retire('{DESK}'), tenancy.role_set_retire('{RETIRED}'), tenancy.role_set_retire('{OF_B}')"),
        "SELECT tenancy.role_set_define(gen_random_uuid(), 'New', '{client:write,client:read,client:read}'); SELECT s.permissions FROM tenancy.role_set_list() s WHERE s.name = 'New'".to_owned(),
        "SELECT tenancy.role_set_define(gen_random_uuid(), 'New', '{client:read,break_glass:manage}')".to_owned(),
    ]);
    let (a, b) = (Entry::good(A), Entry::good(B));
    let (in_a, in_b) = (a.call(superuser, &a).await, b.call(superuser, &b).await);
    let told = "SELECT string_agg(concat_ws(' ', event_type, outcome_code, resource, recipient), ',' ORDER BY event_type, resource_id) FROM audit.events
                 WHERE event_type ~ '^(role|access_review)' AND recorded_at >= transaction_timestamp() AND length(coalesce(outcome_code, '')) < 64";
    let mut attacks: Vec<(&'static str, String)> = Vec::new();
    for sql in list {
        attacks.push((SERVER, format!("{in_a}; {sql}; {told}")));
        attacks.push((SERVER, format!("{in_b}; {sql}")));
    }
    attacks.extend(hands().into_iter().map(|sql| (SUPERUSER, sql)));
    attacks
}

/// What no privilege stops.
fn hands() -> Vec<String> {
    let row = |n: u128, column: &str, value: &str| {
        let columns = [
            "subject_id",
            "role_set_id",
            "decided_at",
            "ends_at",
            "requested_by",
            "decided_by",
        ];
        let values = columns
            .map(|name| {
                if name == column {
                    value.to_owned()
                } else {
                    format!("c.{name}")
                }
            })
            .join(", ");
        let id = change(n);
        format!(
            "UPDATE tenancy.role_changes SET verdict = 'approved', decided_by = '{BO}', decided_at = now(), seen_sha256 = sha256 WHERE change_id = '{}';
             INSERT INTO tenancy.role_assignments (customer_id, assignment_id, change_id, subject_id, role_set_id, since, ends_at, requested_by, agreed_by)
                SELECT c.customer_id, gen_random_uuid(), c.change_id, {values} FROM tenancy.role_changes c WHERE c.change_id = '{id}'",
            change(0)
        )
    };
    let mut list = vec![
        row(0, "", ""),
        row(1, "", ""),
        row(0, "subject_id", &format!("'{DAN}'")),
        row(0, "role_set_id", &format!("'{AUDIT}'")),
        row(0, "decided_at", "now() + interval '1 day'"),
        row(0, "ends_at", "now() + interval '1 day'"),
        row(0, "requested_by", &format!("'{DAN}'")),
        row(0, "decided_by", &format!("'{DAN}'")),
    ];
    list.push(row(0, "", "").replace("'approved'", "'declined'"));
    list.extend(
        [
            "UPDATE tenancy.role_sets SET retired_by = NULL, retired_at = NULL",
            "UPDATE tenancy.role_sets SET retired_at = now() WHERE retired_at IS NOT NULL",
            "UPDATE tenancy.role_sets SET defined_by = gen_random_uuid() WHERE retired_at IS NULL",
            "INSERT INTO tenancy.role_sets SELECT customer_id, gen_random_uuid(), 'X', '{client:write,client:read}', '', defined_by, defined_at FROM tenancy.role_sets LIMIT 1",
            "INSERT INTO tenancy.role_sets SELECT customer_id, gen_random_uuid(), 'X', '{me:read}', '', defined_by, defined_at FROM tenancy.role_sets LIMIT 1",
            "INSERT INTO tenancy.role_sets SELECT customer_id, gen_random_uuid(), 'X', '{client:read}', '', defined_by, defined_at, defined_by, now() FROM tenancy.role_sets LIMIT 1",
            "DELETE FROM tenancy.role_sets",
            "INSERT INTO tenancy.role_changes SELECT * FROM tenancy.role_changes WHERE verdict = 'approved' LIMIT 1",
            "UPDATE tenancy.role_changes SET reason = 'another reason' WHERE decided_at IS NULL",
            "UPDATE tenancy.role_changes SET verdict = 'declined' WHERE decided_at IS NOT NULL",
            "DELETE FROM tenancy.role_changes",
            "UPDATE tenancy.role_assignments SET agreed_by = gen_random_uuid() WHERE ended_at IS NULL",
            "UPDATE tenancy.role_assignments SET ended_at = NULL, ended_by = NULL, end_reason = NULL WHERE ended_at IS NOT NULL",
            "UPDATE tenancy.role_assignments SET last_used_at = now(); ",
            "UPDATE tenancy.role_assignments SET last_used_at = now() WHERE ended_at IS NULL; UPDATE tenancy.role_assignments SET last_used_at = now() - interval '1 day' WHERE ended_at IS NULL",
            "UPDATE tenancy.role_assignments SET reviewed_by = gen_random_uuid(), reviewed_at = now() WHERE ended_at IS NULL; UPDATE tenancy.role_assignments SET reviewed_at = since WHERE ended_at IS NULL",
            "DELETE FROM tenancy.role_assignments",
            "UPDATE tenancy.people SET subject_id = gen_random_uuid()",
            "UPDATE tenancy.people SET last_seen_at = first_seen_at",
            "DELETE FROM tenancy.people",
            "UPDATE tenancy.people SET roles = '{authenticated}'; SELECT count(*) FROM audit.events WHERE event_type = 'role.claimed' AND recorded_at >= transaction_timestamp()",
        ]
        .map(str::to_owned),
    );
    list
}
