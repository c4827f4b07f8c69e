-- The negative control: tenant isolation as tutorials teach it. A policy compares with a setting that anybody may set, row
-- security is enabled and not forced, keys are unique over all tenants, and what is made for convenience goes around it.
-- The attack suite must succeed on it, the schema inventory must find its flaws. Nothing else uses it.
-- Applied by a superuser to an empty database that has the platform's roles. Two tenants: A (aaaa…) attacks, B (bbbb…) suffers.

-- What PostgreSQL gives to everybody unless somebody takes it away.
DO $defaults$
BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END $defaults$;
-- As it was before PostgreSQL 15, and as "permission denied for schema public" is still answered.
GRANT ALL ON SCHEMA public TO PUBLIC;

SET ROLE bearingwall_admin;

CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO PUBLIC;

CREATE TABLE crm.customers (
    id     uuid PRIMARY KEY,
    slug   text NOT NULL UNIQUE,
    name   text NOT NULL,
    region text NOT NULL DEFAULT 'us-east-1'
);

CREATE TABLE crm.clients (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id     uuid        NOT NULL DEFAULT current_setting('app.current_customer_id', true)::uuid REFERENCES crm.customers (id),
    name            text        NOT NULL DEFAULT '',
    email           text        UNIQUE,
    ssn             text,
    diagnosis       text,
    external_digest bytea       UNIQUE,
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX clients_name ON crm.clients (name);
CREATE INDEX clients_diagnosis ON crm.clients (diagnosis);

CREATE TABLE crm.chart_notes (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id uuid        NOT NULL DEFAULT current_setting('app.current_customer_id', true)::uuid REFERENCES crm.customers (id),
    client_id   uuid        NOT NULL REFERENCES crm.clients (id) ON DELETE CASCADE,
    import_key  bytea       UNIQUE,
    body        text        NOT NULL DEFAULT '',
    version     bigint      NOT NULL DEFAULT 1
);
CREATE INDEX chart_notes_client ON crm.chart_notes (client_id);

CREATE TABLE crm.client_records (
    client_id   uuid  PRIMARY KEY REFERENCES crm.clients (id),
    customer_id uuid  NOT NULL DEFAULT current_setting('app.current_customer_id', true)::uuid,
    payload     bytea NOT NULL
);

-- One tenant's treatment, offered to the clients of another: the foreign key knows no tenant.
CREATE TABLE crm.services (
    id          uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES crm.customers (id),
    title       text NOT NULL
);
CREATE TABLE crm.appointments (
    id          uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES crm.customers (id),
    service_id  uuid NOT NULL REFERENCES crm.services (id) ON DELETE CASCADE,
    client_id   uuid NOT NULL REFERENCES crm.clients (id)
);

CREATE TABLE crm.invoices (
    id          bigserial PRIMARY KEY,
    customer_id uuid      NOT NULL REFERENCES crm.customers (id),
    amount      numeric   NOT NULL
);

CREATE TABLE crm.events (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    customer_id uuid        NOT NULL DEFAULT current_setting('app.current_customer_id', true)::uuid,
    actor_id    uuid        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    body        text        NOT NULL DEFAULT '',
    PRIMARY KEY (id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE crm.events_all PARTITION OF crm.events DEFAULT;

-- Added in a hurry, and row security forgotten.
CREATE TABLE crm.attachments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id uuid NOT NULL,
    file_name   text NOT NULL
);

ALTER TABLE crm.clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.chart_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.client_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.services ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.appointments ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE crm.events ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON crm.clients USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY tenant ON crm.client_records USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY tenant ON crm.services USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY tenant ON crm.appointments USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY tenant ON crm.invoices USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY tenant ON crm.events USING (customer_id = current_setting('app.current_customer_id')::uuid);
-- One policy a command, the one for INSERT open to every signed-in user.
CREATE POLICY notes_read ON crm.chart_notes FOR SELECT USING (customer_id = current_setting('app.current_customer_id')::uuid);
CREATE POLICY notes_insert ON crm.chart_notes FOR INSERT WITH CHECK (true);
CREATE POLICY notes_update ON crm.chart_notes FOR UPDATE USING (customer_id = current_setting('app.current_customer_id')::uuid) WITH CHECK (true);
CREATE POLICY notes_delete ON crm.chart_notes FOR DELETE USING (customer_id = current_setting('app.current_customer_id')::uuid);

-- For reports: each reads as its owner.
CREATE VIEW crm.client_names AS SELECT c.id, c.name, c.external_digest FROM crm.clients c;
CREATE VIEW crm.customer_overview AS
    SELECT t.name, count(c.id) AS clients FROM crm.customers t LEFT JOIN crm.clients c ON c.customer_id = t.id GROUP BY t.name;
CREATE MATERIALIZED VIEW crm.client_search AS SELECT c.id, c.customer_id, lower(c.name) AS name, c.email FROM crm.clients c;
CREATE FUNCTION crm.client_by_name(p_name text) RETURNS SETOF crm.clients LANGUAGE sql STABLE SECURITY DEFINER AS
$f$ SELECT * FROM crm.clients WHERE name LIKE p_name $f$;
CREATE FUNCTION crm.client_rename(p_id uuid, p_name text) RETURNS void LANGUAGE sql SECURITY DEFINER AS
$f$ UPDATE crm.clients SET name = p_name WHERE id = p_id $f$;

-- "permission denied for table": everything to everybody.
GRANT ALL ON ALL TABLES IN SCHEMA crm TO bearingwall_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA crm TO bearingwall_app;

INSERT INTO crm.customers (id, slug, name, region) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'juniper', 'Juniper', 'us-east-1'),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'saltmarsh', 'Saltmarsh Confidential', 'eu-west-1');
INSERT INTO crm.clients (id, customer_id, name, email, ssn, diagnosis, external_digest) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'Ann of Juniper', 'ann@juniper.example',
     '900-00-0001', 'rosacea', convert_to('JUNIPER-CLIENT-OF-TENANT-A-00001', 'UTF8')),
    ('b0000000-0000-4000-8000-000000000001', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'Bea of Saltmarsh', 'bea@saltmarsh.example',
     '900-00-0002', 'hepatitis', convert_to('SALTMARSH-MARKER-OF-TENANT-B-001', 'UTF8'));
