-- Everything about the named schemas that the release fixes, one fact a row: schema, kind of thing, which one, what about it, and what.
-- Partitions are left out, because their number grows; they have checks of their own.
WITH s AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS name, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace n WHERE n.nspname::text = ANY ($1::text[])
), c AS MATERIALIZED (
    SELECT c.*, format('%I.%I', s.name, c.relname) AS name, s.name AS schema FROM pg_catalog.pg_class c JOIN s ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT c.relispartition
), f AS MATERIALIZED (
    SELECT p.*, s.name AS schema, p.oid::regprocedure::text AS name, CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind
      FROM pg_catalog.pg_proc p JOIN s ON s.oid = p.pronamespace
), acl AS (
    SELECT s.name AS schema, 'schema' AS kind, quote_ident(s.name) AS object, s.nspowner AS owner, coalesce(s.nspacl, acldefault('n', s.nspowner)) AS acl FROM s
    UNION ALL SELECT c.schema, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.name, c.relowner,
        coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) FROM c
    UNION ALL SELECT c.schema, 'column', format('%s.%I', c.name, a.attname), c.relowner, a.attacl
      FROM c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attacl IS NOT NULL
    UNION ALL SELECT f.schema, f.kind, f.name, f.proowner, coalesce(f.proacl, acldefault('f', f.proowner)) FROM f
), fact AS (
    SELECT a.schema, a.kind, a.object, 'owner' AS aspect, CASE WHEN r.rolsuper THEN '(superuser)' ELSE r.rolname::text END AS value
      FROM acl a JOIN pg_catalog.pg_roles r ON r.oid = a.owner WHERE a.kind <> 'column'
    UNION ALL
    SELECT a.schema, a.kind, a.object, 'privileges', coalesce((SELECT string_agg(format('%s=%s%s', coalesce(r.rolname::text, 'PUBLIC'), x.privilege_type, CASE WHEN x.is_grantable THEN '*' ELSE '' END),
               ' ' ORDER BY r.rolname::text COLLATE "C", x.privilege_type COLLATE "C")
           FROM aclexplode(a.acl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE x.grantee <> a.owner), 'none') FROM acl a
    UNION ALL
    SELECT c.schema, 'table', c.name, 'row security', CASE WHEN c.relrowsecurity THEN 'enabled' ELSE 'disabled' END || CASE WHEN c.relforcerowsecurity THEN ', forced' ELSE '' END
      FROM c WHERE c.relkind IN ('r', 'p')
    UNION ALL
    SELECT c.schema, 'table', c.name, 'kind', c.relkind::text || coalesce(' ' || array_to_string(c.reloptions, ','), '') || CASE WHEN c.relpersistence <> 'p' THEN ' ' || c.relpersistence::text ELSE '' END FROM c
    UNION ALL
    SELECT c.schema, 'table', c.name, 'definition', pg_get_viewdef(c.oid) FROM c WHERE c.relkind IN ('v', 'm')
    UNION ALL
    SELECT c.schema, 'column', format('%s.%I', c.name, a.attname), 'definition', format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
           || coalesce(CASE WHEN a.attgenerated <> '' THEN ' GENERATED ' ELSE ' DEFAULT ' END || pg_get_expr(d.adbin, d.adrelid), '') || CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END
      FROM c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.relkind <> 'S'
    UNION ALL
    SELECT c.schema, 'column', format('%s.%I', c.name, a.attname), 'statistics', 'none gathered'
      FROM c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE coalesce(a.attstattarget, -1) = 0
    UNION ALL
    SELECT c.schema, 'constraint', format('%I on %s', k.conname, c.name), 'definition', pg_get_constraintdef(k.oid)
      FROM c JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid WHERE k.contype IN ('p', 'u', 'f', 'c', 'x')
    UNION ALL
    SELECT c.schema, 'index', i.indexrelid::regclass::text, 'definition', pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END
      FROM c JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT c.schema, 'policy', format('%I on %s', p.polname, c.name), 'definition', format('AS %s FOR %s TO %s', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
               CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
               CASE WHEN p.polroles = '{0}' THEN 'PUBLIC' ELSE (SELECT string_agg(r.rolname::text, ', ' ORDER BY r.rolname::text COLLATE "C") FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)) END)
           || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
      FROM c JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid
    UNION ALL
    SELECT c.schema, 'trigger', format('%I on %s', t.tgname, c.name), a.aspect, a.value
      FROM c JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
      CROSS JOIN LATERAL (VALUES ('definition', pg_get_triggerdef(t.oid)), ('enabled', CASE t.tgenabled WHEN 'A' THEN 'always' WHEN 'O' THEN 'origin' WHEN 'R' THEN 'replica' ELSE 'no' END)) AS a (aspect, value)
    UNION ALL
    SELECT c.schema, 'rule', format('%I on %s', w.rulename, c.name), 'definition', pg_get_ruledef(w.oid) FROM c JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT f.schema, f.kind, f.name, a.aspect, a.value
      FROM f JOIN pg_catalog.pg_language l ON l.oid = f.prolang CROSS JOIN LATERAL (VALUES
        ('interface', format('(%s) returns %s', pg_get_function_arguments(f.oid), coalesce(pg_get_function_result(f.oid), 'nothing'))),
        ('language', l.lanname::text),
        ('security', CASE WHEN f.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END),
        ('volatility', CASE f.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END),
        ('parallel', CASE f.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END),
        ('null input', CASE WHEN f.proisstrict THEN 'RETURNS NULL ON NULL INPUT' ELSE 'CALLED ON NULL INPUT' END),
        ('leakproof', CASE WHEN f.proleakproof THEN 'LEAKPROOF' ELSE 'NOT LEAKPROOF' END),
        ('settings', coalesce(array_to_string(f.proconfig, '; '), 'none')),
        ('body', encode(sha256(convert_to(f.prosrc || coalesce(pg_get_function_sqlbody(f.oid), '') || coalesce(f.probin, ''), 'UTF8')), 'hex'))
      ) AS a (aspect, value)
)
SELECT schema, kind, object, aspect, btrim(regexp_replace(value, '\s+', ' ', 'g')) AS value FROM fact
 -- Of the domain's tables the other checks know everything but the conditions that only a release can know.
 WHERE schema NOT IN ('crm', 'pii', 'connectors') OR kind = 'trigger' OR kind = 'function'
    OR (kind = 'policy' AND object ~ '^(own_hand|platform_floor|unexpired|expired) on ')
    OR (kind = 'constraint' AND value !~ '^(PRIMARY KEY|UNIQUE)')
    -- Of these the application or the worker reaches some columns only, which the check of privileges does not tell from all.
    OR (kind = 'table' AND aspect = 'privileges' AND object IN ('connectors.endpoints', 'connectors.endpoint_secrets', 'connectors.events',
        'connectors.subscriptions', 'connectors.subscription_secrets', 'connectors.http_endpoints',
        'crm.invoice_records', 'crm.payments', 'crm.messages', 'crm.unmatched_messages', 'crm.sms_consents'))
 ORDER BY schema COLLATE "C", kind COLLATE "C", object COLLATE "C", aspect COLLATE "C"
