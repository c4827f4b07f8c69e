-- A sequence is one for all tenants: its numbers tell how much the others do.
SELECT rel.name, format('the sequence is open to %s', string_agg(app.name, ', ' ORDER BY app.name)),
       format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC, %s;', rel.name, string_agg(format('%I', app.name), ', ' ORDER BY app.name))
  FROM rel CROSS JOIN o CROSS JOIN app WHERE rel.relkind = 'S' AND NOT (rel.control AND o.release) AND has_sequence_privilege(app.oid, rel.oid, 'USAGE, SELECT, UPDATE') GROUP BY rel.name
UNION ALL
SELECT t.name, format('the column %I counts over all tenants', a.attname),
       CASE WHEN a.attidentity <> '' THEN format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY;', t.name, a.attname)
            ELSE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT;', t.name, a.attname) END
  FROM tenant t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'
