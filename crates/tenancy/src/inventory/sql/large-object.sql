-- Large objects belong to no tenant, and whoever knows a number may ask for it.
SELECT format('large object %s', l.oid), format('it is owned by %s and open to %s', pg_get_userbyid(l.lomowner),
           coalesce((SELECT string_agg(coalesce(r.rolname::text, 'every role'), ', ') FROM aclexplode(l.lomacl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE x.grantee <> l.lomowner), 'nobody else')),
       format('SELECT pg_catalog.lo_unlink(%s);', l.oid)
  FROM (SELECT * FROM pg_catalog.pg_largeobject_metadata ORDER BY oid LIMIT 20) l
