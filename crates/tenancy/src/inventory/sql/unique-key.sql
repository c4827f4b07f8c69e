-- A unique key without the tenant answers whether anybody has taken a value.
SELECT i.indexrelid::regclass::text, format('the unique key of %s does not begin with the tenant', t.name),
       CASE WHEN c.contype = 'u' THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I UNIQUE (%I, %s);', t.name, c.conname, c.conname, t.attname,
                (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND a.attnum <> t.attnum))
            WHEN c.contype = 'x' THEN format('-- make the exclusion constraint %I of %s anew with %I in it', c.conname, t.name, t.attname)
            ELSE format('DROP INDEX %s; %s;', i.indexrelid::regclass, regexp_replace(pg_get_indexdef(i.indexrelid), ' USING btree \(', format(' USING btree (%I, ', t.attname))) END
  FROM tenant t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary
  LEFT JOIN pg_catalog.pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = t.oid AND c.contype IN ('u', 'x')
 WHERE i.indkey[0] <> t.attnum AND NOT (SELECT k.relispartition FROM pg_catalog.pg_class k WHERE k.oid = i.indexrelid)
