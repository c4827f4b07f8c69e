-- A trigger's function runs with the rights of the function's owner, too, when it is SECURITY DEFINER.
SELECT r.name, CASE WHEN r.prorettype = 'pg_catalog.trigger'::regtype THEN 'the trigger function is SECURITY DEFINER' ELSE 'the function is SECURITY DEFINER and not on the list of those that may be' END,
       format('ALTER %s %s SECURITY INVOKER;', r.kind, r.name)
  FROM routine r CROSS JOIN o WHERE r.prosecdef AND NOT (r.control AND o.release) AND r.name <> ALL (o.definer_functions)
