-- Rights on the system's own catalog and functions that an application role was given by name.
SELECT 'pg_catalog.' || c.relname, format('%s has %s', r.rolname, x.privilege_type), format('REVOKE %s ON pg_catalog.%I FROM %I;', x.privilege_type, c.relname, r.rolname)
  FROM pg_catalog.pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x JOIN app ON app.oid = x.grantee JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relname NOT IN ('pg_stat_activity', 'pg_locks')
UNION ALL
-- Values of other people's rows, the passwords of roles and the server's files.
SELECT 'pg_catalog.' || c.relname, 'every role has ' || x.privilege_type, format('REVOKE %s ON pg_catalog.%I FROM PUBLIC;', x.privilege_type, c.relname)
  FROM pg_catalog.pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x
 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND x.grantee = 0
   AND (x.privilege_type <> 'SELECT' AND NOT (c.relname = 'pg_settings' AND x.privilege_type = 'UPDATE')
        OR c.relname IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_authid', 'pg_largeobject', 'pg_user_mapping', 'pg_shadow', 'pg_hba_file_rules', 'pg_ident_file_mappings', 'pg_file_settings', 'pg_backend_memory_contexts', 'pg_shmem_allocations'))
