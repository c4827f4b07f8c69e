-- Where any part of the platform hardening is there, all of it must be.
WITH expected AS (
    SELECT * FROM (VALUES ('refuse_runtime_ddl', 'ddl_command_start', 'platform.refuse_runtime_ddl()'), ('guard_audit_before', 'ddl_command_start', 'platform.guard_audit_ddl()'),
        ('guard_audit_ddl', 'ddl_command_end', 'platform.guard_audit_ddl()'), ('guard_audit_drop', 'sql_drop', 'platform.guard_audit_ddl()'),
        ('guard_audit_rewrite', 'table_rewrite', 'platform.guard_audit_ddl()')) AS v (name, event, function)
)
SELECT x.name, CASE WHEN e.oid IS NULL THEN 'the event trigger is missing' WHEN e.evtenabled <> 'A' THEN 'the event trigger is not enabled always'
           ELSE format('the event trigger runs %s at %s for %s', e.evtfoid::regprocedure, e.evtevent, coalesce(e.evttags::text, 'every command')) END,
       CASE WHEN e.evtenabled <> 'A' THEN format('ALTER EVENT TRIGGER %I ENABLE ALWAYS;', x.name)
            ELSE format('DROP EVENT TRIGGER IF EXISTS %1$I; CREATE EVENT TRIGGER %1$I ON %2$s EXECUTE FUNCTION %3$s; ALTER EVENT TRIGGER %1$I ENABLE ALWAYS;', x.name, x.event, x.function) END
  FROM expected x CROSS JOIN o LEFT JOIN pg_catalog.pg_event_trigger e ON e.evtname::text = x.name
 WHERE o.release AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'platform')
   AND (e.evtenabled = 'A' AND e.evtevent::text = x.event AND e.evtfoid::regprocedure::text = x.function AND e.evttags IS NULL) IS NOT TRUE
