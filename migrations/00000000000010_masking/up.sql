-- Masking at the interface: what each tenant wants done with personal data, tested before it is in force, and the vault of what
-- placeholders stand for, bound to a tenant and a conversation, for a while.

CREATE SCHEMA pii;
REVOKE ALL ON SCHEMA pii FROM PUBLIC;
GRANT USAGE ON SCHEMA pii TO bearingwall_app, bearingwall_worker, bearingwall_backup;

-- CONTROL: PII-7
-- Every version that a tenant has proposed. Its lists may name people, and its samples speak of them: both are sealed under the
-- tenant's key, together with the digest of the content in clear, so that nothing that was written by other means is taken for one.
CREATE TABLE pii.policies (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    version     integer     NOT NULL CHECK (version BETWEEN 1 AND 10000),
    content     bytea       NOT NULL CHECK (octet_length(content) <= 65536),
    lists       bytea       NOT NULL CHECK (octet_length(lists) <= 4194304),
    samples     bytea       NOT NULL CHECK (octet_length(samples) <= 2097152),
    digest      bytea       NOT NULL,
    proposed_by uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, version),
    UNIQUE (customer_id, version, digest),
    -- The database itself proves what the digest is of.
    CHECK (digest = sha256(int4send(octet_length(content)) || content || int4send(octet_length(lists)) || lists || samples))
);
COMMENT ON COLUMN pii.policies.lists IS 'AES-256-GCM under the key of the tenant, bound to table, column, tenant and version, as are the samples';
CALL tenancy.protect('pii.policies');

-- How a version fared with its own samples, over one floor of the platform. A result never changes; another run is another row.
CREATE TABLE pii.policy_tests (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    version     integer     NOT NULL,
    digest      bytea       NOT NULL,
    floor       bytea       NOT NULL CHECK (octet_length(floor) = 32),
    passed      boolean     NOT NULL,
    samples     integer     NOT NULL CHECK (samples BETWEEN 1 AND 64),
    failures    integer     NOT NULL CHECK (failures >= 0),
    tested_by   uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    tested_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, version, digest, floor, passed),
    FOREIGN KEY (customer_id, version, digest) REFERENCES pii.policies (customer_id, version, digest),
    CHECK (passed = (failures = 0))
);
CALL tenancy.protect('pii.policy_tests');

-- CONTROL: PII-7
-- The version in force, one row a tenant. That it was tested, in exactly this content and over this floor, and that it passed, is
-- a foreign key, so that no function and no hand can be wrong about it.
CREATE TABLE pii.active_policies (
    customer_id  uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    revision     bigint      NOT NULL CHECK (revision > 0),
    version      integer     NOT NULL,
    digest       bytea       NOT NULL,
    floor        bytea       NOT NULL,
    passed       boolean     NOT NULL DEFAULT true CHECK (passed),
    activated_by uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    activated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id),
    FOREIGN KEY (customer_id, version, digest, floor, passed) REFERENCES pii.policy_tests (customer_id, version, digest, floor, passed)
);
COMMENT ON COLUMN pii.active_policies.revision IS 'counts the activations, from 1: going back to an older version is a new one';
CREATE INDEX active_policies_test ON pii.active_policies (customer_id, version, digest, floor, passed);
CALL tenancy.protect('pii.active_policies');

-- SECURITY: what stands there is what the sealed actor has done, whatever the columns are filled with.
CREATE POLICY own_hand ON pii.policies AS RESTRICTIVE FOR INSERT TO PUBLIC
    WITH CHECK (proposed_by = (SELECT (tenancy.current_ids())[2]));
CREATE POLICY own_hand ON pii.policy_tests AS RESTRICTIVE FOR INSERT TO PUBLIC
    WITH CHECK (tested_by = (SELECT (tenancy.current_ids())[2]));
CREATE POLICY own_hand ON pii.active_policies AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (true) WITH CHECK (activated_by = (SELECT (tenancy.current_ids())[2]));
-- CONTROL: PII-7
-- The floor of this release, as `Floor::digest` names it. A release that raises it comes with a migration that names the new one:
-- from then on no version is activated that was tested over the old one only.
CREATE POLICY platform_floor ON pii.active_policies AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (true) WITH CHECK (floor = '\x18ba559fe91b0583bd3cdeb8d912f8388daa38a0cffbf3398da1c6fea9ca903f'::bytea);

