//! Ask the statistics: what the planner, the executor's counters and the catalog know of everybody's rows.

use super::attack::Attack;
use super::attack::Judge::{Answers, Counts, Infers};
use super::attack::Step::{Each, Sql};

const CLIENT: [&str; 2] = ["{id_b}", "{nobody}"];

/// A question to one physical row, once by the counters of EXPLAIN ANALYZE, once by a context that fails when looked at.
macro_rules! question {
    ($explain:literal, $loud:literal, $name:literal, $condition:literal, $guess:expr) => {
        [
            Attack::new($explain, concat!("does a condition run ahead of the policy: ", $name), &[Sql(concat!(
                "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE ctid = '{position}' AND ",
                $condition
            ))])
            .judge(Infers($guess)),
            Attack::new($loud, concat!("the same, told by a broken context: ", $name), &[Sql(concat!(
                "RESET ALL; SELECT 1 FROM crm.clients WHERE ctid = '{position}' AND ",
                $condition
            ))])
            .judge(Infers($guess))
            .by(&["22P02"]),
        ]
    };
}

pub(crate) const ESTIMATES: &[Attack] = &[
    Attack::new("S01", "the estimate for a value that only B has", &[Sql("EXPLAIN SELECT 1 FROM crm.chart_notes WHERE client_id = '{guess}'")]).judge(Infers(CLIENT)),
    Attack::new("S02", "the estimate for a tenant", &[Sql("EXPLAIN SELECT 1 FROM crm.clients WHERE customer_id = '{guess}'")]).judge(Infers(["{b}", "{nobody}"])),
    Attack::new("S03", "the estimate for a range: where do B's values lie?", &[Sql("EXPLAIN SELECT 1 FROM crm.clients WHERE id < '{guess}'")])
        .judge(Infers(["10000000-0000-4000-8000-000000000000", "f0000000-0000-4000-8000-000000000000"])),
    Attack::new("S04", "the estimate of a join", &[Sql(
        "EXPLAIN SELECT 1 FROM crm.chart_notes n JOIN crm.clients c ON c.id = n.client_id WHERE n.client_id = '{guess}'",
    )])
    .judge(Infers(CLIENT)),
    Attack::new("S05", "the estimate for an actor of B", &[Sql("EXPLAIN SELECT 1 FROM {events} WHERE actor_id = '{guess}'")]).judge(Infers(["{actor_b}", "{nobody}"])),
    Attack::new("S06", "the estimate in JSON, with costs", &[Sql("EXPLAIN (FORMAT JSON, VERBOSE) SELECT 1 FROM crm.chart_notes WHERE client_id IN ('{guess}')")]).judge(Infers(CLIENT)),
    Attack::new("S07", "the plan that is chosen for a value", &[Sql(
        "SET LOCAL enable_seqscan = on; EXPLAIN (COSTS off) SELECT * FROM crm.chart_notes WHERE client_id = '{guess}' ORDER BY id LIMIT 500",
    )])
    .judge(Infers(CLIENT)),
];

pub(crate) const COUNTERS: &[Attack] = &[
    Attack::new("S10", "rows removed by the filter: is there such an id?", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE id = '{guess}'",
    )])
    .judge(Infers(CLIENT)),
    Attack::new("S11", "rows removed by the filter: is there such a value?", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE external_digest = decode('{guess}', 'hex')",
    )])
    .judge(Infers(["{digest_b}", "{digest_x}"])),
    Attack::new("S12", "rows removed by the filter: are there notes on such a client?", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.chart_notes WHERE client_id = '{guess}'",
    )])
    .judge(Infers(CLIENT)),
    Attack::new("S13", "buffers that a look-up touches", &[
        Sql("SELECT 1 FROM crm.clients WHERE id = '{guess}'; SELECT 1 FROM crm.clients WHERE id = '{guess}'"),
        Sql("EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE id = '{guess}'"),
    ])
    .judge(Infers(CLIENT)),
];

