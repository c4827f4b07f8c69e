-- Gathered over all tenants: EXPLAIN's estimates tell frequent values and, by bisection, the bounds of histograms.
SELECT format('%s.%I', g.name, a.attname), 'value statistics are gathered on the column', format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0;', g.name, a.attname)
  FROM guarded g CROSS JOIN o JOIN pg_catalog.pg_attribute a ON a.attrelid = g.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE coalesce(a.attstattarget, -1) <> 0
   AND (o.every_column OR a.attname::text = o.tenant_column OR (o.personal_columns <> '' AND a.attname::text ~ o.personal_columns))
