SELECT r.name, format('the SECURITY DEFINER function %s', coalesce('has the search path ' || s.path, 'has the search path of its caller')),
       format('ALTER %s %s SET search_path = pg_catalog, pg_temp;', r.kind, r.name)
  FROM routine r CROSS JOIN o CROSS JOIN LATERAL (SELECT (SELECT substr(c, 13) FROM unnest(r.proconfig) c WHERE c LIKE 'search_path=%') AS path) s
 WHERE r.prosecdef AND NOT (r.control AND o.release) AND (s.path ~ '^"?pg_catalog"?(, .*)?, "?pg_temp"?$') IS NOT TRUE
