//! Go around row security: through objects that read as their owner, and through ways of reading that pass no policy.

use super::attack::Attack;
use super::attack::Judge::Infers;
use super::attack::Step::{CopyOut, Each, Sql};

pub(crate) const OBJECTS: &[Attack] = &[
    Attack::new("V01", "every view that the role may read", &[Each(
        "SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'v' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND has_table_privilege(c.oid, 'SELECT')",
    )]),
    Attack::new("V02", "every materialized view that the role may read", &[Each(
        "SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind = 'm' AND has_table_privilege(c.oid, 'SELECT')",
    )]),
    Attack::new("V03", "a partition, read directly", &[Sql("SELECT * FROM {partition}")]),
    Attack::new("V04", "every function that runs as its owner", &[Each(
        "SELECT format('SELECT * FROM %s(%s)', p.oid::regproc, (SELECT string_agg(CASE t.t::regtype::text WHEN 'uuid' THEN '''{b}''::uuid' WHEN 'text' THEN '''%%''::text' ELSE format('NULL::%s', t.t::regtype) END, ', ' ORDER BY t.n) FROM unnest(p.proargtypes) WITH ORDINALITY t (t, n)))
           FROM pg_catalog.pg_proc p WHERE p.prosecdef AND p.prokind = 'f' AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(p.pronamespace, 'USAGE')
            AND p.pronamespace <> 'pg_catalog'::regnamespace AND p.proname <> 'record_refusal'",
    )])
    .by(&["22P02", "22023", "22004", "23502", "23514"])
    .note("with B's id for every uuid and `%` for every text"),
    Attack::new("V05", "every table without row security", &[Each(
        "SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND has_table_privilege(c.oid, 'SELECT')",
    )]),
    Attack::new("V06", "every table at all", &[Each(
        "SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'f') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    )]),
    Attack::new("V07", "the TOAST table behind a table", &[Each(
        "SELECT format('SELECT * FROM pg_toast.%I', t.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'crm.client_records'::regclass",
    )]),
    Attack::new("V08", "an index as if it were a table", &[Sql("SELECT * FROM crm.clients_pkey")]).by(&["42809"]),
    Attack::new("V09", "a view of one's own", &[Sql("CREATE TEMP VIEW v AS SELECT * FROM crm.clients"), Sql("SELECT * FROM v")]),
    Attack::new("V10", "a table of one's own with everything in it", &[Sql("CREATE TEMP TABLE t AS SELECT * FROM crm.clients"), Sql("SELECT * FROM pg_temp.t")]),
    Attack::new("V11", "a function of one's own that runs as its owner", &[
        Sql("CREATE FUNCTION pg_temp.f() RETURNS SETOF crm.clients LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM crm.clients'"),
        Sql("SELECT * FROM pg_temp.f()"),
    ]),
    Attack::new("V12", "the registry of tenants", &[Sql("SELECT * FROM {registry}")]),
];

pub(crate) const READING: &[Attack] = &[
    Attack::new(
        "V20",
        "table_to_xml",
        &[Sql("SELECT table_to_xml('crm.clients', true, false, '')")],
    ),
    Attack::new(
        "V21",
        "schema_to_xml",
        &[Sql("SELECT schema_to_xml('crm', true, false, '')")],
    ),
    Attack::new(
        "V22",
        "database_to_xml",
        &[Sql("SELECT database_to_xml(true, false, '')")],
    ),
    Attack::new(
        "V23",
        "query_to_xml in another context",
        &[Sql(
            "SELECT query_to_xml('SELECT * FROM crm.clients WHERE set_config(''app.current_customer_id'', ''{b}'', true) IS NOT NULL', true, false, ''), query_to_xml('SELECT * FROM crm.clients', true, false, '')",
        )],
    ),
    Attack::new(
        "V24",
        "cursor_to_xml",
        &[
            Sql("DECLARE c CURSOR FOR SELECT * FROM crm.clients"),
            Sql("SELECT cursor_to_xml('c', 5000, true, false, '')"),
        ],
    ),
    Attack::new("V25", "COPY the table out", &[CopyOut("COPY crm.clients TO STDOUT")]),
    Attack::new("V26", "COPY a partition out", &[CopyOut("COPY {partition} TO STDOUT")]),
    Attack::new("V27", "COPY to a program", &[Sql("COPY crm.clients TO PROGRAM 'cat'")]),
    Attack::new(
        "V28",
        "COPY to a file",
        &[Sql("COPY crm.clients TO '/tmp/bearingwall-attack'")],
    ),
    Attack::new(
        "V29",
        "COPY from a program",
        &[Sql("COPY crm.clients FROM PROGRAM 'id'")],
    ),
    Attack::new(
        "V30",
        "read the server's files",
        &[Sql("SELECT pg_read_file('postgresql.conf')")],
    ),
    Attack::new(
        "V31",
        "read the table's file",
        &[Sql("SELECT pg_read_binary_file(pg_relation_filepath('crm.clients'))")],
    ),
    Attack::new("V32", "list the server's files", &[Sql("SELECT pg_ls_dir('.')")]),
    Attack::new(
        "V33",
        "import a server's file as a large object",
        &[Sql("SELECT lo_import('/etc/passwd')")],
    ),
    Attack::new(
        "V34",
        "a cast whose error tells the value",
        &[Sql(
            "SELECT * FROM crm.clients WHERE convert_from(external_digest, 'UTF8')::int > 0",
        )],
    )
    .by(&["22P02"])
    .note("it tells the own row's value and no other"),
    Attack::new(
        "V35",
        "a division by zero on a condition over all rows",
        &[Sql(
            "SELECT * FROM crm.clients WHERE 1 / (CASE WHEN id = '{guess}' THEN 0 ELSE 1 END) = 1",
        )],
    )
    .judge(Infers(["{id_b}", "{nobody}"])),
    Attack::new(
        "V36",
        "a cheap function that notes what it is given",
        &[
            Sql(
                "CREATE FUNCTION pg_temp.leak(bytea) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
            ),
            Sql("SELECT * FROM crm.clients WHERE pg_temp.leak(external_digest)"),
        ],
    ),
    Attack::new(
        "V37",
        "a function that swears that it does not leak",
        &[
            Sql(
                "CREATE FUNCTION pg_temp.leak(bytea) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 LEAKPROOF AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
            ),
            Sql("SELECT * FROM crm.clients WHERE pg_temp.leak(external_digest)"),
        ],
    ),
    Attack::new(
        "V38",
        "TABLESAMPLE",
        &[Sql(
            "SELECT * FROM crm.clients TABLESAMPLE SYSTEM (100); SELECT * FROM crm.clients TABLESAMPLE BERNOULLI (100)",
        )],
    ),
    Attack::new(
        "V39",
        "a row by its position",
        &[Sql("SELECT * FROM crm.clients WHERE ctid = '{position}'")],
    ),
    Attack::new(
        "V40",
        "ONLY, and the system columns",
        &[Sql("SELECT ctid, xmin, tableoid, * FROM ONLY crm.clients")],
    ),
    Attack::new(
        "V41",
        "SELECT FOR UPDATE of B's row",
        &[Sql("SELECT * FROM crm.clients WHERE id = '{id_b}' FOR UPDATE")],
    ),
    Attack::new(
        "V42",
        "a join that outer-joins B in",
        &[Sql(
            "SELECT c.* FROM (VALUES ('{id_b}'::uuid)) v (id) LEFT JOIN crm.clients c ON c.id = v.id FULL JOIN crm.chart_notes n ON true",
        )],
    ),
    Attack::new(
        "V43",
        "a recursive query that starts at B",
        &[Sql(
            "WITH RECURSIVE r AS (SELECT * FROM crm.clients WHERE id = '{id_b}' UNION SELECT c.* FROM crm.clients c JOIN r ON true) SELECT * FROM r",
        )],
    ),
    Attack::new(
        "V44",
        "an aggregate over everybody",
        &[Sql(
            "SELECT count(*), string_agg(convert_from(external_digest, 'UTF8'), ',') FROM crm.clients",
        )],
    ),
    Attack::new(
        "V45",
        "raw pages by an extension",
        &[Sql("CREATE EXTENSION pageinspect")],
    ),
    Attack::new(
        "V46",
        "a loop-back connection by an extension",
        &[Sql("CREATE EXTENSION dblink")],
    ),
    Attack::new(
        "V47",
        "a foreign server by an extension",
        &[Sql("CREATE EXTENSION postgres_fdw")],
    ),
    Attack::new(
        "V48",
        "decode the write-ahead log",
        &[Sql(
            "SELECT pg_create_logical_replication_slot('bearingwall_attack', 'test_decoding')",
        )],
    ),
    Attack::new("V49", "the backup's functions", &[Sql("SELECT pg_switch_wal()")]),
    Attack::new(
        "V50",
        "TRUNCATE and look what is missed",
        &[Sql("TRUNCATE crm.chart_notes CASCADE")],
    ),
];
