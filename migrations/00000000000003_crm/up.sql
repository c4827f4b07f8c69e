-- The medical-spa CRM: a spine of pseudonymous ids in clear, everything about a person encrypted in tables of the PHI class.

CREATE SCHEMA crm;
REVOKE ALL ON SCHEMA crm FROM PUBLIC;
GRANT USAGE ON SCHEMA crm TO bearingwall_app, bearingwall_backup;

-- The tenant's data key, wrapped by the key store's key; useless without it.
CREATE TABLE crm.tenant_keys (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    version     integer     NOT NULL CHECK (version > 0),
    kek_version text        NOT NULL CHECK (length(kek_version) <= 128),
    wrapped     bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, version)
);
CALL tenancy.protect('crm.tenant_keys');

-- The spine: who exists, without saying who they are. External ids stand here only as keyed digests.
CREATE TABLE crm.clients (
    customer_id     uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id              uuid        NOT NULL,
    external_digest bytea       CHECK (octet_length(external_digest) = 32),
    import_digest   bytea       CHECK (octet_length(import_digest) = 32),
    version         bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, external_digest)
);
COMMENT ON COLUMN crm.clients.import_digest IS 'keyed digest of the imported row: tells a repeated import from a conflicting one';
CALL tenancy.protect('crm.clients');

-- One key a person, wrapped by the tenant's: destroying it erases the person from every live row.
CREATE TABLE crm.client_keys (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    client_id      uuid        NOT NULL,
    tenant_version integer     NOT NULL,
    wrapped        bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, client_id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id),
    FOREIGN KEY (customer_id, tenant_version) REFERENCES crm.tenant_keys (customer_id, version)
);
CALL tenancy.protect('crm.client_keys');
-- SECURITY: a key that injected SQL replaced or deleted would take its data with it; rotation and erasure come with a right of
-- their own.
REVOKE UPDATE, DELETE ON crm.tenant_keys, crm.client_keys FROM bearingwall_app;

CREATE TABLE crm.client_records (
    customer_id uuid   NOT NULL DEFAULT tenancy.claimed_customer_id(),
    client_id   uuid   NOT NULL,
    payload     bytea  NOT NULL,
    PRIMARY KEY (customer_id, client_id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
COMMENT ON COLUMN crm.client_records.payload IS 'AES-256-GCM under the key of the client, bound to table, column, tenant and row';
CALL audit.protect_phi('crm.client_records', 'client_id');

-- Blind indexes: keyed digests of normalised names' prefixes, whole names, phones and e-mails, and nothing else.
CREATE TABLE crm.client_digests (
    customer_id uuid     NOT NULL DEFAULT tenancy.claimed_customer_id(),
    kind        smallint NOT NULL,
    digest      bytea    NOT NULL CHECK (octet_length(digest) = 16),
    client_id   uuid     NOT NULL,
    PRIMARY KEY (customer_id, kind, digest, client_id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
CREATE INDEX client_digests_client ON crm.client_digests (customer_id, client_id);
CALL audit.protect_phi('crm.client_digests', 'client_id', true);

-- What the tenant's staff are called, as the same digests: who looks at somebody of the same name or address is found by comparing.
CREATE TABLE crm.staff_digests (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    subject_id  uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    kind        smallint    NOT NULL CHECK (kind IN (3, 4, 5)),
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 16),
    first_seen  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, subject_id, kind, digest)
);
COMMENT ON COLUMN crm.staff_digests.kind IS 'as in crm.client_digests: 3 e-mail, 4 family name, 5 full name';
CALL tenancy.protect('crm.staff_digests');
-- SECURITY: a name that was seen stays: neither a new name nor injected SQL takes an access out of the review.
REVOKE UPDATE, DELETE ON crm.staff_digests FROM bearingwall_app;

CREATE TABLE crm.chart_notes (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id             uuid        NOT NULL,
    client_id      uuid        NOT NULL,
    import_key     bytea       CHECK (octet_length(import_key) = 32),
    import_digest  bytea       CHECK (octet_length(import_digest) = 32),
    version        bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, import_key),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
COMMENT ON COLUMN crm.chart_notes.import_key IS 'keyed digest of the external id or, without one, of the row and its occurrence';
CREATE INDEX chart_notes_client ON crm.chart_notes (customer_id, client_id, id);
CALL tenancy.protect('crm.chart_notes');

CREATE TABLE crm.chart_note_records (
    customer_id uuid  NOT NULL DEFAULT tenancy.claimed_customer_id(),
    note_id     uuid  NOT NULL,
    client_id   uuid  NOT NULL,
    payload     bytea NOT NULL,
    PRIMARY KEY (customer_id, note_id),
    FOREIGN KEY (customer_id, note_id) REFERENCES crm.chart_notes (customer_id, id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
COMMENT ON COLUMN crm.chart_note_records.payload IS 'AES-256-GCM under the key of the client, bound to table, column, tenant and row';
CALL audit.protect_phi('crm.chart_note_records', 'client_id');
