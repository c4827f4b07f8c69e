//! Write across: put rows into tenant B, change them, take them away.

use super::attack::Attack;
use super::attack::Judge::Answers;
use super::attack::Step::Sql;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("W01", "INSERT a row of B", &[Sql("INSERT INTO crm.clients (customer_id, id) VALUES ('{b}', gen_random_uuid())")]),
    Attack::new("W02", "give B one's own row", &[Sql("UPDATE crm.clients SET customer_id = '{b}' WHERE id = '{id_a}'")]).by(&["23503"]),
    Attack::new("W03", "UPDATE B's row by its id", &[Sql("UPDATE crm.clients SET version = 99 WHERE id = '{id_b}'")]),
    Attack::new("W04", "UPDATE without a condition", &[Sql("UPDATE crm.clients SET version = version + 1")]),
    Attack::new("W05", "DELETE B's row by its id", &[Sql("DELETE FROM crm.chart_notes WHERE id = '{note_b}'")]),
    Attack::new("W06", "DELETE without a condition", &[Sql("DELETE FROM crm.chart_notes")]),
    Attack::new("W07", "MERGE that inserts for B", &[Sql(
        "MERGE INTO crm.clients c USING (SELECT gen_random_uuid() AS id) s ON c.id = s.id WHEN NOT MATCHED THEN INSERT (customer_id, id) VALUES ('{b}', s.id)",
    )]),
    Attack::new("W08", "MERGE that deletes B's row", &[Sql(
        "MERGE INTO crm.chart_notes n USING (SELECT '{note_b}'::uuid AS id) s ON n.id = s.id WHEN MATCHED THEN DELETE",
    )]),
    Attack::new("W09", "ON CONFLICT DO UPDATE on B's row", &[Sql(
        "INSERT INTO crm.clients (customer_id, id, external_digest) VALUES ('{b}', '{id_b}', decode('{digest_b}', 'hex')) ON CONFLICT DO NOTHING; UPDATE crm.clients SET version = 99 WHERE id = '{id_b}'",
    )]),
    Attack::new("W10", "ON CONFLICT DO UPDATE … RETURNING", &[Sql(
        "INSERT INTO crm.clients AS c (customer_id, id) SELECT '{b}', '{id_b}' ON CONFLICT ON CONSTRAINT clients_pkey DO UPDATE SET version = 99 RETURNING c.*",
    )]),
    Attack::new("W11", "swap the readable tenant and let the default fill it in", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("INSERT INTO crm.clients (id) VALUES (gen_random_uuid())"),
    ]),
    Attack::new("W12", "INSERT … SELECT into B", &[Sql("INSERT INTO crm.clients (customer_id, id) SELECT '{b}', gen_random_uuid() FROM generate_series(1, 3)")]),
    Attack::new("W13", "a data-modifying CTE", &[Sql("WITH d AS (DELETE FROM crm.chart_notes WHERE id = '{note_b}' RETURNING *), i AS (INSERT INTO crm.clients (customer_id, id) VALUES ('{b}', gen_random_uuid()) RETURNING *) SELECT * FROM d, i")]),
    Attack::new("W14", "UPDATE … FROM and DELETE … USING", &[Sql("UPDATE crm.clients c SET version = 99 FROM (VALUES ('{id_b}'::uuid)) v (id) WHERE c.id = v.id; DELETE FROM crm.chart_notes n USING crm.clients c WHERE n.client_id = c.id AND c.id = '{id_b}'")]),
    Attack::new("W15", "COPY rows in for B", &[Sql("COPY crm.clients (customer_id, id) FROM STDIN")]).by(&["0A000"]),
    Attack::new("W16", "TRUNCATE", &[Sql("TRUNCATE crm.clients CASCADE")]),
    Attack::new("W17", "hang a note of one's own on B's client", &[Sql("INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{a}', gen_random_uuid(), '{id_b}'); SELECT 'attached'")])
        .judge(Answers("attached"))
        .by(&["23503"]),
    Attack::new("W18", "put a note into B on B's client", &[Sql("INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{b}', gen_random_uuid(), '{id_b}')")]),
    Attack::new("W19", "move one's own note to B", &[Sql("UPDATE crm.chart_notes SET customer_id = '{b}'")]),
    Attack::new("W20", "rename B in the registry", &[Sql("UPDATE {registry} SET name = 'mine' WHERE {registry_id} = '{b}'")]),
    Attack::new("W21", "remove B from the registry", &[Sql("DELETE FROM {registry} WHERE {registry_id} = '{b}'")]).by(&["23503"]),
    Attack::new("W22", "write an event in B's name", &[Sql("INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome) VALUES ('{b}', '{actor_b}', gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success')")]).ours(),
    Attack::new("W23", "write an event into B by the defaults", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'; SET LOCAL app.current_subject_id = '{actor_b}'"),
        Sql("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (gen_random_uuid(), 'client.read', 'completed', 'success')"),
    ]).ours(),
    Attack::new("W24", "change B's events", &[Sql("UPDATE {events} SET actor_id = '{nobody}' WHERE customer_id = '{b}'")]),
    Attack::new("W25", "delete B's events in the partition", &[Sql("DELETE FROM {partition}")]),
    Attack::new("W26", "insert B's event into the partition", &[Sql("INSERT INTO {partition} (customer_id, actor_id) VALUES ('{b}', '{actor_b}')")]),
    Attack::new("W27", "replace B's wrapped key", &[Sql("UPDATE crm.tenant_keys SET wrapped = decode('00', 'hex') WHERE customer_id = '{b}'")]).ours(),
    Attack::new("W28", "write through every view", &[super::attack::Step::Each(
        "SELECT format('DELETE FROM %s WHERE id = ''{id_a}''', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'v' AND c.relname = 'client_names'
         UNION ALL SELECT format('UPDATE %s SET name = ''mine'' WHERE id = ''{id_b}''', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'v' AND c.relname = 'client_names'",
    )]).by(&["23503"]),
    Attack::new("W29", "write through every function that runs as its owner", &[super::attack::Step::Each(
        "SELECT format('SELECT %s(%L, ''mine'')', p.oid::regproc, '{id_b}') FROM pg_catalog.pg_proc p WHERE p.prosecdef AND has_function_privilege(p.oid, 'EXECUTE') AND p.proargtypes::oid[] = ARRAY['uuid'::regtype, 'text'::regtype]::oid[]",
    )]),
    Attack::new("W30", "set B's sequence back", &[super::attack::Step::Each(
        "SELECT format('SELECT setval(%L, 1)', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'S'",
    )]),
    Attack::new("W31", "swap the tenant and delete as B", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("DELETE FROM crm.chart_notes"),
    ]),
    Attack::new("W32", "swap the tenant and update as B", &[
        Sql("SELECT set_config('app.current_customer_id', '{b}', true)"),
        Sql("UPDATE crm.clients SET version = 99"),
    ]),
    Attack::new("W33", "delete one's own row that B's rows refer to", &[super::attack::Step::Each(
        "SELECT format('DELETE FROM %s WHERE customer_id = ''{a}''', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'crm'::regnamespace AND c.relname IN ('services', 'clients')",
    )]).by(&["23503"]),
];
