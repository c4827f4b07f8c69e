-- Roles of the cluster. Run once by the platform's superuser; runs again without effect.
DO $roles$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM (VALUES
        ('bearingwall_owner',   'NOLOGIN NOINHERIT NOBYPASSRLS'),
        ('bearingwall_admin',   'LOGIN NOINHERIT NOBYPASSRLS CONNECTION LIMIT 20'),
        ('bearingwall_app',     'LOGIN NOINHERIT NOBYPASSRLS'),
        ('bearingwall_sealer',  'LOGIN NOINHERIT NOBYPASSRLS CONNECTION LIMIT 5'),
        ('bearingwall_worker',  'LOGIN NOINHERIT NOBYPASSRLS'),
        ('bearingwall_auditor', 'LOGIN NOINHERIT NOBYPASSRLS CONNECTION LIMIT 20'),
        ('bearingwall_backup',  'LOGIN NOINHERIT BYPASSRLS CONNECTION LIMIT 5')
    ) AS v (name, attributes) LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r.name) THEN
            EXECUTE format('CREATE ROLE %I', r.name);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s', r.name, r.attributes);
    END LOOP;
END $roles$;
-- NOINHERIT: the admin takes the owner's power by an explicit SET ROLE in a migration, never by accident.
GRANT bearingwall_owner TO bearingwall_admin;
