-- The second wall of the platform hardening: what it takes from PUBLIC must not have come back.
SELECT p.oid::regprocedure::text, format('%s may execute the function', CASE WHEN x.grantee = 0 THEN 'every role' ELSE x.grantee::regrole::text END),
       format('REVOKE EXECUTE ON FUNCTION pg_catalog.%s FROM %s;', p.oid::regprocedure, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
  FROM pg_catalog.pg_proc p CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
 WHERE o.release AND p.pronamespace = 'pg_catalog'::regnamespace
   AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'platform')
   AND (p.proname ~ '^lo_' OR p.proname IN ('loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_notify',
        'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_lock_status', 'pg_export_snapshot'))
   AND (x.grantee = 0 OR x.grantee IN (SELECT oid FROM app))
UNION ALL
SELECT 'pg_catalog.' || c.relname, format('%s may read the view', CASE WHEN x.grantee = 0 THEN 'every role' ELSE x.grantee::regrole::text END),
       format('REVOKE SELECT ON pg_catalog.%I FROM %s;', c.relname, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
  FROM pg_catalog.pg_class c CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x
 WHERE o.release AND c.relnamespace = 'pg_catalog'::regnamespace AND c.relname IN ('pg_stat_activity', 'pg_locks')
   AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'platform')
   AND (x.grantee = 0 OR x.grantee IN (SELECT oid FROM app))
UNION ALL
SELECT 'language ' || l.lanname, format('%s may write functions in it', CASE WHEN x.grantee = 0 THEN 'every role' ELSE x.grantee::regrole::text END),
       format('REVOKE USAGE ON LANGUAGE %I FROM %s;', l.lanname, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
  FROM pg_catalog.pg_language l CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) x
 WHERE o.release AND l.lanname IN ('sql', 'plpgsql')
   AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'platform')
   AND (x.grantee = 0 OR x.grantee IN (SELECT oid FROM app))
