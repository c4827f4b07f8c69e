-- Each opens a way around row security: a connection as somebody else, the server's files, or code outside of its rules.
SELECT e.extname::text, 'the extension opens a way around row security', format('DROP EXTENSION %I;', e.extname)
  FROM pg_catalog.pg_extension e
 WHERE e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'pageinspect', 'pg_visibility', 'pg_walinspect', 'pgrowlocks', 'pgstattuple', 'pg_freespacemap', 'xml2')
UNION ALL
SELECT l.lanname::text, 'the language runs code outside of the server''s rules', format('DROP LANGUAGE %I;', l.lanname)
  FROM pg_catalog.pg_language l WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e')
UNION ALL
SELECT e.extname::text, 'the extension runs code outside of the server''s rules', format('DROP EXTENSION %I;', e.extname)
  FROM pg_catalog.pg_language l JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE NOT l.lanpltrusted
