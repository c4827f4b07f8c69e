-- A view without security_invoker reads with its owner's eyes; without a barrier, cheap conditions of the query run ahead of it.
SELECT v.name, format('the view has no %s', v.lacks), format('ALTER VIEW %s SET (%s = true);', v.name, v.lacks)
  FROM (SELECT rel.name, s.lacks FROM rel CROSS JOIN (VALUES ('security_invoker'), ('security_barrier')) AS s (lacks)
         WHERE rel.relkind = 'v' AND NOT rel.control AND NOT (s.lacks || '=true' = ANY (rel.reloptions) OR s.lacks || '=on' = ANY (rel.reloptions) OR s.lacks || '=1' = ANY (rel.reloptions))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = rel.oid AND e.deptype = 'e')) v
