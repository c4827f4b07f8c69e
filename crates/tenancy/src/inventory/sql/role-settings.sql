SELECT coalesce(r.rolname::text, d.datname::text), format('the setting %s is stored %s', s.entry, CASE WHEN r.oid IS NULL THEN 'on the database' ELSE 'on the role' END),
       CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET %s;', d.datname, split_part(s.entry, '=', 1))
            WHEN d.oid IS NULL THEN format('ALTER ROLE %I RESET %s;', r.rolname, split_part(s.entry, '=', 1))
            ELSE format('ALTER ROLE %I IN DATABASE %I RESET %s;', r.rolname, d.datname, split_part(s.entry, '=', 1)) END
  FROM pg_catalog.pg_db_role_setting c CROSS JOIN o CROSS JOIN LATERAL unnest(c.setconfig) AS s (entry)
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = c.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = c.setdatabase
 WHERE (d.oid IS NULL OR d.datname = current_database())
   AND (r.rolname::text = ANY (o.application_roles || o.service_roles || o.admin_roles) OR r.rolname::text = o.owner_role
        OR (c.setrole = 0 AND split_part(s.entry, '=', 1) IN ('row_security', 'session_replication_role', 'search_path', 'role', 'session_authorization',
            'standard_conforming_strings', 'backtrace_functions', 'check_function_bodies', 'local_preload_libraries', 'session_preload_libraries')))
