-- What an earlier ANALYZE left; a later one with target 0 does not remove it. The view shows only columns that one may read.
SELECT format('%s.%I', g.name, s.attname), 'value statistics from an earlier time are stored',
       format('DELETE FROM pg_catalog.pg_statistic WHERE starelid = %L::pg_catalog.regclass AND staattnum = %s;', g.name, a.attnum)
  FROM guarded g CROSS JOIN o JOIN pg_catalog.pg_attribute a ON a.attrelid = g.oid AND a.attnum > 0
  JOIN pg_catalog.pg_class c ON c.oid = g.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
 WHERE o.every_column OR a.attname::text = o.tenant_column OR (o.personal_columns <> '' AND a.attname::text ~ o.personal_columns)