-- Versions and results are never changed, and a tenant that had a policy never falls back to having none.
REVOKE UPDATE, DELETE ON pii.policies, pii.policy_tests FROM bearingwall_app;
REVOKE DELETE ON pii.active_policies FROM bearingwall_app;

-- One conversation, with a key of its own that the tenant's wraps: without this row nothing of it can be opened.
CREATE TABLE pii.conversations (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id             uuid        NOT NULL,
    wrapped        bytea       NOT NULL,
    issued         integer     NOT NULL DEFAULT 0 CHECK (issued BETWEEN 0 AND 65536),
    begun_by       uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    begun_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL CHECK (expires_at > begun_at AND expires_at <= begun_at + interval '30 days'),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, id, expires_at)
);
COMMENT ON COLUMN pii.conversations.issued IS 'how many values it holds: if as many cannot be read, none is turned back';
CREATE INDEX conversations_expiry ON pii.conversations (customer_id, expires_at);
CALL tenancy.protect('pii.conversations');

-- CONTROL: PII-8
-- What placeholders stand for: no value in clear, and no digest that anybody without the conversation's key could compute.
CREATE TABLE pii.vault (
    customer_id     uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id              uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    position        integer     NOT NULL CHECK (position BETWEEN 1 AND 65536),
    spelling        bytea       NOT NULL CHECK (octet_length(spelling) = 32),
    payload         bytea       NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, conversation_id, position),
    -- The same value is the same placeholder.
    UNIQUE (customer_id, conversation_id, spelling),
    -- Whoever moved a conversation's end would have to move all of its values' ends, which nobody may.
    FOREIGN KEY (customer_id, conversation_id, expires_at) REFERENCES pii.conversations (customer_id, id, expires_at) ON DELETE CASCADE
);
COMMENT ON COLUMN pii.vault.payload IS 'AES-256-GCM under the key of the conversation, bound to table, column, tenant and row';
COMMENT ON COLUMN pii.vault.spelling IS 'HMAC-SHA-256 of kind and spelling under a key of the conversation';
CREATE INDEX vault_conversation ON pii.vault (customer_id, conversation_id, expires_at);
CALL audit.protect_phi('pii.vault', 'conversation_id');
-- SECURITY: a value that injected SQL replaced would be shown as somebody's; what is in the vault stays as it is until it goes.
REVOKE UPDATE, DELETE ON pii.vault FROM bearingwall_app;
REVOKE DELETE ON pii.conversations FROM bearingwall_app;

-- CONTROL: PII-8
-- What has expired is gone at once, whoever still has to sweep it.
CREATE POLICY unexpired ON pii.conversations AS RESTRICTIVE FOR ALL TO bearingwall_app
    USING (expires_at > (SELECT clock_timestamp())) WITH CHECK (expires_at > (SELECT clock_timestamp()));
CREATE POLICY unexpired ON pii.vault AS RESTRICTIVE FOR ALL TO bearingwall_app
    USING (expires_at > (SELECT clock_timestamp())) WITH CHECK (expires_at > (SELECT clock_timestamp()));

-- The sweeper: in the tenant of the job that it has leased it sees what has expired and nothing else, and takes it away; the
-- values go with their conversation, unseen.
GRANT SELECT, DELETE ON pii.conversations TO bearingwall_worker;
CREATE POLICY expired ON pii.conversations AS RESTRICTIVE FOR ALL TO bearingwall_worker
    USING (expires_at <= (SELECT clock_timestamp())) WITH CHECK (false);

-- What a tenant may put into its role sets.
SET LOCAL ROLE bearingwall_owner;
INSERT INTO tenancy.tenant_permissions (permission) VALUES
    ('client:deidentify'), ('pii:detect'), ('pii:mask'), ('pii:unmask'), ('pii_policy:read'), ('pii_policy:write'), ('pii_policy:activate');
RESET ROLE;
