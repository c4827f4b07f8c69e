-- What the planner believes to be leak-proof runs ahead of policies.
SELECT r.name, 'the function is marked LEAKPROOF', format('ALTER FUNCTION %s NOT LEAKPROOF;', r.name)
  FROM routine r CROSS JOIN o WHERE r.proleakproof AND NOT r.extension AND NOT (r.control AND o.release)
