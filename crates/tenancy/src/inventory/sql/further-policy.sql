-- Permissive policies are ORed: a second one is never needed and may admit what the first one does not.
SELECT t.name, format('a further permissive policy %I admits %s', p.polname, coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), 'nothing')),
       format('DROP POLICY %I ON %s;', p.polname, t.name)
  FROM tenant t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid CROSS JOIN o
 WHERE p.polpermissive AND p.polname::text NOT IN (o.base, o.isolation) AND p.polname::text NOT IN ('phi_select', 'phi_insert', 'phi_update', 'phi_delete')
   -- The release's own, which are compared with the release whatever they have become.
   AND NOT (o.release AND starts_with(t.name, 'pii.') AND p.polname::text IN ('own_hand', 'platform_floor', 'unexpired', 'expired'))
UNION ALL
SELECT g.name, format('the partition has a policy of its own, %I', p.polname), format('DROP POLICY %I ON %s;', p.polname, g.name)
  FROM guarded g JOIN named ON named.oid = g.oid JOIN pg_catalog.pg_policy p ON p.polrelid = g.oid WHERE g.relispartition
