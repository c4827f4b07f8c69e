-- What no application needs (TRUNCATE passes row security, REFERENCES and TRIGGER act on other tenants' rows), what a narrowed
-- table does not give, and, where the grants are known, any other grant.
SELECT g.name || coalesce('.' || quote_ident(g.column_name), ''), format('%s has %s%s', g.role, string_agg(g.privilege, ', ' ORDER BY g.privilege),
           CASE WHEN bool_or(g.is_grantable) THEN ' with the right to pass it on' ELSE '' END),
       format('REVOKE %s ON %s%s FROM %I;', string_agg(CASE WHEN g.column_name IS NULL THEN g.privilege ELSE format('%s (%I)', g.privilege, g.column_name) END, ', ' ORDER BY g.privilege),
           CASE WHEN g.relkind = 'S' THEN 'SEQUENCE ' ELSE '' END, g.name, g.role)
  FROM granted g CROSS JOIN o
 WHERE g.grantee NOT IN (0, g.relowner) AND NOT (g.control AND o.release) AND g.relkind <> 'S'
   AND NOT (g.relispartition AND g.oid IN (SELECT oid FROM guarded))
   AND CASE
        WHEN g.is_grantable AND g.role = ANY (o.application_roles || o.service_roles) THEN true
        WHEN EXISTS (SELECT FROM unnest(o.narrowed_tables) w WHERE starts_with(w, g.name || ' ')) AND g.role = ANY (o.application_roles)
            THEN format('%s %s', g.name, g.privilege) <> ALL (o.narrowed_tables)
        WHEN cardinality(o.admitted_grants) > 0
            THEN format('%s %s', g.role, g.privilege) <> ALL (o.admitted_grants) AND format('%s %s %s', g.role, g.privilege, g.name) <> ALL (o.admitted_grants)
        ELSE g.role = ANY (o.application_roles) AND g.privilege NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') END
 GROUP BY g.name, g.column_name, g.relkind, g.role