pub(crate) const AHEAD: [[Attack; 2]; 7] = [
    question!("S20", "S21", "= ANY", "id = ANY ('{{guess}}'::uuid[])", CLIENT),
    question!(
        "S22",
        "S23",
        ">= ANY",
        "id >= ANY ('{{guess}}'::uuid[])",
        ["{id_b}", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    ),
    question!("S24", "S25", "<> ALL", "id <> ALL ('{{guess}}'::uuid[])", CLIENT),
    question!(
        "S26",
        "S27",
        "NOT (= ANY)",
        "NOT (id = ANY ('{{guess}}'::uuid[]))",
        CLIENT
    ),
    question!("S28", "S29", "=", "id = '{guess}'", CLIENT),
    question!(
        "S30",
        "S31",
        "the tenant itself",
        "customer_id = ANY ('{{guess}}'::uuid[])",
        ["{b}", "{nobody}"]
    ),
    question!(
        "S32",
        "S33",
        "= ANY on bytea",
        "external_digest = ANY (ARRAY[decode('{guess}', 'hex')])",
        ["{digest_b}", "{digest_x}"]
    ),
];

pub(crate) const CHEAP: &[Attack] = &[
    Attack::new("S40", "is a column of one physical row NULL?", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE ctid = '{position}' AND external_digest IS {guess}",
    )])
    .judge(Infers(["NOT NULL", "NULL"]))
    .residual("cheap-conditions"),
    Attack::new("S41", "an integer of one physical row, by the subscript of an array", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.tenant_keys WHERE ctid = '(0,2)' AND ('{guess}={t}'::bool[])[version]",
    )])
    .judge(Infers(["[1:1]", "[2:2]"]))
    .ours()
    .residual("cheap-conditions"),
    Attack::new("S42", "a text of one physical row, by the subscript of a JSON object", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.tenant_keys WHERE ctid = '(0,2)' AND ('{guess}'::jsonb)[kek_version] IS NOT NULL",
    )])
    .judge(Infers(["{\"1\": 1}", "{\"2\": 1}"]))
    .ours()
    .residual("cheap-conditions"),
    Attack::new("S43", "an integer of one physical row, by comparison", &[Sql(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE ctid = '{position}' AND {guess}",
    )])
    .judge(Infers(["version = 1", "version = 2"])),
];

pub(crate) const TABLES: &[Attack] = &[
    Attack::new("S50", "frequent values in pg_stats", &[Sql("SELECT * FROM pg_catalog.pg_stats WHERE schemaname IN ('crm', 'audit')")]),
    Attack::new("S51", "frequent combinations in pg_stats_ext", &[Sql("SELECT * FROM pg_catalog.pg_stats_ext; SELECT * FROM pg_catalog.pg_stats_ext_exprs")]),
    Attack::new("S52", "pg_statistic itself", &[Sql("SELECT * FROM pg_catalog.pg_statistic")]),
    Attack::new("S53", "pg_statistic_ext_data itself", &[Sql("SELECT * FROM pg_catalog.pg_statistic_ext_data")]),
    Attack::new("S54", "a sequence that all tenants share: how much business is there?", &[Each(
        "SELECT format('SELECT last_value FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'S'",
    )])
    .judge(Answers("4711")),
    Attack::new("S55", "the same by pg_sequences", &[Sql("SELECT last_value FROM pg_catalog.pg_sequences WHERE schemaname = 'crm'")]).judge(Answers("4711")),
    Attack::new("S56", "how many rows the whole table has: pg_class", &[Sql("SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = 'crm.clients'::regclass")])
        .judge(Counts("SELECT count(*)::text FROM crm.clients"))
        .residual("table-counts"),
    Attack::new("S57", "how large the whole table is", &[Sql("SELECT pg_relation_size('crm.clients')")])
        .judge(Counts("SELECT pg_relation_size('crm.clients')::text"))
        .residual("table-counts"),
    Attack::new("S58", "how many rows the whole table has: the statistics collector", &[Sql("SELECT pg_stat_get_live_tuples('crm.clients'::regclass) > 1")])
        .judge(Answers("t"))
        .residual("table-counts"),
    Attack::new("S59", "how many rows the whole table has: rows removed by the filter", &[
        Sql("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off"),
        Sql("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE version = 98"),
    ])
    .judge(Counts("SELECT 'Rows Removed by Filter: ' || count(*) FROM crm.clients"))
    .residual("table-counts"),
    Attack::new("S60", "where one's own new row is put: how full the table is", &[Sql(
        "WITH i AS (INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{a}', gen_random_uuid(), '{id_a}') RETURNING ctid) SELECT (ctid::text::point)[0] > 0 FROM i",
    )])
    .judge(Answers("t"))
    .residual("table-counts"),
    Attack::new("S61", "reset the statistics", &[Sql("SELECT pg_stat_reset()")]),
];