INSERT INTO crm.clients (customer_id, name, diagnosis)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'Client of Saltmarsh', 'hepatitis' FROM generate_series(1, 299);
INSERT INTO crm.chart_notes (id, customer_id, client_id, import_key, body) VALUES
    ('a0000000-0000-4000-8000-000000000002', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000001', NULL, 'calm'),
    ('b0000000-0000-4000-8000-000000000002', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000001',
     convert_to('SALTMARSH-IMPORT-OF-TENANT-B-001', 'UTF8'), 'SALTMARSH-NOTE');
INSERT INTO crm.chart_notes (customer_id, client_id)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000001' FROM generate_series(1, 299);
INSERT INTO crm.client_records (client_id, customer_id, payload) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', convert_to('JUNIPER-PAYLOAD', 'UTF8')),
    ('b0000000-0000-4000-8000-000000000001', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', convert_to('SALTMARSH-PAYLOAD', 'UTF8'));
INSERT INTO crm.services (id, customer_id, title) VALUES
    ('a0000000-0000-4000-8000-000000000003', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'peeling');
INSERT INTO crm.appointments (id, customer_id, service_id, client_id) VALUES
    ('b0000000-0000-4000-8000-000000000004', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'a0000000-0000-4000-8000-000000000003',
     'b0000000-0000-4000-8000-000000000001');
INSERT INTO crm.invoices (customer_id, amount)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', n FROM generate_series(1, 11) n;
SELECT setval('crm.invoices_id_seq', 4711);
INSERT INTO crm.events (customer_id, actor_id, body)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000005', 'SALTMARSH-EVENT' FROM generate_series(1, 300);
INSERT INTO crm.events (customer_id, actor_id, body) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000005', 'arrived');
INSERT INTO crm.attachments (customer_id, file_name) VALUES ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'SALTMARSH-ATTACHMENT.pdf');
REFRESH MATERIALIZED VIEW crm.client_search;

RESET ROLE;
ANALYZE;
