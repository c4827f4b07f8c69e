//! Ask the constraints: a unique key or a foreign key that knows no tenant answers for all of them.

use super::attack::Attack;
use super::attack::Judge::Infers;
use super::attack::Step::{AsB, Sql};

const CLIENT: [&str; 2] = ["{id_b}", "{nobody}"];
const DIGEST: [&str; 2] = ["{digest_b}", "{digest_x}"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("O01", "INSERT with an id: is it taken?", &[Sql("INSERT INTO crm.clients (customer_id, id) VALUES ('{a}', '{guess}')")]).judge(Infers(CLIENT)),
    Attack::new("O02", "INSERT with a unique value: is it taken?", &[Sql(
        "INSERT INTO crm.clients (customer_id, id, external_digest) VALUES ('{a}', gen_random_uuid(), decode('{guess}', 'hex'))",
    )])
    .judge(Infers(DIGEST)),
    Attack::new("O03", "ON CONFLICT DO NOTHING: how many rows?", &[Sql(
        "INSERT INTO crm.clients (customer_id, id, external_digest) VALUES ('{a}', gen_random_uuid(), decode('{guess}', 'hex')) ON CONFLICT DO NOTHING",
    )])
    .judge(Infers(DIGEST)),
    Attack::new("O04", "ON CONFLICT DO NOTHING … RETURNING", &[Sql(
        "INSERT INTO crm.clients (customer_id, id) VALUES ('{a}', '{guess}') ON CONFLICT DO NOTHING RETURNING version",
    )])
    .judge(Infers(CLIENT)),
    Attack::new("O05", "UPDATE one's own id: is it taken?", &[
        Sql("INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{a}', 'e0000000-0000-4000-8000-00000000000e', '{id_a}')"),
        Sql("UPDATE crm.chart_notes SET id = '{guess}' WHERE id = 'e0000000-0000-4000-8000-00000000000e'"),
    ])
    .judge(Infers(["{note_b}", "{nobody}"])),
    Attack::new("O06", "UPDATE one's own unique value: is it taken?", &[Sql(
        "UPDATE crm.clients SET external_digest = decode('{guess}', 'hex') WHERE id = '{id_a}'",
    )])
    .judge(Infers(DIGEST)),
    Attack::new("O07", "MERGE with an id: is it taken?", &[Sql(
        "MERGE INTO crm.clients c USING (SELECT '{guess}'::uuid AS id) s ON c.id = s.id WHEN NOT MATCHED THEN INSERT (customer_id, id) VALUES ('{a}', s.id)",
    )])
    .judge(Infers(CLIENT)),
    Attack::new("O08", "a unique value on the second table: is it taken?", &[Sql(
        "INSERT INTO crm.chart_notes (customer_id, id, client_id, import_key) VALUES ('{a}', gen_random_uuid(), '{id_a}', decode('{guess}', 'hex'))",
    )])
    .judge(Infers(["{import_b}", "{digest_x}"])),
    Attack::new("O09", "a foreign key to a client: is there one?", &[Sql(
        "INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{a}', gen_random_uuid(), '{guess}')",
    )])
    .judge(Infers(CLIENT))
    .by(&["23503"]),
    Attack::new("O10", "UPDATE a foreign key: is there one?", &[Sql("UPDATE crm.chart_notes SET client_id = '{guess}'")])
        .judge(Infers(CLIENT))
        .by(&["23503"]),
    Attack::new("O11", "a foreign key to the registry: is there such a tenant?", &[Sql(
        "INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{guess}', gen_random_uuid(), '{id_a}')",
    )])
    .judge(Infers(["{b}", "{nobody}"])),
    Attack::new("O12", "the same, with the checks deferred to the end", &[
        Sql("SET CONSTRAINTS ALL DEFERRED"),
        Sql("INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{a}', gen_random_uuid(), '{guess}')"),
        Sql("SET CONSTRAINTS ALL IMMEDIATE"),
    ])
    .judge(Infers(CLIENT))
    .by(&["23503"]),
    Attack::new("O13", "wait for a value that B has not committed yet", &[
        AsB("INSERT INTO crm.clients (customer_id, id) VALUES ('{b}', '{nobody}')"),
        Sql("SET LOCAL lock_timeout = '150ms'"),
        Sql("INSERT INTO crm.clients (customer_id, id) VALUES ('{a}', '{guess}')"),
    ])
    .judge(Infers(["{nobody}", "c0000000-0000-4000-8000-00000000000d"])),
    Attack::new("O14", "wait for a row that B has locked", &[
        AsB("SELECT 1 FROM crm.clients WHERE id = '{id_b}' FOR UPDATE"),
        Sql("SET LOCAL lock_timeout = '150ms'"),
        Sql("SELECT id FROM crm.clients WHERE id = '{guess}' FOR UPDATE; UPDATE crm.clients SET version = 99 WHERE id = '{guess}'; DELETE FROM crm.clients WHERE id = '{guess}'"),
    ])
    .judge(Infers(CLIENT)),
    Attack::new("O15", "skip what B has locked", &[
        AsB("SELECT 1 FROM crm.clients WHERE id = '{id_b}' FOR UPDATE"),
        Sql("SELECT count(*) FROM (SELECT 1 FROM crm.clients WHERE id >= '{guess}' FOR UPDATE SKIP LOCKED) s"),
    ])
    .judge(Infers(["b0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"])),
];
