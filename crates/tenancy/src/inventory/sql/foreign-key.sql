-- Referential checks bypass row security, so the tenant must be on both sides; a key of the tenant alone names the registry.
WITH key AS (
    SELECT c.oid, c.conname, c.conrelid, c.confrelid, c.conkey, c.confkey, coalesce(a.name, c.conrelid::regclass::text) AS name, c.confrelid::regclass::text AS target,
           a.attnum AS tenant_here, b.attnum AS tenant_there, f.attname AS first_there, s.attname AS first_here
      FROM pg_catalog.pg_constraint c
      LEFT JOIN tenant a ON a.oid = c.conrelid LEFT JOIN tenant b ON b.oid = c.confrelid
      JOIN pg_catalog.pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
      JOIN pg_catalog.pg_attribute s ON s.attrelid = c.conrelid AND s.attnum = c.conkey[1]
     WHERE c.contype = 'f' AND c.conparentid = 0 AND (a.oid IS NOT NULL OR b.oid IS NOT NULL)
)
SELECT k.name, format('the foreign key %I to %s does not begin with the tenant on both sides', k.conname, k.target),
       CASE WHEN k.tenant_here IS NOT NULL AND k.tenant_there IS NOT NULL AND NOT (k.tenant_here = ANY (k.conkey))
            THEN format('ALTER TABLE %1$s DROP CONSTRAINT %2$I; %7$sALTER TABLE %1$s ADD CONSTRAINT %2$I FOREIGN KEY (%3$I, %4$s) REFERENCES %5$s (%3$I, %6$s);',
                k.name, k.conname, o.tenant_column,
                (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY n.place) FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number),
                k.target,
                (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY n.place) FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number),
                -- What the new key refers to, where it is not there yet.
                CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = k.confrelid AND i.indisunique AND i.indpred IS NULL
                         AND i.indnkeyatts = cardinality(k.confkey) + 1
                         AND ARRAY(SELECT unnest(i.indkey::int2[]) ORDER BY 1) = ARRAY(SELECT unnest(k.confkey || k.tenant_there) ORDER BY 1)) THEN ''
                     ELSE format('CREATE UNIQUE INDEX IF NOT EXISTS %I ON %s (%I, %s); ',
                         left(split_part(k.target, '.', 2), 40) || '_tenant_' || array_to_string(k.confkey, '_'), k.target, o.tenant_column,
                         (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY n.place) FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place)
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number)) END)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I;', k.name, k.conname) END
  FROM key k CROSS JOIN o
 WHERE NOT (k.first_here::text = o.tenant_column
            AND (k.first_there::text = o.tenant_column OR (cardinality(k.conkey) = 1 AND k.tenant_there IS NULL)))
