SELECT p.pubname::text, format('the publication sends the rows of %s past row security', CASE WHEN p.puballtables THEN 'every table' ELSE
           (SELECT string_agg(DISTINCT g.name, ', ' ORDER BY g.name) FROM guarded g JOIN pg_catalog.pg_class c ON c.oid = g.oid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_publication_tables t
                ON t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname) END),
       format('DROP PUBLICATION %I;', p.pubname)
  FROM pg_catalog.pg_publication p
 WHERE p.puballtables OR EXISTS (SELECT FROM guarded g JOIN pg_catalog.pg_class c ON c.oid = g.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname)
