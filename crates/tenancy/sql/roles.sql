-- Roles of the cluster. Run once by the platform's superuser; runs again without effect.
DO $roles$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM (VALUES
        ('bearingwall_owner',   false, false, NULL),
        ('bearingwall_admin',   true,  false, 20),
        ('bearingwall_app',     true,  false, NULL),
        ('bearingwall_sealer',  true,  false, 5),
        ('bearingwall_worker',  true,  false, NULL),
        ('bearingwall_auditor', true,  false, 20),
        ('bearingwall_backup',  true,  true,  5)
    ) AS v (name, login, bypass, connections) LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r.name) THEN
            EXECUTE format('CREATE ROLE %I', r.name);
        END IF;
        -- A role that is as it should be is not written: what bootstraps databases of one cluster at a time would collide on it.
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = r.name AND p.rolcanlogin = r.login AND p.rolbypassrls = r.bypass
                AND p.rolconnlimit = coalesce(r.connections, p.rolconnlimit) AND NOT p.rolinherit
                AND NOT (p.rolsuper OR p.rolcreatedb OR p.rolcreaterole OR p.rolreplication)) THEN
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT %s %s %s', r.name,
                CASE WHEN r.login THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN r.bypass THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
                'CONNECTION LIMIT ' || r.connections);
        END IF;
    END LOOP;
END $roles$;
-- NOINHERIT: the admin takes the owner's power by an explicit SET ROLE in a migration, never by accident.
GRANT bearingwall_owner TO bearingwall_admin;
