-- The sealed tenant context: who may see a row is decided by a MAC that only the database can make, never by a setting.
-- Runs as bearingwall_admin, in one transaction; everything that touches a key is owned by bearingwall_owner, who cannot log in.

DO $d$ BEGIN
    -- An embedder's own tool may keep its history elsewhere.
    IF to_regclass('public.__diesel_schema_migrations') IS NOT NULL THEN
        GRANT SELECT ON public.__diesel_schema_migrations TO bearingwall_app, bearingwall_worker, bearingwall_auditor;
    END IF;
END $d$;

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;

CREATE SCHEMA tenancy AUTHORIZATION bearingwall_owner;

SET LOCAL ROLE bearingwall_owner;

ALTER DEFAULT PRIVILEGES FOR ROLE bearingwall_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE bearingwall_owner REVOKE USAGE ON TYPES FROM PUBLIC;
REVOKE ALL ON SCHEMA tenancy FROM PUBLIC;
GRANT USAGE ON SCHEMA tenancy
    TO bearingwall_app, bearingwall_admin, bearingwall_auditor, bearingwall_sealer, bearingwall_worker;

-- Keys are kept as the two precomputed 64-byte pads of HMAC (RFC 2104), so that only the built-in sha256() is needed.
-- SECURITY: plain privileges guard them, not row security: nobody but the owner holds any right on these tables.
CREATE TABLE tenancy.enter_keys (
    kid        smallint    PRIMARY KEY,
    ipad       bytea       NOT NULL CHECK (octet_length(ipad) = 64),
    opad       bytea       NOT NULL CHECK (octet_length(opad) = 64),
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    not_after  timestamptz NOT NULL DEFAULT 'infinity'
);
COMMENT ON TABLE tenancy.enter_keys IS 'what tenancy.enter() verifies with: the server''s keys by kid, or kid 0, born here, for tickets of tenancy.login()';

CREATE TABLE tenancy.seal_key (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    ipad bytea   NOT NULL CHECK (octet_length(ipad) = 64),
    opad bytea   NOT NULL CHECK (octet_length(opad) = 64)
);
COMMENT ON TABLE tenancy.seal_key IS 'born in this database and never read by a login role; renew it after every restore';

CREATE TABLE tenancy.config (
    one         boolean  PRIMARY KEY DEFAULT true CHECK (one),
    max_ttl_ms  integer  NOT NULL DEFAULT 120000 CHECK (max_ttl_ms BETWEEN 1000 AND 900000),
    require_pid boolean  NOT NULL DEFAULT true,
    regions     text[]   NOT NULL DEFAULT '{}',
    profile     text     NOT NULL DEFAULT 'enter-key' CHECK (profile IN ('enter-key', 'split-key')),
    guarded     boolean  NOT NULL DEFAULT false
);
COMMENT ON COLUMN tenancy.config.max_ttl_ms IS 'how far in the future an entry may expire, in milliseconds';
COMMENT ON COLUMN tenancy.config.require_pid IS 'false behind a transaction-mode connection pooler, where the backend changes';
COMMENT ON COLUMN tenancy.config.regions IS 'the regions whose tenants may live in this database';
COMMENT ON COLUMN tenancy.config.profile IS 'who proves the entry: the server with its key, or the caller''s own token';
COMMENT ON COLUMN tenancy.config.guarded IS 'the verified context stands in a setting that no login role may change, instead of under a seal';
INSERT INTO tenancy.config DEFAULT VALUES;

CREATE TABLE tenancy.customers (
    customer_id uuid        PRIMARY KEY,
    slug        text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,62}$'),
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    region      text        NOT NULL CHECK (region ~ '^[a-z][a-z0-9-]{1,31}$' OR region = '*'),
    status      text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'offboarded')),
    reserved    boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE tenancy.customers IS 'the tenant registry; the application sees it only through tenancy.registry()';
COMMENT ON COLUMN tenancy.customers.reserved IS 'the platform''s own: no customer, never listed, never offboarded';
-- The reserved tenant of the platform itself: events that belong to no customer.
INSERT INTO tenancy.customers (customer_id, slug, name, region, reserved)
    VALUES ('00000000-0000-8000-8000-000000000001', 'platform', 'Platform', '*', true);
