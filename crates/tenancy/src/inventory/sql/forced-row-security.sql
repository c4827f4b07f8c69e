SELECT g.name, 'row security is not forced on the owner', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY;', g.name)
  FROM guarded g WHERE NOT g.relforcerowsecurity
