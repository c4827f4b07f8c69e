SELECT r.rolname::text, format('the role has %s', a.attribute), format('ALTER ROLE %I NO%s;', r.rolname, a.attribute)
  FROM pg_catalog.pg_roles r CROSS JOIN o
  CROSS JOIN LATERAL (VALUES (r.rolsuper, 'SUPERUSER'), (r.rolbypassrls, 'BYPASSRLS'), (r.rolcreaterole, 'CREATEROLE'),
      (r.rolcreatedb, 'CREATEDB'), (r.rolreplication, 'REPLICATION'), (r.rolinherit, 'INHERIT')) AS a (held, attribute)
 WHERE r.rolname::text = ANY (o.application_roles || o.service_roles || o.admin_roles) AND a.held AND format('%s %s', r.rolname, a.attribute) <> ALL (o.admitted_powers)
UNION ALL
SELECT r.rolname::text, 'the owner of keys and functions may log in', format('ALTER ROLE %I NOLOGIN;', r.rolname)
  FROM pg_catalog.pg_roles r CROSS JOIN o WHERE r.rolname::text = o.owner_role AND r.rolcanlogin
UNION ALL
SELECT r.rolname::text, format('the role has %s', a.attribute), format('ALTER ROLE %I NO%s;', r.rolname, a.attribute)
  FROM pg_catalog.pg_roles r CROSS JOIN o
  CROSS JOIN LATERAL (VALUES (r.rolsuper, 'SUPERUSER'), (r.rolbypassrls, 'BYPASSRLS'), (r.rolcreaterole, 'CREATEROLE'),
      (r.rolcreatedb, 'CREATEDB'), (r.rolreplication, 'REPLICATION'), (r.rolinherit, 'INHERIT')) AS a (held, attribute)
 WHERE r.rolname::text = o.owner_role AND a.held
UNION ALL
SELECT w.name, 'there is no such role', format('-- make the role %I, or name the role that the application logs in with', w.name)
  FROM o CROSS JOIN LATERAL unnest(o.application_roles || o.service_roles || o.admin_roles || CASE WHEN o.owner_role = '' THEN '{}' ELSE ARRAY[o.owner_role] END) AS w (name)
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname::text = w.name)