-- Domain tables refer to the registry; the foreign key runs as this table's owner and shows nothing.
GRANT REFERENCES ON tenancy.customers TO bearingwall_admin;

CREATE FUNCTION tenancy.hmac_pad(p_key bytea, p_fill int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_pad bytea := decode(repeat('00', 64), 'hex');
    v_key bytea := p_key;
BEGIN
    IF octet_length(v_key) > 64 THEN v_key := sha256(v_key); END IF;
    FOR i IN 0..63 LOOP
        v_pad := set_byte(v_pad, i, (CASE WHEN i < octet_length(v_key) THEN get_byte(v_key, i) ELSE 0 END) # p_fill);
    END LOOP;
    RETURN v_pad;
END $f$;

CREATE FUNCTION tenancy.install_enter_key(p_kid smallint, p_key bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF octet_length(p_key) < 32 THEN
        RAISE EXCEPTION 'an enter key has at least 32 bytes' USING ERRCODE = '22023';
    END IF;
    PERFORM FROM tenancy.config c FOR UPDATE;
    IF p_kid < 1 OR EXISTS (SELECT FROM tenancy.config c WHERE c.profile <> 'enter-key') THEN
        RAISE EXCEPTION 'the key id must be positive, and in the split-key profile no server holds a key' USING ERRCODE = '22023';
    END IF;
    INSERT INTO tenancy.enter_keys (kid, ipad, opad)
    VALUES (p_kid, tenancy.hmac_pad(p_key, 54), tenancy.hmac_pad(p_key, 92))
    ON CONFLICT (kid) DO UPDATE SET ipad = excluded.ipad, opad = excluded.opad;
END $f$;

CREATE FUNCTION tenancy.retire_enter_key(p_kid smallint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    DELETE FROM tenancy.enter_keys k WHERE k.kid = p_kid AND k.kid > 0;
    RETURN FOUND;
END $f$;

-- gen_random_uuid() is backed by the server's strong random source: three of them hold 366 random bits.
CREATE FUNCTION tenancy.renew_seal_key() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    WITH r AS (SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS k)
    INSERT INTO tenancy.seal_key (ipad, opad) SELECT tenancy.hmac_pad(k, 54), tenancy.hmac_pad(k, 92) FROM r
    ON CONFLICT (one) DO UPDATE SET ipad = excluded.ipad, opad = excluded.opad
$f$;
SELECT tenancy.renew_seal_key();

-- The verified context stands in one of two places.
-- Guarded: in a setting that only a superuser and bearingwall_owner may change. It is written by the functions below, for the
-- rest of the transaction, and reading it needs no cryptography. The setting is one of PostgreSQL's own (custom ones can be
-- changed by anybody): a list of C function names, which a text of this form never is.
-- Sealed: where no superuser granted that, in settings that anybody may change, under an HMAC-SHA256 over customer, subject,
-- request, backend and transaction start, with a key that no login role can read.
-- SECURITY: binary encodings only; the text of a timestamp depends on TimeZone and DateStyle, which an attacker sets.
-- SECURITY: no backslash in any literal of this file's functions. A session keeps a function as it was first compiled, so
-- standard_conforming_strings = off, set by injected SQL, would change the literal for every later tenant on the connection.
-- CONTROL: TEN-1
-- The ids of customer, subject and request under the seal. An array, because a record would cost a function scan.
CREATE FUNCTION tenancy.sealed_ids() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer text := current_setting('app.current_customer_id', true);
    v_subject  text := current_setting('app.current_subject_id', true);
    v_request  text := current_setting('app.current_request_id', true);
    v_seal     text := current_setting('app.tenant_seal', true);
    v_uuid     text := '________-____-____-____-____________';
    v_ipad     bytea;
    v_opad     bytea;
    v_ok       boolean;
BEGIN
    IF v_customer IS NULL OR v_customer = '' THEN
        RAISE EXCEPTION 'no tenant context' USING ERRCODE = '28000', HINT = 'call tenancy.enter() first in this transaction';
    END IF;
    -- The shapes are checked before the casts: an exception block costs a subtransaction in every policy check, and regular
    -- expressions cost a third of the whole function.
    IF v_customer LIKE v_uuid AND v_subject LIKE v_uuid AND v_request LIKE v_uuid AND length(v_seal) = 64
       AND translate(v_customer || v_subject || v_request || v_seal, '0123456789abcdef', '') = '------------' THEN
        -- Without a parameter in it, the statement is planned once a session; the arithmetic stays in expressions.
        -- Both sides are hashed once more under the key, so that the comparison's timing tells nothing.
        SELECT k.ipad, k.opad INTO v_ipad, v_opad FROM tenancy.seal_key k;
        v_ok := sha256(v_opad || sha256(v_opad || sha256(v_ipad || decode('7365616c2e7631', 'hex')
                    || uuid_send(v_customer::uuid) || uuid_send(v_subject::uuid) || uuid_send(v_request::uuid)
                    || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp()))))
              = sha256(v_opad || decode(v_seal, 'hex'));
    END IF;
    IF v_ok IS NOT TRUE THEN
        RAISE EXCEPTION 'tenant context is not authentic' USING ERRCODE = '28000';
    END IF;
    RETURN ARRAY[v_customer::uuid, v_subject::uuid, v_request::uuid];
END $f$;

-- Whether a guarded context is believed. Not believing one that was written costs nothing; believing one where the setting is
-- not guarded would be the end of it, so nothing is read from the tables here: only who may write the setting counts.
-- SECURITY: the three readers run with the caller's rights and search path, for a SET clause costs more than all of their
-- work. Whatever they name is qualified, operators included.
CREATE FUNCTION tenancy.current_ids() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $f$
DECLARE
    v_context pg_catalog.text := pg_catalog.current_setting('backtrace_functions');
BEGIN
    IF pg_catalog.starts_with(v_context, 'bw1_') THEN
        RETURN ARRAY[pg_catalog.substr(v_context, 5, 32)::pg_catalog.uuid, pg_catalog.substr(v_context, 38, 32)::pg_catalog.uuid,
                     pg_catalog.substr(v_context, 71, 32)::pg_catalog.uuid];
    END IF;
    RETURN tenancy.sealed_ids();
END $f$;

-- Kept apart from current_ids(): every policy of every table calls it.
CREATE FUNCTION tenancy.current_customer_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $f$
DECLARE
    v_context pg_catalog.text := pg_catalog.current_setting('backtrace_functions');
BEGIN
    IF pg_catalog.starts_with(v_context, 'bw1_') THEN
        RETURN pg_catalog.substr(v_context, 5, 32)::pg_catalog.uuid;
    END IF;
    RETURN (tenancy.sealed_ids())[1];
END $f$;

-- What the settings claim, unverified: for column defaults and nothing else. The policy's WITH CHECK compares the row with
-- the verified context once per statement; a verifying default would be called once per row of a bulk insert.
CREATE FUNCTION tenancy.claimed_customer_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$f$ SELECT nullif(pg_catalog.current_setting('app.current_customer_id', true), '')::pg_catalog.uuid $f$;
CREATE FUNCTION tenancy.claimed_subject_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$f$ SELECT nullif(pg_catalog.current_setting('app.current_subject_id', true), '')::pg_catalog.uuid $f$;
CREATE FUNCTION tenancy.claimed_request_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$f$ SELECT nullif(pg_catalog.current_setting('app.current_request_id', true), '')::pg_catalog.uuid $f$;

CREATE FUNCTION tenancy.current_subject_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $f$
BEGIN RETURN (tenancy.current_ids())[2]; END $f$;

CREATE FUNCTION tenancy.current_request_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $f$
BEGIN RETURN (tenancy.current_ids())[3]; END $f$;

-- CONTROL: TEN-3
-- Makes a context the verified one for the rest of the transaction; nobody but this file's functions may call it.
-- The unguarded settings are for defaults, triggers and logs to read; only under a seal are they believed.
CREATE FUNCTION tenancy.seal_context(p_customer uuid, p_subject uuid, p_request uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_guarded boolean;
    v_ipad    bytea;
    v_opad    bytea;
    v_ignore  text;
BEGIN
    IF starts_with(current_setting('backtrace_functions'), 'bw1_') OR coalesce(current_setting('app.tenant_seal', true), '') <> '' THEN
        RAISE EXCEPTION 'a tenant is already entered in this transaction' USING ERRCODE = '28000';
    END IF;
    SELECT c.guarded, k.ipad, k.opad INTO STRICT v_guarded, v_ipad, v_opad FROM tenancy.config c CROSS JOIN tenancy.seal_key k;
    v_ignore := set_config('app.current_customer_id', p_customer::text, true);
    v_ignore := set_config('app.current_subject_id', p_subject::text, true);
    v_ignore := set_config('app.current_request_id', p_request::text, true);
    IF v_guarded THEN
        v_ignore := set_config('backtrace_functions', 'bw1_' || translate(p_customer::text || '_' || p_subject::text || '_' || p_request::text, '-', ''), true);
    ELSE
        v_ignore := set_config('app.tenant_seal', encode(sha256(v_opad || sha256(v_ipad || decode('7365616c2e7631', 'hex')
            || uuid_send(p_customer) || uuid_send(p_subject) || uuid_send(p_request)
            || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp()))), 'hex'), true);
    END IF;
END $f$;

-- CONTROL: TEN-1
-- Verifies the proof, allows one tenant a transaction, makes it the verified context and answers the tenant's region, which
-- the caller compares once more with the regions that it serves. MAC inputs, fixed width, no separators:
--   kid > 0, by the server: 'enter.v1' | kid int2 | customer 16 | subject 16 | request 16 | pid int4 | expiry int8 (Unix ms)
--                           | nonce 16 | sha256(regions joined by ',') 32
--   kid 0, by tenancy.login(): 'ticket.v1' | kid int2 | customer 16 | subject 16 | expiry int8 (Unix ms) | nonce 16
-- A ticket is bound to no backend: the caller's token, verified once, serves any of the server's connections for its minute.
CREATE FUNCTION tenancy.enter(p_customer uuid, p_subject uuid, p_request uuid, p_expiry_ms bigint, p_nonce uuid,
                              p_kid smallint, p_regions text[], p_mac bytea) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $f$
DECLARE
    v_ipad     bytea;
    v_opad     bytea;
    v_from     timestamptz;
    v_until    timestamptz;
    v_guarded  boolean;
    v_by_pid   boolean;
    v_max_ms   bigint;
    v_served   text[];
    v_region   text;
    v_ok       boolean;
    v_input    bytea;
    v_customer text := p_customer::text;
    v_subject  text := p_subject::text;
    v_request  text := p_request::text;
    v_ignore   text;
    v_now      timestamptz := clock_timestamp();
    v_now_ms   bigint := (date_part('epoch', v_now) * 1000)::bigint;
BEGIN
    IF starts_with(current_setting('backtrace_functions'), 'bw1_') OR coalesce(current_setting('app.tenant_seal', true), '') <> '' THEN
        RAISE EXCEPTION 'a tenant is already entered in this transaction' USING ERRCODE = '28000';
    END IF;
    -- One row a statement, each planned once a session, and the arithmetic in expressions: every request enters twice. As one
    -- join the four tables cost twice as much, for the planner knows no statistics of tables with one row.
    SELECT k.ipad, k.opad, k.not_before, k.not_after INTO v_ipad, v_opad, v_from, v_until FROM tenancy.enter_keys k WHERE k.kid = p_kid;
    SELECT c.guarded, c.require_pid, c.max_ttl_ms, c.regions INTO v_guarded, v_by_pid, v_max_ms, v_served FROM tenancy.config c;
    SELECT t.region INTO v_region FROM tenancy.customers t WHERE t.customer_id = p_customer AND t.status = 'active';
    IF p_kid = 0 THEN
        v_max_ms := 60000;
        v_input := decode('7469636b65742e7631', 'hex') || int2send(p_kid) || uuid_send(p_customer) || uuid_send(p_subject)
                || int8send(p_expiry_ms) || uuid_send(p_nonce);
    ELSE
        v_input := decode('656e7465722e7631', 'hex') || int2send(p_kid) || uuid_send(p_customer) || uuid_send(p_subject)
                || uuid_send(p_request) || int4send(CASE WHEN v_by_pid THEN pg_backend_pid() ELSE 0 END) || int8send(p_expiry_ms) || uuid_send(p_nonce)
                || sha256(convert_to(array_to_string(p_regions, ','), 'UTF8'));
    END IF;
    v_ok := v_now BETWEEN v_from AND v_until
        AND octet_length(p_mac) = 32
        AND p_expiry_ms >= v_now_ms
        AND p_expiry_ms <= v_now_ms + v_max_ms
        AND sha256(v_opad || sha256(v_opad || sha256(v_ipad || v_input))) = sha256(v_opad || p_mac);
    IF v_ok IS NOT TRUE OR p_request IS NULL THEN
        RAISE EXCEPTION 'tenant token rejected' USING ERRCODE = '28000';
    END IF;
    IF v_region IS NULL THEN
        RAISE EXCEPTION 'tenant is not active' USING ERRCODE = '28000', DETAIL = 'tenant-not-active';
    END IF;
    IF (v_region = '*' OR (v_region = ANY (p_regions) AND v_region = ANY (v_served))) IS NOT TRUE THEN
        RAISE EXCEPTION 'the region of the tenant is not served here' USING ERRCODE = '28000', DETAIL = 'region-not-served';
    END IF;
    v_ignore := set_config('app.current_customer_id', v_customer, true);
    v_ignore := set_config('app.current_subject_id', v_subject, true);
    v_ignore := set_config('app.current_request_id', v_request, true);
    IF v_guarded THEN
        v_ignore := set_config('backtrace_functions', 'bw1_' || translate(v_customer || '_' || v_subject || '_' || v_request, '-', ''), true);
    ELSE
        SELECT s.ipad, s.opad INTO v_ipad, v_opad FROM tenancy.seal_key s;
        v_ignore := set_config('app.tenant_seal', encode(sha256(v_opad || sha256(v_ipad || decode('7365616c2e7631', 'hex')
            || uuid_send(p_customer) || uuid_send(p_subject) || uuid_send(p_request)
            || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp()))), 'hex'), true);
    END IF;
    RETURN v_region;
END $f$;

-- What a server must know before it serves, without a context: whose proof is asked for, and whether backends are told apart.
CREATE FUNCTION tenancy.entry_rules() RETURNS TABLE (profile text, require_pid boolean, guarded boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT c.profile, c.require_pid, c.guarded FROM tenancy.config c
$f$;

-- The registry, as far as the sealed context admits it: a tenant sees itself, the platform tenant sees all.
CREATE FUNCTION tenancy.registry() RETURNS TABLE (customer_id uuid, slug text, name text, region text, status text, created_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT t.customer_id, t.slug, t.name, t.region, t.status, t.created_at FROM tenancy.customers t
        WHERE t.customer_id = v_customer OR (v_customer = '00000000-0000-8000-8000-000000000001' AND NOT t.reserved);
END $f$;

-- For the operator's tool, as bearingwall_admin.
-- Keeps the context in the guarded setting if the platform hardening is installed here and grants it, else under the seal.
CREATE FUNCTION tenancy.choose_context_store() RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    UPDATE tenancy.config SET guarded = has_parameter_privilege('bearingwall_owner', 'backtrace_functions', 'SET')
        AND EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'refuse_runtime_ddl' AND e.evtenabled = 'A')
    RETURNING guarded
$f$;
SELECT tenancy.choose_context_store();

CREATE FUNCTION tenancy.require_pid(p_required boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    UPDATE tenancy.config SET require_pid = p_required
$f$;

CREATE FUNCTION tenancy.serve_regions(p_regions text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    UPDATE tenancy.config SET regions = p_regions
$f$;

CREATE FUNCTION tenancy.create_tenant(p_customer uuid, p_slug text, p_name text, p_region text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF p_region = '*' OR NOT EXISTS (SELECT FROM tenancy.config c WHERE p_region = ANY (c.regions)) THEN
        RAISE EXCEPTION 'this database serves no region of that name' USING ERRCODE = '22023';
    END IF;
    INSERT INTO tenancy.customers (customer_id, slug, name, region) VALUES (p_customer, p_slug, p_name, p_region);
END $f$;

CREATE FUNCTION tenancy.tenants() RETURNS TABLE (customer_id uuid, slug text, name text, region text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT t.customer_id, t.slug, t.name, t.region, t.status FROM tenancy.customers t
     WHERE NOT t.reserved
$f$;

CREATE FUNCTION tenancy.tenant_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT customer_id FROM tenancy.customers WHERE NOT reserved ORDER BY customer_id
$f$;

-- Data migrations run per tenant, one transaction each, as the operator. Transactions of one request share its declarations:
-- a sweep over personal data is declared in one and used in the next (audit.declare_sweep).
CREATE FUNCTION tenancy.enter_migration(p_customer uuid, p_request uuid DEFAULT gen_random_uuid()) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF p_request IS NULL OR NOT EXISTS (SELECT FROM tenancy.customers t WHERE t.customer_id = p_customer) THEN
        RAISE EXCEPTION 'no such tenant, or no request' USING ERRCODE = '28000';
    END IF;
    PERFORM tenancy.seal_context(p_customer, '00000000-0000-8000-8000-000000000002', p_request);
    RETURN p_customer;
END $f$;

-- The one call that makes a table a tenant table; it refuses a table whose shape could leak.
-- CONTROL: TEN-2
CREATE PROCEDURE tenancy.protect(p_table regclass)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $p$
DECLARE
    v_bad    text;
    v_column name;
BEGIN
    PERFORM FROM pg_attribute a WHERE a.attrelid = p_table AND a.attname = 'customer_id' AND a.attnum = 1
        AND a.attnotnull AND a.atttypid = 'uuid'::regtype;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% must begin with customer_id uuid NOT NULL', p_table USING ERRCODE = '42P16';
    END IF;
    PERFORM FROM pg_index i WHERE i.indrelid = p_table AND i.indisprimary AND i.indkey[0] = 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% needs a primary key that begins with customer_id', p_table USING ERRCODE = '42P16';
    END IF;
    -- A unique index without the tenant answers "is this value taken by anybody?".
    SELECT i.indexrelid::regclass::text INTO v_bad FROM pg_index i WHERE i.indrelid = p_table AND i.indkey[0] <> 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'index % must begin with customer_id', v_bad USING ERRCODE = '42P16';
    END IF;
    -- Referential checks bypass row security, so the tenant must be on both sides of them.
    SELECT c.conname INTO v_bad FROM pg_constraint c JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = c.confkey[1]
        WHERE c.conrelid = p_table AND c.contype = 'f' AND (c.conkey[1] <> 1 OR r.attname <> 'customer_id') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'foreign key % must begin with customer_id on both sides', v_bad USING ERRCODE = '42P16';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    -- RESTRICTIVE: ANDed with whatever is added later, so that no later policy can widen it.
    -- The scalar sub-select makes it one InitPlan instead of a call per row (30 times slower).
    -- SECURITY: the planner lets a leak-proof condition of the query run ahead of a policy that costs more, and EXPLAIN ANALYZE
    -- or a deliberately broken context then tells whether the policy was reached: a question to a row of another tenant.
    -- A comparison with an array of one costs half of what any other comparison costs, and at a tie the policy goes first.
    -- The plain comparison below stays: it makes customer_id a constant, so that pages in key order need no sort.
    -- CASE takes the first comparison out of the planner's reckoning: counted twice without statistics, the tenant would be
    -- thought to have one row, every index that begins with it as good as the right one, and a read by key would scan it.
    -- SECURITY: the canaries' tenants are entered without a proof, and nothing may be left in them for another tenant to find.
    -- SECURITY: not COALESCE, which the planner does not know to be leak-proof and so puts behind the query's own conditions.
    EXECUTE format('CREATE POLICY tenant_base ON %s AS PERMISSIVE FOR ALL TO PUBLIC
        USING (CASE WHEN customer_id = ANY (ARRAY[(SELECT tenancy.current_customer_id())]) THEN true ELSE false END)
        WITH CHECK (customer_id <> ALL (ARRAY[''00000000-0000-8000-8000-00000000000a''::uuid, ''00000000-0000-8000-8000-00000000000b''::uuid]))', p_table);
    EXECUTE format('CREATE POLICY tenant_isolation ON %s AS RESTRICTIVE FOR ALL TO PUBLIC
        USING (customer_id = (SELECT tenancy.current_customer_id()))
        WITH CHECK (customer_id = (SELECT tenancy.current_customer_id()))', p_table);
    -- No value statistics on any column: they are gathered over all tenants, and EXPLAIN's estimates would tell frequent values
    -- and, by bisection, the bounds of histograms. Every access path begins with the tenant, so plans lose little.
    FOR v_column IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', p_table, v_column);
    END LOOP;
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', p_table);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO bearingwall_app', p_table);
    EXECUTE format('GRANT SELECT ON %s TO bearingwall_backup', p_table);
END $p$;

-- Validates a NOT VALID constraint over all tenants: under FORCE it would check only the entered tenant and call itself valid.
CREATE PROCEDURE tenancy.validate_constraint(p_table regclass, p_constraint name)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $p$
DECLARE
    v_tables regclass[];
    v_table  regclass;
BEGIN
    SELECT array_remove(ARRAY[c.conrelid, nullif(c.confrelid, 0)]::regclass[], NULL) INTO STRICT v_tables
        FROM pg_constraint c WHERE c.conrelid = p_table AND c.conname = p_constraint;
    SELECT array_agg(t) INTO v_tables FROM unnest(v_tables) t JOIN pg_class c ON c.oid = t AND c.relforcerowsecurity;
    FOREACH v_table IN ARRAY coalesce(v_tables, '{}') LOOP EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', v_table); END LOOP;
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', p_table, p_constraint);
    FOREACH v_table IN ARRAY coalesce(v_tables, '{}') LOOP EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', v_table); END LOOP;
    IF EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY (v_tables) AND NOT c.relforcerowsecurity) THEN
        RAISE EXCEPTION 'row security was not forced again' USING ERRCODE = '42501';
    END IF;
END $p$;

REVOKE ALL ON ALL TABLES IN SCHEMA tenancy FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA tenancy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.claimed_customer_id(), tenancy.claimed_subject_id(), tenancy.claimed_request_id(),
    tenancy.current_customer_id(), tenancy.current_subject_id(), tenancy.current_request_id(), tenancy.current_ids(), tenancy.sealed_ids()
    TO bearingwall_app, bearingwall_admin, bearingwall_sealer, bearingwall_worker, bearingwall_auditor;
GRANT EXECUTE ON FUNCTION tenancy.enter(uuid, uuid, uuid, bigint, uuid, smallint, text[], bytea), tenancy.registry() TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.entry_rules() TO bearingwall_app, bearingwall_worker, bearingwall_admin, bearingwall_auditor;
GRANT EXECUTE ON FUNCTION tenancy.install_enter_key(smallint, bytea), tenancy.retire_enter_key(smallint), tenancy.renew_seal_key(),
    tenancy.choose_context_store(), tenancy.require_pid(boolean), tenancy.serve_regions(text[]),
    tenancy.create_tenant(uuid, text, text, text), tenancy.tenants(), tenancy.tenant_ids(), tenancy.enter_migration(uuid, uuid) TO bearingwall_admin;
GRANT EXECUTE ON PROCEDURE tenancy.protect(regclass), tenancy.validate_constraint(regclass, name) TO bearingwall_admin;

RESET ROLE;
