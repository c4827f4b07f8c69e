-- The platform hardening: what only a superuser may do inside the application's database. Isolation holds without it
-- (docs/controls/tenancy-attacks.md shows both); with it, side channels close and the verified context costs less.
-- It runs again without effect, past the triggers of its earlier run.
SET bearingwall.audit_ddl = 'on';
CREATE SCHEMA IF NOT EXISTS platform;
REVOKE ALL ON SCHEMA platform FROM PUBLIC;

-- No DDL of any kind on a connection of the running system: DROP OWNED, GRANT, CREATE TEMP and COMMENT included.
CREATE OR REPLACE FUNCTION platform.refuse_runtime_ddl() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF session_user IN ('bearingwall_app', 'bearingwall_worker', 'bearingwall_auditor', 'bearingwall_backup') THEN
        RAISE EXCEPTION 'DDL (%) is not permitted on this connection', tg_tag USING ERRCODE = '42501';
    END IF;
END $f$;
DROP EVENT TRIGGER IF EXISTS refuse_runtime_ddl;
CREATE EVENT TRIGGER refuse_runtime_ddl ON ddl_command_start EXECUTE FUNCTION platform.refuse_runtime_ddl();
ALTER EVENT TRIGGER refuse_runtime_ddl ENABLE ALWAYS;

-- CONTROL: AUD-2
-- The audit schema changes only inside a migration that names itself, or in a function that is pinned to do so.
-- GRANT, REVOKE, renaming and moving name no object of the schema to an event trigger: what finds them is a comparison of
-- names, owners and privileges before and after. Without the trigger that looks before, every DDL is rejected; before there
-- is an audit schema, nothing is.
CREATE OR REPLACE FUNCTION platform.guard_audit_ddl() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    r     record;
    v_now text;
BEGIN
    IF tg_event IN ('ddl_command_start', 'ddl_command_end') THEN
        SELECT md5(coalesce(string_agg(x.fact, ';' ORDER BY x.fact), '')) INTO v_now FROM (
            SELECT format('%s %s %s', n.oid, n.nspowner, n.nspacl) AS fact FROM pg_namespace n WHERE n.nspname = 'audit'
            UNION ALL SELECT format('%s %s %s %s', c.oid, c.relname, c.relowner, c.relacl)
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'audit' AND c.relkind NOT IN ('i', 'I')
            UNION ALL SELECT format('%s %s %s', a.attrelid, a.attnum, a.attacl)
              FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'audit' AND a.attacl IS NOT NULL
            UNION ALL SELECT format('%s %s %s %s', p.oid, p.proname, p.proowner, p.proacl)
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'audit') x;
    END IF;
    IF tg_event = 'ddl_command_start' THEN
        PERFORM set_config('bearingwall.audit_before', v_now, true);
        RETURN;
    END IF;
    IF coalesce(current_setting('bearingwall.audit_ddl', true), '') = 'on' THEN RETURN; END IF;
    IF tg_event = 'sql_drop' THEN
        FOR r IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
            IF r.schema_name = 'audit' OR r.object_identity LIKE 'audit.%' OR r.object_identity LIKE '% on audit.%' OR r.object_identity = 'audit' THEN
                RAISE EXCEPTION '% on % is rejected: the audit schema is guarded', tg_tag, r.object_identity USING ERRCODE = '42501';
            END IF;
        END LOOP;
    ELSIF tg_event = 'table_rewrite' THEN
        IF (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = pg_event_trigger_table_rewrite_oid()) = 'audit' THEN
            RAISE EXCEPTION 'a rewrite of % is rejected: the audit schema is guarded', pg_event_trigger_table_rewrite_oid()::regclass
                USING ERRCODE = '42501';
        END IF;
    ELSE
        IF coalesce(current_setting('bearingwall.audit_before', true), 'unknown') NOT IN (v_now, md5('')) THEN
            RAISE EXCEPTION '% is rejected: the audit schema is guarded', tg_tag USING ERRCODE = '42501';
        END IF;
        FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
            IF r.schema_name = 'audit' OR r.object_identity LIKE 'audit.%' OR r.object_identity LIKE '% on audit.%' THEN
                RAISE EXCEPTION '% on % is rejected: the audit schema is guarded', r.command_tag, r.object_identity USING ERRCODE = '42501';
            END IF;
        END LOOP;
    END IF;
END $f$;
DROP EVENT TRIGGER IF EXISTS guard_audit_before;
DROP EVENT TRIGGER IF EXISTS guard_audit_ddl;
DROP EVENT TRIGGER IF EXISTS guard_audit_drop;
DROP EVENT TRIGGER IF EXISTS guard_audit_rewrite;
CREATE EVENT TRIGGER guard_audit_before ON ddl_command_start EXECUTE FUNCTION platform.guard_audit_ddl();
CREATE EVENT TRIGGER guard_audit_ddl ON ddl_command_end EXECUTE FUNCTION platform.guard_audit_ddl();
CREATE EVENT TRIGGER guard_audit_drop ON sql_drop EXECUTE FUNCTION platform.guard_audit_ddl();
CREATE EVENT TRIGGER guard_audit_rewrite ON table_rewrite EXECUTE FUNCTION platform.guard_audit_ddl();
ALTER EVENT TRIGGER guard_audit_before ENABLE ALWAYS;
ALTER EVENT TRIGGER guard_audit_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER guard_audit_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER guard_audit_rewrite ENABLE ALWAYS;

-- The second wall against side channels, for as far as this installation's superuser may build it.
DO $wall$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND (proname ~ '^lo_' OR proname IN ('loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_notify',
             'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_lock_status', 'pg_export_snapshot'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $wall$;
REVOKE SELECT ON pg_catalog.pg_stat_activity, pg_catalog.pg_locks FROM PUBLIC;
GRANT SELECT ON pg_catalog.pg_stat_activity, pg_catalog.pg_locks TO pg_monitor;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_activity(int), pg_catalog.pg_lock_status() TO pg_monitor;
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO bearingwall_admin, bearingwall_owner;
-- A setting that no login role may change: the verified context is kept there, so that reading it needs no cryptography.
-- The parameter itself only names C functions whose errors would be logged with a backtrace; ours never is one.
DO $parameter$ BEGIN
    -- The privilege is the cluster's: not written again where another database's hardening has given it.
    IF NOT has_parameter_privilege('bearingwall_owner', 'backtrace_functions', 'SET') THEN
        GRANT SET ON PARAMETER backtrace_functions TO bearingwall_owner;
    END IF;
END $parameter$;
RESET bearingwall.audit_ddl;
