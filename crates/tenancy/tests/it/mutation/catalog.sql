-- Every single weakening of the migrated schema that the catalog suggests: what it is about, a name, and the statement.
WITH s AS MATERIALIZED (
    SELECT n.oid, quote_ident(n.nspname) AS name, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
      FROM pg_catalog.pg_namespace n WHERE n.nspname::text !~ '^pg_' AND n.nspname <> 'information_schema'
), c AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.relowner, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, s.name AS schema,
           format('%s.%I', s.name, c.relname) AS name,
           EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id') AS has_tenant
      FROM pg_catalog.pg_class c JOIN s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
), a AS MATERIALIZED (
    SELECT c.name, c.schema, c.has_tenant, c.relispartition, c.oid, a.attname, a.attnum, a.attnotnull, a.atttypid, a.attstattarget, a.attacl
      FROM c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
), f AS MATERIALIZED (
    SELECT p.oid, p.oid::regprocedure::text AS name, CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind, p.prosecdef, p.proowner, p.proconfig,
           p.prorettype, p.prokind
      FROM pg_catalog.pg_proc p JOIN s ON s.oid = p.pronamespace
), p AS MATERIALIZED (
    SELECT c.name, p.polname, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid) AS using_text, pg_get_expr(p.polwithcheck, p.polrelid) AS check_text,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
           CASE WHEN p.polroles = '{0}' THEN 'PUBLIC' ELSE (SELECT string_agg(quote_ident(r.rolname), ', ') FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)) END AS roles
      FROM pg_catalog.pg_policy p JOIN c ON c.oid = p.polrelid
), role AS (
    SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ '^bearingwall_(app|worker|sealer|auditor|backup|admin|owner)$'
)
SELECT kind, name, statement FROM (
    SELECT 'policy' AS kind, format('%s on %s dropped', polname, name) AS name, format('DROP POLICY %I ON %s', polname, name) AS statement FROM p
    UNION ALL SELECT 'policy', format('%s on %s using true', polname, name), format('ALTER POLICY %I ON %s USING (true)', polname, name) FROM p WHERE using_text <> 'true'
    UNION ALL SELECT 'policy', format('%s on %s with check true', polname, name), format('ALTER POLICY %I ON %s WITH CHECK (true)', polname, name)
      FROM p WHERE check_text <> 'true' OR (check_text IS NULL AND command IN ('ALL', 'UPDATE'))
    UNION ALL SELECT 'policy', format('%s on %s %s', polname, name, CASE WHEN polpermissive THEN 'restrictive' ELSE 'permissive' END),
           format('DROP POLICY %1$I ON %2$s; CREATE POLICY %1$I ON %2$s AS %3$s FOR %4$s TO %5$s%6$s%7$s', polname, name,
               CASE WHEN polpermissive THEN 'RESTRICTIVE' ELSE 'PERMISSIVE' END, command, roles,
               coalesce(' USING (' || using_text || ')', ''), coalesce(' WITH CHECK (' || check_text || ')', '')) FROM p
    UNION ALL SELECT 'policy', format('%s on %s for another role', polname, name),
           format('ALTER POLICY %I ON %s TO %s', polname, name, CASE WHEN polroles = '{0}' THEN 'bearingwall_backup' ELSE 'PUBLIC' END) FROM p
    UNION ALL SELECT 'policy', format('%s on %s for SELECT only', polname, name),
           format('DROP POLICY %1$I ON %2$s; CREATE POLICY %1$I ON %2$s AS %3$s FOR SELECT TO %4$s USING (%5$s)', polname, name,
               CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, roles, using_text) FROM p WHERE command = 'ALL'
    UNION ALL SELECT 'policy', format('a second one on %s', name), format('CREATE POLICY helpful ON %s USING (true)', name) FROM c WHERE relrowsecurity

    UNION ALL SELECT 'row security', format('%s not forced', name), format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', name) FROM c WHERE relforcerowsecurity
    UNION ALL SELECT 'row security', format('%s disabled', name), format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', name) FROM c WHERE relrowsecurity

    UNION ALL SELECT 'table privilege', format('%s on %s to %s', v.privilege, c.name, r.rolname), format('GRANT %s ON %s TO %I', v.privilege, c.name, r.rolname)
      FROM c CROSS JOIN (SELECT unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege) v
      CROSS JOIN (SELECT 'bearingwall_app'::name AS rolname) r WHERE NOT has_table_privilege(r.rolname, c.oid, v.privilege)
    UNION ALL SELECT 'table privilege', format('SELECT on %s to %s', c.name, r.rolname), format('GRANT SELECT ON %s TO %I', c.name, r.rolname)
      FROM c CROSS JOIN role r WHERE r.rolname ~ '(worker|sealer|auditor|backup)$' AND NOT has_table_privilege(r.rolname, c.oid, 'SELECT')
       -- A backup may read the tables of tenants, whatever they are called.
       AND NOT (r.rolname = 'bearingwall_backup' AND c.schema NOT IN ('tenancy', 'audit') AND NOT c.relispartition)
    UNION ALL SELECT 'table privilege', format('%s on %s to PUBLIC', v.privilege, name), format('GRANT %s ON %s TO PUBLIC', v.privilege, name)
      FROM c CROSS JOIN (VALUES ('SELECT'), ('UPDATE')) AS v (privilege)
    UNION ALL SELECT 'table privilege', format('SELECT on %s to bearingwall_app with grant option', name), format('GRANT SELECT ON %s TO bearingwall_app WITH GRANT OPTION', name) FROM c
    UNION ALL SELECT 'column privilege', format('%s (%s) on %s to bearingwall_app', v.privilege, a.attname, a.name), format('GRANT %s (%I) ON %s TO bearingwall_app', v.privilege, a.attname, a.name)
      FROM a CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) AS v (privilege)
     WHERE NOT a.relispartition AND a.schema IN ('tenancy', 'audit') AND NOT has_column_privilege('bearingwall_app', a.oid, a.attnum, v.privilege)
    UNION ALL SELECT 'owner', format('%s of %s', r.rolname, c.name), format('ALTER TABLE %s OWNER TO %I', c.name, r.rolname)
      FROM c CROSS JOIN role r WHERE r.rolname IN ('bearingwall_app', 'bearingwall_worker')

    UNION ALL SELECT 'schema', format('%s on %s to PUBLIC', v.privilege, s.name), format('GRANT %s ON SCHEMA %s TO PUBLIC', v.privilege, s.name) FROM s CROSS JOIN (VALUES ('USAGE'), ('CREATE')) AS v (privilege)
    UNION ALL SELECT 'schema', format('CREATE on %s to %s', s.name, r.rolname), format('GRANT CREATE ON SCHEMA %s TO %I', s.name, r.rolname)
      FROM s CROSS JOIN role r WHERE r.rolname ~ '(app|worker|sealer|auditor|backup)$' AND NOT has_schema_privilege(r.rolname, s.oid, 'CREATE')
    UNION ALL SELECT 'schema', format('%s owned by bearingwall_app', s.name), format('ALTER SCHEMA %s OWNER TO bearingwall_app', s.name) FROM s

    UNION ALL SELECT 'function privilege', format('%s to PUBLIC', f.name), format('GRANT EXECUTE ON %s %s TO PUBLIC', f.kind, f.name) FROM f
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE p.oid = f.oid AND x.grantee = 0)
    UNION ALL SELECT 'function privilege', format('%s to %s', f.name, r.rolname), format('GRANT EXECUTE ON %s %s TO %I', f.kind, f.name, r.rolname)
      FROM f CROSS JOIN role r WHERE r.rolname ~ '(app|worker|sealer|auditor|backup)$' AND NOT has_function_privilege(r.rolname, f.oid, 'EXECUTE')
    UNION ALL SELECT 'function privilege', format('%s of the server to PUBLIC', p.oid::regprocedure), format('GRANT EXECUTE ON FUNCTION pg_catalog.%s TO PUBLIC', p.oid::regprocedure)
      FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proacl IS NOT NULL
       AND (p.proname ~ '^lo_' OR p.proname IN ('loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_notify',
            'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_lock_status', 'pg_export_snapshot'))
    UNION ALL SELECT 'function', format('%s owned by %s', f.name, r.rolname), format('ALTER %s %s OWNER TO %I', f.kind, f.name, r.rolname)
      FROM f CROSS JOIN role r WHERE r.rolname IN ('bearingwall_app', 'bearingwall_admin') AND f.prorettype <> 'pg_catalog.event_trigger'::regtype
    UNION ALL SELECT 'function', format('%s security flipped', f.name), format('ALTER %s %s SECURITY %s', f.kind, f.name, CASE WHEN f.prosecdef THEN 'INVOKER' ELSE 'DEFINER' END) FROM f
    UNION ALL SELECT 'function', format('%s without %s', f.name, split_part(x, '=', 1)), format('ALTER %s %s RESET %s', f.kind, f.name, split_part(x, '=', 1)) FROM f, unnest(f.proconfig) x
    UNION ALL SELECT 'function', format('%s looks in public first', f.name), format('ALTER %s %s SET search_path = public, pg_catalog', f.kind, f.name) FROM f
    UNION ALL SELECT 'function', format('%s leak-proof', f.name), format('ALTER FUNCTION %s LEAKPROOF', f.name) FROM f WHERE f.prokind = 'f'
    UNION ALL SELECT 'function', format('%s switches row security off', f.name), format('ALTER %s %s SET row_security = off', f.kind, f.name) FROM f

    UNION ALL SELECT 'trigger', format('%s on %s %s', t.tgname, c.name, v.state), format('ALTER TABLE %s %s TRIGGER %I', c.name, v.state, t.tgname)
      FROM pg_catalog.pg_trigger t JOIN c ON c.oid = t.tgrelid CROSS JOIN (VALUES ('DISABLE'), ('ENABLE'), ('ENABLE REPLICA')) AS v (state)
     WHERE NOT t.tgisinternal OR (v.state <> 'ENABLE' AND t.tgconstraint <> 0)
    UNION ALL SELECT 'trigger', format('%s on %s dropped', t.tgname, c.name), format('DROP TRIGGER %I ON %s', t.tgname, c.name)
      FROM pg_catalog.pg_trigger t JOIN c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL SELECT 'event trigger', format('%s %s', e.evtname, v.state), format('ALTER EVENT TRIGGER %I %s', e.evtname, v.state)
      FROM pg_catalog.pg_event_trigger e CROSS JOIN (VALUES ('DISABLE'), ('ENABLE'), ('ENABLE REPLICA')) AS v (state)
    UNION ALL SELECT 'event trigger', format('%s dropped', e.evtname), format('DROP EVENT TRIGGER %I', e.evtname) FROM pg_catalog.pg_event_trigger e

    UNION ALL SELECT 'shape', format('%s.%s may be null', a.name, a.attname), format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', a.name, a.attname)
      FROM a WHERE a.attnotnull AND a.schema IN ('tenancy', 'audit') AND NOT a.relispartition
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
    UNION ALL SELECT 'shape', format('%s.%s with the platform as its default', a.name, a.attname), format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %L', a.name, a.attname, '00000000-0000-8000-8000-000000000001')
      FROM a WHERE a.attname = 'customer_id' AND NOT a.relispartition
    UNION ALL SELECT 'shape', format('a unique key without the tenant on %s (%s)', a.name, a.attname), format('CREATE UNIQUE INDEX ON %s (%I)', a.name, a.attname)
      FROM a WHERE a.has_tenant AND a.schema NOT IN ('tenancy', 'audit') AND a.attname <> 'customer_id'
    UNION ALL SELECT 'shape', format('an index without the tenant on %s (%s)', a.name, a.attname), format('CREATE INDEX ON %s (%I)', a.name, a.attname)
      FROM a WHERE a.has_tenant AND NOT a.relispartition AND a.attname <> 'customer_id'
    UNION ALL SELECT 'shape', format('%s without its constraint %s', c.name, k.conname), format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.name, k.conname)
      FROM pg_catalog.pg_constraint k JOIN c ON c.oid = k.conrelid
     WHERE c.schema IN ('tenancy', 'audit') AND NOT c.relispartition AND k.contype IN ('p', 'u', 'f', 'c')
    UNION ALL SELECT 'shape', format('%s without its primary key', c.name), format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.name, k.conname)
      FROM pg_catalog.pg_constraint k JOIN c ON c.oid = k.conrelid WHERE c.schema NOT IN ('tenancy', 'audit') AND c.has_tenant AND k.contype = 'p'
    UNION ALL SELECT 'shape', format('%s on %s not validated', k.conname, c.name),
           format('ALTER TABLE %1$s DROP CONSTRAINT %2$I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %3$s NOT VALID', c.name, k.conname, pg_get_constraintdef(k.oid))
      FROM pg_catalog.pg_constraint k JOIN c ON c.oid = k.conrelid WHERE c.has_tenant AND c.relkind = 'r' AND NOT c.relispartition AND k.contype = 'f'
    UNION ALL SELECT 'shape', format('%s keeps rows out of sight', c.name), format('CREATE VIEW %s_all AS SELECT * FROM %s', c.name, c.name) FROM c WHERE c.has_tenant AND NOT c.relispartition
    UNION ALL SELECT 'shape', format('%s copied', c.name), format('CREATE MATERIALIZED VIEW %s_copy AS SELECT * FROM %s; GRANT SELECT ON %s_copy TO bearingwall_app', c.name, c.name, c.name)
      FROM c WHERE c.has_tenant AND NOT c.relispartition
    UNION ALL SELECT 'shape', format('%s rewritten', c.name), format('CREATE RULE quiet AS ON DELETE TO %s DO INSTEAD NOTHING', c.name) FROM c WHERE c.has_tenant AND NOT c.relispartition
    UNION ALL SELECT 'shape', format('%s published', c.name), format('CREATE PUBLICATION leak FOR TABLE %s', c.name) FROM c WHERE c.has_tenant AND c.relrowsecurity AND NOT c.relispartition
       AND NOT c.schema = 'tenancy'

    UNION ALL SELECT 'statistics', format('gathered on %s.%s', a.name, a.attname), format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS -1', a.name, a.attname)
      FROM a WHERE coalesce(a.attstattarget, -1) = 0
    UNION ALL SELECT 'statistics', format('extended on %s', c.name), format('CREATE STATISTICS %s_together ON customer_id, %I FROM %s', c.name,
           (SELECT a.attname FROM a WHERE a.oid = c.oid AND a.attname <> 'customer_id' ORDER BY a.attnum LIMIT 1), c.name)
      FROM c WHERE c.has_tenant AND c.relrowsecurity AND NOT c.relispartition AND c.schema <> 'tenancy'

    UNION ALL SELECT 'role', format('%s %s', r.rolname, v.power), format('ALTER ROLE %I %s', r.rolname, v.power)
      FROM role r CROSS JOIN (VALUES ('SUPERUSER'), ('BYPASSRLS'), ('CREATEROLE'), ('CREATEDB'), ('REPLICATION'), ('INHERIT')) AS v (power)
     WHERE NOT (r.rolname = 'bearingwall_backup' AND v.power = 'BYPASSRLS')
    UNION ALL SELECT 'role', 'bearingwall_owner LOGIN', 'ALTER ROLE bearingwall_owner LOGIN'
    UNION ALL SELECT 'role', format('%s becomes %s', m.rolname, g.rolname), format('GRANT %I TO %I', g.rolname, m.rolname)
      FROM role m CROSS JOIN role g WHERE m.rolname <> g.rolname AND m.rolname <> 'bearingwall_owner' AND NOT pg_has_role(m.rolname, g.rolname, 'MEMBER')
       AND NOT pg_has_role(g.rolname, m.rolname, 'MEMBER')
    UNION ALL SELECT 'role', format('%s becomes %s', r.rolname, g.rolname), format('GRANT %I TO %I', g.rolname, r.rolname)
      FROM role r CROSS JOIN pg_catalog.pg_roles g WHERE g.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_monitor', 'pg_read_server_files', 'pg_execute_server_program')
    UNION ALL SELECT 'role', format('%s with a stored %s', r.rolname, v.setting), format('ALTER ROLE %I IN DATABASE %I SET %s', r.rolname, current_database(), v.setting)
      FROM role r CROSS JOIN (VALUES ('search_path = crm'), ('row_security = off')) AS v (setting)
    UNION ALL SELECT 'parameter', format('%s to %s', v.parameter, coalesce(r.rolname, 'PUBLIC')), format('GRANT SET ON PARAMETER %s TO %s', v.parameter, coalesce(quote_ident(r.rolname), 'PUBLIC'))
      FROM (SELECT rolname::text FROM role WHERE rolname <> 'bearingwall_owner' UNION ALL SELECT NULL) r
      CROSS JOIN (VALUES ('backtrace_functions'), ('session_replication_role'), ('log_statement')) AS v (parameter)
    UNION ALL SELECT 'database', format('a stored %s', v.setting), format('ALTER DATABASE %I SET %s', current_database(), v.setting)
      FROM (VALUES ('row_security = off'), ('session_replication_role = replica'), ('search_path = public'), ('backtrace_functions = ''bw1_0''')) AS v (setting)
    UNION ALL SELECT 'database', format('%s to PUBLIC', v.privilege), format('GRANT %s ON DATABASE %I TO PUBLIC', v.privilege, current_database())
      FROM (VALUES ('CREATE'), ('TEMPORARY'), ('CONNECT')) AS v (privilege)
    UNION ALL SELECT 'database', format('%s to %s', v.privilege, r.rolname), format('GRANT %s ON DATABASE %I TO %I', v.privilege, current_database(), r.rolname)
      FROM role r CROSS JOIN (VALUES ('CREATE'), ('TEMPORARY')) AS v (privilege) WHERE r.rolname ~ '(app|worker|sealer|auditor|backup)$'
    UNION ALL SELECT 'default privilege', format('%s of %s to %s', v.thing, r.rolname, t.grantee), format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON %s TO %s', r.rolname, v.privilege, v.thing, t.grantee)
      FROM role r CROSS JOIN (VALUES ('SELECT', 'TABLES'), ('USAGE', 'SEQUENCES'), ('EXECUTE', 'ROUTINES'), ('USAGE', 'TYPES'), ('USAGE', 'SCHEMAS')) AS v (privilege, thing)
      CROSS JOIN (VALUES ('PUBLIC'), ('bearingwall_app')) AS t (grantee) WHERE r.rolname IN ('bearingwall_admin', 'bearingwall_owner')
    UNION ALL SELECT 'server', format('%s to PUBLIC', l.lanname), format('GRANT USAGE ON LANGUAGE %I TO PUBLIC', l.lanname) FROM pg_catalog.pg_language l WHERE l.lanname IN ('sql', 'plpgsql')
    UNION ALL SELECT 'server', format('SELECT on %s to PUBLIC', v.name), format('GRANT SELECT ON pg_catalog.%s TO PUBLIC', v.name)
      FROM (VALUES ('pg_stat_activity'), ('pg_locks'), ('pg_statistic'), ('pg_authid'), ('pg_largeobject')) AS v (name)
    UNION ALL SELECT 'server', 'a large object', 'SELECT pg_catalog.lo_create(0)'
    UNION ALL SELECT 'server', format('the type %s.%s to PUBLIC', s.name, t.typname), format('GRANT USAGE ON TYPE %s.%I TO PUBLIC', s.name, t.typname)
      FROM pg_catalog.pg_type t JOIN s ON s.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r')
) m ORDER BY kind COLLATE "C", name COLLATE "C"
