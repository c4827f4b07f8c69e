SELECT f.name, f.found, f.fix FROM (
    SELECT t.name, format('the tenant column %I may be null', t.attname) AS found,
           format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL;', t.name, t.attname) AS fix
      FROM tenant t WHERE NOT t.attnotnull
    UNION ALL
    SELECT t.name, format('the tenant column %I has the type %s instead of %s', t.attname, format_type(t.atttypid, t.atttypmod), o.tenant_type),
           format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s USING %2$I::text::%3$s;', t.name, t.attname, o.tenant_type)
      FROM tenant t CROSS JOIN o WHERE o.tenant_type <> '' AND format_type(t.atttypid, t.atttypmod) <> o.tenant_type
    UNION ALL
    SELECT t.name, format('the tenant column %I is not the first column', t.attname),
           format('-- make %s anew with %I as its first column', t.name, t.attname)
      FROM tenant t CROSS JOIN o WHERE o.tenant_first AND t.attnum <> 1
    UNION ALL
    -- A default of another kind would put rows into a tenant that nobody entered.
    SELECT t.name, format('the tenant column %I has the default %s', t.attname, pg_get_expr(d.adbin, d.adrelid)),
           format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT;', t.name, t.attname)
      FROM tenant t CROSS JOIN o JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid AND d.adnum = t.attnum
     WHERE pg_get_expr(d.adbin, d.adrelid) <> ALL (o.tenant_defaults)
       AND (cardinality(o.tenant_defaults) > 0 OR pg_get_expr(d.adbin, d.adrelid) ~ '^[''0-9]')
) f
