-- Whoever made the roles (a superuser or, on a managed service, a role with CREATEROLE) is the platform itself.
SELECT m.member::regrole::text, format('the role is a member of %s', m.roleid::regrole), format('REVOKE %s FROM %s;', m.roleid::regrole, m.member::regrole)
  FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member JOIN pg_catalog.pg_roles g ON g.oid = m.roleid CROSS JOIN o
 WHERE NOT (format('%s %s', r.rolname, g.rolname) = ANY (o.admitted_members))
   AND (r.rolname::text = ANY (o.application_roles || o.service_roles || o.admin_roles) OR r.rolname::text = o.owner_role
        OR ((g.rolname::text = o.owner_role OR g.rolname::text = ANY (o.application_roles || o.service_roles || o.admin_roles))
            AND NOT r.rolsuper AND NOT r.rolcreaterole))
