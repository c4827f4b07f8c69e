-- What an earlier ANALYZE left; a later one with target 0 does not remove it. The view shows only columns that one may read.
WITH stored AS MATERIALIZED (
    SELECT s.schemaname, s.tablename, s.attname FROM pg_catalog.pg_stats s WHERE s.schemaname <> 'pg_catalog'
)
SELECT format('%s.%I', g.name, s.attname), 'value statistics from an earlier time are stored',
       format('DELETE FROM pg_catalog.pg_statistic WHERE starelid = %L::pg_catalog.regclass AND staattnum = %s;', g.name, a.attnum)
  FROM stored s JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
  JOIN guarded g ON g.oid = c.oid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname CROSS JOIN o
 WHERE o.every_column OR a.attname::text = o.tenant_column OR (o.personal_columns <> '' AND a.attname::text ~ o.personal_columns)
