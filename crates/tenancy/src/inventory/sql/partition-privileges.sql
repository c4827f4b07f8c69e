SELECT g.name, format('the partition is open to %s past its parent (%s)', g.role, string_agg(DISTINCT g.privilege, ', ' ORDER BY g.privilege)),
       format('REVOKE ALL ON %s FROM %s;', g.name, CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(g.role) END)
  FROM granted g CROSS JOIN o JOIN guarded d ON d.oid = g.oid
 WHERE g.relispartition AND g.grantee <> g.relowner
   AND (g.grantee = 0 OR g.role = ANY (o.application_roles || o.service_roles))
 GROUP BY g.name, g.role, g.grantee
