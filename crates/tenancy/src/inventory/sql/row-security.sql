SELECT g.name, 'row security is disabled', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', g.name)
  FROM guarded g WHERE NOT g.relrowsecurity
