SELECT g.name || coalesce('.' || quote_ident(g.column_name), ''), format('every role has %s', string_agg(g.privilege, ', ' ORDER BY g.privilege)),
       format('REVOKE ALL%s ON %s%s FROM PUBLIC;', CASE WHEN g.column_name IS NULL THEN '' ELSE format(' (%I)', g.column_name) END,
           CASE WHEN g.relkind = 'S' THEN 'SEQUENCE ' ELSE '' END, g.name)
  FROM granted g CROSS JOIN o WHERE g.grantee = 0 AND NOT (g.control AND o.release)
 GROUP BY g.name, g.column_name, g.relkind
