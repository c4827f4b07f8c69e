SELECT i.indexrelid::regclass::text, format('the index of %s does not begin with the tenant', t.name),
       CASE WHEN m.amname = 'btree'
            THEN format('DROP INDEX %s; %s;', i.indexrelid::regclass, regexp_replace(pg_get_indexdef(i.indexrelid), ' USING btree \(', format(' USING btree (%I, ', t.attname)))
            ELSE format('DROP INDEX %s;', i.indexrelid::regclass) END
  FROM tenant t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND NOT i.indisunique AND NOT i.indisexclusion
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
 WHERE i.indkey[0] <> t.attnum AND NOT c.relispartition
