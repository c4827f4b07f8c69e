SELECT t.name, format('the constraint %I was never validated over all rows', c.conname),
       -- Under FORCE the owner would validate the entered tenant alone.
       format('ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; ALTER TABLE %1$s VALIDATE CONSTRAINT %2$I; ALTER TABLE %1$s FORCE ROW LEVEL SECURITY;', t.name, c.conname)
  FROM tenant t JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid WHERE NOT c.convalidated
