//! Leave something behind on the pooled connection for the next tenant.

use super::attack::Attack;
use super::attack::Judge::Survives;
use super::attack::Step::{Each, Sql};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("X01", "a session's value under a name of one's own", &[Sql("SELECT set_config('app.note', 'left', false)")])
        .judge(Survives("SELECT nullif(current_setting('app.note', true), '') AS answer")),
    Attack::new("X02", "the bare name of a setting: it is there, or it is not", &[Sql("SELECT set_config('app.bit', 'left', false)")])
        .judge(Survives("SELECT (current_setting('app.bit', true) IS NULL)::text AS answer"))
        .residual("setting-names"),
    Attack::new("X03", "a search path", &[Sql("SET search_path = crm, public")]).judge(Survives("SELECT current_setting('search_path') AS answer")),
    Attack::new("X04", "no limit of time", &[Sql("SET statement_timeout = 0"), Sql("SET lock_timeout = '7s'")]).judge(Survives("SELECT current_setting('statement_timeout') || current_setting('lock_timeout') AS answer")),
    Attack::new("X05", "a time zone", &[Sql("SET TIME ZONE 'Asia/Tokyo'")]).judge(Survives("SELECT current_setting('TimeZone') AS answer")),
    Attack::new("X06", "commits that do not wait for the disk", &[Sql("SET synchronous_commit = off")]).judge(Survives("SELECT current_setting('synchronous_commit') AS answer")),
    Attack::new("X07", "read-only transactions", &[Sql("SET default_transaction_read_only = on")]).judge(Survives("SELECT current_setting('default_transaction_read_only') AS answer")),
    Attack::new("X08", "another isolation level", &[Sql("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE")])
        .judge(Survives("SELECT current_setting('default_transaction_isolation') AS answer")),
    Attack::new("X09", "row security that raises an error for everybody", &[Sql("SET row_security = off")]).judge(Survives("SELECT current_setting('row_security') AS answer")),
    Attack::new("X10", "a planner that may use no index", &[Sql("SET enable_indexscan = off")]).judge(Survives("SELECT current_setting('enable_indexscan') AS answer")),
    Attack::new("X11", "another encoding of the client", &[Sql("SET client_encoding = 'LATIN1'")]).judge(Survives("SELECT current_setting('client_encoding') AS answer")),
    Attack::new("X12", "the context itself, for the session", &[Sql("SELECT set_config('app.current_customer_id', '{a}', false)"), Sql("COMMIT"), Sql("BEGIN")])
        .judge(Survives("SELECT current_setting('app.current_customer_id') AS answer")),
    Attack::new("X13", "a cursor WITH HOLD", &[Sql("DECLARE c CURSOR WITH HOLD FOR SELECT id FROM crm.clients")])
        .judge(Survives("SELECT string_agg(name, ',') AS answer FROM pg_catalog.pg_cursors WHERE name <> ''")),
    Attack::new("X14", "a prepared statement", &[Sql("PREPARE leftover AS SELECT 1")])
        .judge(Survives("SELECT string_agg(name, ',') AS answer FROM pg_catalog.pg_prepared_statements WHERE from_sql")),
    Attack::new("X15", "an advisory lock of the session", &[Sql("SELECT pg_advisory_lock(7)")])
        .judge(Survives("SELECT CASE WHEN pg_advisory_unlock(7) THEN 'held' END AS answer")),
    Attack::new("X16", "a listener", &[Sql("LISTEN gossip")]).judge(Survives("SELECT string_agg(c, ',') AS answer FROM pg_listening_channels() c")),
    Attack::new("X17", "a temporary table", &[Sql("CREATE TEMP TABLE clients (customer_id uuid, id uuid)")])
        .judge(Survives("SELECT string_agg(relname, ',') AS answer FROM pg_catalog.pg_class WHERE relpersistence = 't' AND relkind = 'r' AND pg_table_is_visible(oid)")),
    Attack::new("X18", "a temporary function", &[Sql("CREATE FUNCTION pg_temp.now() RETURNS int LANGUAGE sql AS 'SELECT 1'")])
        .judge(Survives("SELECT string_agg(proname, ',') AS answer FROM pg_catalog.pg_proc WHERE pronamespace = pg_my_temp_schema()")),
    Attack::new("X19", "a statement of the driver replaced by one's own", &[
        Each("SELECT s FROM pg_catalog.pg_prepared_statements, LATERAL (VALUES (format('DEALLOCATE %I', name)), (format('PREPARE %I AS WITH w AS (INSERT INTO crm.clients (id) VALUES (gen_random_uuid()) RETURNING id) SELECT id FROM w', name))) v (s) WHERE NOT from_sql AND statement NOT LIKE '%pg_prepared_statements%'"),
    ])
    .judge(Survives("SELECT count(*)::text AS answer FROM pg_catalog.pg_prepared_statements WHERE from_sql"))
    .note("the next tenant's driver would run it in that tenant's context"),
    Attack::new("X20", "the driver's statements gone", &[Sql("DEALLOCATE ALL")]).judge(Survives("SELECT 'well' AS answer")),
    Attack::new("X21", "everything gone, out of a transaction", &[Sql("COMMIT"), Sql("DISCARD ALL"), Sql("BEGIN")]).judge(Survives("SELECT 'well' AS answer")),
    Attack::new("X22", "a COMMIT of one's own, and settings after it", &[Sql("COMMIT"), Sql("SET search_path = crm"), Sql("BEGIN")])
        .judge(Survives("SELECT current_setting('search_path') AS answer")),
    Attack::new("X23", "COMMIT AND CHAIN", &[Sql("SELECT set_config('app.note', 'chained', false)"), Sql("COMMIT AND CHAIN")])
        .judge(Survives("SELECT nullif(current_setting('app.note', true), '') AS answer")),
    Attack::new("X24", "functions compiled under another syntax of literals", &[Sql("SET standard_conforming_strings = off"), Sql("SELECT count(*) FROM crm.clients")])
        .judge(Survives("SELECT count(*)::text || current_setting('standard_conforming_strings') AS answer FROM crm.clients")),
    Attack::new("X25", "functions compiled with NULL equal to NULL", &[Sql("SET transform_null_equals = on"), Sql("SELECT count(*) FROM crm.clients")])
        .judge(Survives("SELECT count(*)::text || current_setting('transform_null_equals') AS answer FROM crm.clients")),
    Attack::new("X26", "random numbers that one knows beforehand", &[Sql("SELECT setseed(0.25)")])
        .judge(Survives("SELECT CASE WHEN random() = 0.19726358498438978::float8 THEN 'foretold' END AS answer")),
    Attack::new("X27", "another name of the application", &[Sql("SET application_name = 'auditor'")]).judge(Survives("SELECT current_setting('application_name') AS answer")),
];
