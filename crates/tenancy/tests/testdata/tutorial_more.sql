-- More of what happens to a schema over the years, for the inventory alone: it is applied after tutorial.sql.
SET ROLE bearingwall_admin;

-- Identity of a person in the open, a key that counts, and a tenant that may be missing.
CREATE TABLE crm.messages (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text   DEFAULT 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
    recipient_email text NOT NULL,
    body        text NOT NULL
);
ALTER TABLE crm.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff ON crm.messages FOR SELECT USING (true);
GRANT SELECT, INSERT ON crm.messages TO PUBLIC;
GRANT UPDATE (body) ON crm.messages TO PUBLIC;

CREATE TYPE crm.channel AS ENUM ('e-mail', 'text');
CREATE STATISTICS crm.clients_name_diagnosis ON name, diagnosis FROM crm.clients;
CREATE RULE log_nothing AS ON DELETE TO crm.services DO ALSO NOTHING;
ALTER TABLE crm.services ADD CONSTRAINT services_title CHECK (title <> '') NOT VALID;

CREATE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = crm, public AS
$f$ BEGIN NEW.version := OLD.version + 1; RETURN NEW; END $f$;
CREATE TRIGGER touch BEFORE UPDATE ON crm.clients FOR EACH ROW EXECUTE FUNCTION crm.touch();
ALTER TABLE crm.clients DISABLE TRIGGER touch;

ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT ALL ON TABLES TO bearingwall_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO PUBLIC;
RESET ROLE;

-- "It works when the application owns it."
ALTER TABLE crm.attachments OWNER TO bearingwall_app;
CREATE FUNCTION crm.same_text(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS $f$ SELECT a = b $f$;
CREATE PUBLICATION reports FOR TABLE crm.clients;
SELECT lo_from_bytea(0, 'scan of a form');
DO $settings$
BEGIN
    EXECUTE format('ALTER ROLE bearingwall_app IN DATABASE %I SET search_path = crm, public', current_database());
    EXECUTE format('ALTER DATABASE %I SET row_security = off', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO bearingwall_app', current_database());
END $settings$;
