SELECT t.name,
       CASE WHEN i.indexrelid IS NULL THEN 'the table has no primary key' ELSE 'the primary key does not begin with the tenant' END,
       CASE WHEN i.indexrelid IS NULL THEN format('-- add a primary key to %s that begins with %I', t.name, t.attname)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD PRIMARY KEY (%I, %s);', t.name, c.conname, t.attname,
                (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND a.attnum <> t.attnum)) END
  FROM tenant t LEFT JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisprimary
  LEFT JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid AND c.contype = 'p'
 WHERE (i.indexrelid IS NULL OR i.indkey[0] <> t.attnum)
   -- A partition has its parent's key.
   AND NOT (t.relispartition AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = i.indexrelid AND k.relispartition))
