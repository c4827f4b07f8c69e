-- Inside the application's database, by its superuser or its owner: who may use the schema public.
-- It runs again without effect.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO bearingwall_owner;
GRANT USAGE, CREATE ON SCHEMA public TO bearingwall_admin;
GRANT USAGE ON SCHEMA public TO bearingwall_app, bearingwall_worker, bearingwall_auditor;
