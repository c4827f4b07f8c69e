-- The record: append-only for everybody who can log in, and the condition under which personal data is visible at all.

-- The event triggers that the superuser installed refuse any other change to this schema; migrations name themselves.
SET LOCAL bearingwall.audit_ddl = 'on';
CREATE SCHEMA audit AUTHORIZATION bearingwall_owner;

SET LOCAL ROLE bearingwall_owner;

REVOKE ALL ON SCHEMA audit FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO bearingwall_app, bearingwall_admin, bearingwall_sealer, bearingwall_auditor, bearingwall_backup;

CREATE TABLE audit.config (
    one             boolean  PRIMARY KEY DEFAULT true CHECK (one),
    access_ttl      interval NOT NULL DEFAULT '30 seconds' CHECK (access_ttl BETWEEN '1 second' AND '5 minutes'),
    refusals_per_s  int      NOT NULL DEFAULT 200 CHECK (refusals_per_s BETWEEN 1 AND 10000)
);
INSERT INTO audit.config DEFAULT VALUES;

CREATE TABLE audit.events (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    -- What the database supplies; no login role holds INSERT on these columns, and the policy verifies the first and the last two.
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid            xid8        NOT NULL DEFAULT pg_current_xact_id(),
    db_role        name        NOT NULL DEFAULT session_user,
    actor_id       uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    request_id     uuid        NOT NULL DEFAULT tenancy.claimed_request_id(),
    -- Blinds the leaf of the Merkle tree: whoever is shown hashes learns nothing by guessing rows.
    salt           bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) CHECK (octet_length(salt) = 16),
    -- Where the log of the database stood: an access opens nothing before it is on the disk that far.
    wal_lsn        pg_lsn      NOT NULL DEFAULT pg_current_wal_insert_lsn(),
    -- What the audit crate supplies.
    event_id       uuid        NOT NULL,
    schema_version smallint    NOT NULL DEFAULT 1 CHECK (schema_version = 1),
    -- SECURITY: codes only, by their shape: free text would carry personal data into what cannot be erased.
    event_type     text        NOT NULL
        CHECK (event_type ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND length(event_type) <= 64),
    phase          text        NOT NULL CHECK (phase IN ('intended', 'completed', 'failed', 'timed_out')),
    outcome        text        NOT NULL CHECK (outcome IN ('success', 'denied', 'failure', 'unknown')),
    outcome_code   text        CHECK (outcome_code ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- What belongs together: the rows that announce one access or act, and the one that says how it ended.
    access_id      uuid,
    parent_id      uuid,
    actor_roles    text[]      NOT NULL DEFAULT '{}'
        CHECK (cardinality(actor_roles) <= 16 AND array_to_string(actor_roles, ',') ~ '^[a-z_,]{0,255}$'),
    on_behalf_of   uuid,
    break_glass    uuid,
    auth_method    text        CHECK (auth_method ~ '^[a-z0-9_.-]{1,32}$'),
    purpose_of_use text        CHECK (purpose_of_use ~ '^[A-Z0-9_]{1,16}$'),
    legal_basis    text        CHECK (legal_basis ~ '^[a-z0-9_.-]{1,32}$'),
    subject_id     uuid,
    resource       text        CHECK (resource ~ '^[a-z0-9_.]{1,64}$'),
    resource_id    uuid,
    resource_version bigint,
    commands       text[]      NOT NULL DEFAULT '{}'
        CHECK (commands <@ ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'SEARCH', 'SWEEP'] AND cardinality(commands) <= 5),
    fields         text[]      NOT NULL DEFAULT '{}'
        CHECK (cardinality(fields) <= 64 AND array_to_string(fields, ',') ~ '^[a-z0-9_.,]*$' AND length(array_to_string(fields, ',')) <= 2048),
    result_count   integer     CHECK (result_count >= 0),
    recipient      text        CHECK (recipient ~ '^[a-z0-9_.:-]{1,128}$'),
    -- Keyed digests under a key of the tenant's: "was it this?" can be answered, "what was it?" cannot.
    query_digest   bytea       CHECK (octet_length(query_digest) = 32),
    before_digest  bytea       CHECK (octet_length(before_digest) = 32),
    after_digest   bytea       CHECK (octet_length(after_digest) = 32),
    route          text        CHECK (route ~ '^[A-Z]+( /[!-~]*)?$' AND length(route) <= 128),
    http_status    smallint    CHECK (http_status BETWEEN 100 AND 599),
    source_ip      inet,
    trace_id       bytea       CHECK (octet_length(trace_id) = 16),
    span_id        bytea       CHECK (octet_length(span_id) = 8),
    service        text        CHECK (service ~ '^[a-z0-9-]{1,32}/[0-9a-z.+-]{1,32}$'),
    PRIMARY KEY (customer_id, recorded_at, event_id),
    -- SECURITY: what names no person and covers all of them is the operator's alone, whoever may insert.
    CONSTRAINT sweeps_are_the_operators CHECK ('SWEEP' <> ALL (commands) OR (db_role = 'bearingwall_admin' AND subject_id IS NULL))
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE audit.events IS 'append-only; codes, ids and the network peer''s address, never content';
CREATE INDEX events_request ON audit.events (customer_id, request_id, recorded_at);
CREATE INDEX events_subject ON audit.events (customer_id, subject_id, recorded_at, event_id) WHERE subject_id IS NOT NULL;
-- The one index that does not begin with the tenant: the sealer orders by transaction over all tenants.
CREATE INDEX events_xid ON audit.events (xid);

CREATE FUNCTION audit.reject_mutation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    RAISE EXCEPTION 'the audit record is append-only: % on %.% rejected', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $f$;

-- CONTROL: AUD-2
-- Statement and row triggers are both needed: a row trigger lets DELETE … WHERE false and TRUNCATE pass, a statement trigger
-- is skipped by logical replication and not inherited by partitions. ENABLE ALWAYS fires under session_replication_role too.
CREATE PROCEDURE audit.guard(p_table regclass, p_partition boolean DEFAULT false)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $p$
DECLARE
    v_column name;
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION audit.reject_mutation()', p_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', p_table);
    -- A partition gets a clone of its parent's row trigger when it is attached.
    IF NOT p_partition THEN
        EXECUTE format('CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON %s
                        FOR EACH ROW EXECUTE FUNCTION audit.reject_mutation()', p_table);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_row', p_table);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', p_table);
    -- No value statistics, as in tenancy.protect: actors and persons of other tenants would show in estimates.
    FOR v_column IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', p_table, v_column);
    END LOOP;
END $p$;

-- A partition has no policy and no grant of its own: nobody reads or writes it but through the parent.
CREATE FUNCTION audit.create_partition(p_month date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_outer text := coalesce(current_setting('bearingwall.audit_ddl', true), '');
    v_from date := date_trunc('month', p_month)::date;
    v_to   date := (date_trunc('month', p_month) + interval '1 month')::date;
    v_name text := 'events_' || to_char(v_from, 'YYYYMM');
BEGIN
    IF to_regclass('audit.' || v_name) IS NULL THEN
        PERFORM set_config('bearingwall.audit_ddl', 'on', true);
        EXECUTE format('CREATE TABLE audit.%I (LIKE audit.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', v_name);
        CALL audit.guard(('audit.' || v_name)::regclass, true);
        EXECUTE format('ALTER TABLE audit.events ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)',
                       v_name, v_from || ' 00:00:00+00', v_to || ' 00:00:00+00');
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER append_only_row', v_name);
        PERFORM set_config('bearingwall.audit_ddl', v_outer, true);
    END IF;
    RETURN v_name;
END $f$;

CALL audit.guard('audit.events');
SELECT audit.create_partition((now() + make_interval(months => m))::date) FROM generate_series(-1, 12) m;

-- The second named table shape: the application inserts and reads its own tenant, sealer and auditor read all.
CREATE POLICY app_isolation ON audit.events AS RESTRICTIVE FOR ALL TO bearingwall_app
    USING (customer_id = (SELECT tenancy.current_customer_id()))
    WITH CHECK (ARRAY[customer_id, actor_id, request_id] = (SELECT tenancy.current_ids()));
-- Nothing on record for the canaries' tenants, which are entered without a proof: see tenancy.protect.
CREATE POLICY app_insert ON audit.events FOR INSERT TO bearingwall_app
    WITH CHECK (customer_id <> ALL (ARRAY['00000000-0000-8000-8000-00000000000a'::uuid, '00000000-0000-8000-8000-00000000000b'::uuid]));
-- Cheaper than any condition of a query, so that none runs ahead of it: see tenancy.protect.
CREATE POLICY app_select ON audit.events FOR SELECT TO bearingwall_app
    USING (CASE WHEN customer_id = ANY (ARRAY[(SELECT tenancy.current_customer_id())]) THEN true ELSE false END);
CREATE POLICY sealer_select ON audit.events FOR SELECT TO bearingwall_sealer USING (true);
CREATE POLICY auditor_select ON audit.events FOR SELECT TO bearingwall_auditor USING (true);
-- For the functions below, which run as the owner.
CREATE POLICY owner_select ON audit.events FOR SELECT TO bearingwall_owner USING (true);
CREATE POLICY owner_insert ON audit.events FOR INSERT TO bearingwall_owner WITH CHECK (true);
GRANT SELECT ON audit.events TO bearingwall_app, bearingwall_sealer, bearingwall_auditor, bearingwall_backup;
GRANT INSERT (event_id, schema_version, event_type, phase, outcome, outcome_code, access_id, parent_id, actor_roles, on_behalf_of,
              break_glass, auth_method, purpose_of_use, legal_basis, subject_id, resource, resource_id, resource_version, commands,
              fields, result_count, recipient, query_digest, before_digest, after_digest, route, http_status, source_ip, trace_id,
              span_id, service) ON audit.events TO bearingwall_app;

-- CONTROL: AUD-1
-- Whose rows of a resource this request may touch with a command: the subjects of access events that an earlier, committed
-- transaction of the same sealed actor and request wrote, and that have not expired by the wall clock.
-- A generic plan, pruned to the current month's partition when it starts; for that it needs the bound above, too.
-- SECURITY: synchronous_commit is anybody's to turn off, and a commit that waits for nothing is lost with the machine. What
-- stands in the log behind the point that is on the disk opens nothing; a standby has only what its primary has sent.
-- What is compared is where the row stands: a transaction that waits until its row is flushed and then commits without waiting
-- is believed before its commit is on the disk, for three turns of the WAL writer at the most. SQL cannot ask where that is.
-- SECURITY: IS DISTINCT FROM, because the current transaction id is NULL until the transaction has written something.
CREATE FUNCTION audit.declared_subjects(p_resource text, p_command text) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $f$
DECLARE
    v_ids      uuid[] := tenancy.current_ids();
    v_ttl      interval;
    v_now      timestamptz := clock_timestamp();
    v_standby  boolean := pg_is_in_recovery();
    v_flushed  pg_lsn := CASE WHEN v_standby THEN NULL ELSE pg_current_wal_flush_lsn() END;
    v_subjects uuid[];
BEGIN
    SELECT c.access_ttl INTO v_ttl FROM audit.config c;
    SELECT coalesce(array_agg(e.subject_id), '{}') INTO v_subjects FROM audit.events e
     WHERE e.customer_id = v_ids[1] AND e.request_id = v_ids[3]
       AND e.recorded_at > v_now - v_ttl AND e.recorded_at < v_now + v_ttl
       AND e.actor_id = v_ids[2] AND e.phase = 'intended' AND e.outcome = 'success'
       AND e.resource = p_resource AND p_command = ANY (e.commands)
       AND e.subject_id IS NOT NULL
       AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned() AND (v_standby OR e.wal_lsn < v_flushed);
    RETURN v_subjects;
END $f$;

-- CONTROL: DOM-2
CREATE FUNCTION audit.search_declared(p_resource text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
    v_ttl interval;
    v_now timestamptz := clock_timestamp();
    v_standby boolean := pg_is_in_recovery();
    v_flushed pg_lsn := CASE WHEN v_standby THEN NULL ELSE pg_current_wal_flush_lsn() END;
BEGIN
    SELECT c.access_ttl INTO v_ttl FROM audit.config c;
    RETURN EXISTS (SELECT FROM audit.events e
        WHERE e.customer_id = v_ids[1] AND e.request_id = v_ids[3]
          AND e.recorded_at > v_now - v_ttl AND e.recorded_at < v_now + v_ttl
          AND e.actor_id = v_ids[2] AND e.phase = 'intended' AND e.outcome = 'success'
          AND e.resource = p_resource AND 'SEARCH' = ANY (e.commands)
          AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned() AND (v_standby OR e.wal_lsn < v_flushed));
END $f$;

CREATE TABLE audit.phi_tables (
    relation       text    PRIMARY KEY,
    subject_column name    NOT NULL,
    searchable     boolean NOT NULL
);
COMMENT ON TABLE audit.phi_tables IS 'every table of the PHI class; the schema inventory holds each to its policies';
GRANT SELECT ON audit.phi_tables TO bearingwall_app, bearingwall_admin, bearingwall_auditor;

CREATE FUNCTION audit.register_phi_table(p_relation text, p_subject_column name, p_searchable boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.phi_tables (relation, subject_column, searchable) VALUES (p_relation, p_subject_column, p_searchable)
$f$;

-- CONTROL: AUD-1
-- A sweep: the operator's work on a whole tenant (a data migration, an export, an erasure) cannot name persons one by one. It
-- opens one table for some commands, to the same request, from an earlier committed transaction, for as long as any access.
CREATE FUNCTION audit.declare_sweep(p_event_type text, p_resource text, p_commands text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    IF session_user <> 'bearingwall_admin' OR v_ids[2] <> '00000000-0000-8000-8000-000000000002' THEN
        RAISE EXCEPTION 'a sweep is the operator''s' USING ERRCODE = '42501';
    END IF;
    IF (cardinality(p_commands) BETWEEN 1 AND 4 AND p_commands <@ ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) IS NOT TRUE
       OR NOT EXISTS (SELECT FROM audit.phi_tables t WHERE t.relation = p_resource) THEN
        RAISE EXCEPTION 'a sweep names a table of the PHI class and its commands' USING ERRCODE = '22023';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, resource, commands)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), p_event_type, 'intended', 'success', p_resource, p_commands || 'SWEEP'::text);
END $f$;

-- SECURITY: the login role decides first, which no SQL changes: whatever stands in the record, the application sweeps nothing.
CREATE FUNCTION audit.sweep_declared(p_resource text, p_command text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $f$
DECLARE
    v_ids uuid[];
    v_ttl interval;
    v_now timestamptz := clock_timestamp();
    v_standby boolean := pg_is_in_recovery();
    v_flushed pg_lsn := CASE WHEN v_standby THEN NULL ELSE pg_current_wal_flush_lsn() END;
BEGIN
    IF session_user <> 'bearingwall_admin' THEN RETURN false; END IF;
    v_ids := tenancy.current_ids();
    SELECT c.access_ttl INTO v_ttl FROM audit.config c;
    RETURN EXISTS (SELECT FROM audit.events e
        WHERE e.customer_id = v_ids[1] AND e.request_id = v_ids[3]
          AND e.recorded_at > v_now - v_ttl AND e.recorded_at < v_now + v_ttl
          AND e.actor_id = v_ids[2] AND e.phase = 'intended' AND e.outcome = 'success' AND e.db_role = 'bearingwall_admin'
          AND e.resource = p_resource AND 'SWEEP' = ANY (e.commands) AND p_command = ANY (e.commands)
          AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned() AND (v_standby OR e.wal_lsn < v_flushed));
END $f$;

-- The one call that makes a table a PHI table: a tenant table whose rows exist only for declared subjects.
CREATE PROCEDURE audit.protect_phi(p_table regclass, p_subject_column name, p_searchable boolean DEFAULT false)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $p$
DECLARE
    v_name      text;
    v_condition text;
    v_command   text;
BEGIN
    SELECT format('%s.%s', n.nspname, c.relname) INTO STRICT v_name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_table;
    PERFORM FROM pg_attribute a WHERE a.attrelid = p_table AND a.attname = p_subject_column AND a.attnotnull AND a.atttypid = 'uuid'::regtype;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% needs a column % uuid NOT NULL that names the person', v_name, p_subject_column USING ERRCODE = '42P16';
    END IF;
    CALL tenancy.protect(p_table);
    FOREACH v_command IN ARRAY ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] LOOP
        v_condition := format('%I = ANY ((SELECT audit.declared_subjects(%L, %L))::uuid[])', p_subject_column, v_name, v_command);
        IF p_searchable AND v_command = 'SELECT' THEN
            v_condition := format('(SELECT audit.search_declared(%L)) OR %s', v_name, v_condition);
        END IF;
        -- Last, as an InitPlan: asked once a statement, only if a row is not covered otherwise, and of the operator alone, so
        -- that the application pays for no call.
        v_condition := format('%s OR (SELECT session_user = ''bearingwall_admin'' AND audit.sweep_declared(%L, %L))', v_condition, v_name, v_command);
        EXECUTE format('CREATE POLICY phi_%s ON %s AS RESTRICTIVE FOR %s TO PUBLIC %s', lower(v_command), p_table, v_command,
            CASE v_command
                WHEN 'INSERT' THEN format('WITH CHECK (%s)', v_condition)
                WHEN 'UPDATE' THEN format('USING (%s) WITH CHECK (%s)', v_condition, v_condition)
                ELSE format('USING (%s)', v_condition)
            END);
    END LOOP;
    PERFORM audit.register_phi_table(v_name, p_subject_column, p_searchable);
END $p$;

-- Events that belong to no tenant: refusals, failed sign-ins, and the alarm of the server's own canary. Insert-only, bounded,
-- under the platform's tenant.
-- SECURITY: the bound is counted from the record itself. A counter row would be locked until its transaction ends, and injected
-- SQL that never commits would hold up every other refusal.
-- SECURITY: each outcome has a bound of its own, so that a flood of refusals, which anybody can cause, silences no alarm.
-- CONTROL: AUD-3
CREATE FUNCTION audit.record_refusal(p_event_id uuid, p_event_type text, p_outcome_code text, p_request uuid, p_route text, p_source_ip inet) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_since   timestamptz := clock_timestamp() - interval '1 second';
    v_limit   int := (SELECT c.refusals_per_s FROM audit.config c);
    v_outcome text := CASE WHEN p_event_type IN ('http.request.unauthenticated', 'http.request.denied', 'session.refused') THEN 'denied'
                           WHEN p_event_type = 'isolation.breached' THEN 'failure' END;
BEGIN
    IF v_outcome IS NULL THEN
        RAISE EXCEPTION 'not a refusal' USING ERRCODE = '22023';
    END IF;
    IF (SELECT count(*) FROM (SELECT FROM audit.events e WHERE e.customer_id = '00000000-0000-8000-8000-000000000001'
            AND e.recorded_at > v_since AND e.outcome = v_outcome LIMIT v_limit) r) >= v_limit THEN
        RAISE EXCEPTION 'too many refusals in this second' USING ERRCODE = '53400';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, route, source_ip)
    VALUES ('00000000-0000-8000-8000-000000000001', '00000000-0000-8000-8000-000000000003', p_request,
            p_event_id, p_event_type, 'completed', v_outcome, p_outcome_code, p_route, p_source_ip);
END $f$;

-- What the operator's tool did: migrations, tenants, keys.
CREATE FUNCTION audit.record_operation(p_event_type text, p_outcome_code text, p_resource_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource_id)
    VALUES ('00000000-0000-8000-8000-000000000001', '00000000-0000-8000-8000-000000000002', gen_random_uuid(),
            gen_random_uuid(), p_event_type, 'completed', 'success', p_outcome_code, p_resource_id)
$f$;

-- Whether the record can take an event this minute: without the month's partition nothing could be read at all.
CREATE FUNCTION audit.ready() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = 'audit.events'::regclass
        AND i.inhrelid = to_regclass('audit.events_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')))
$f$;

REVOKE ALL ON ALL ROUTINES IN SCHEMA audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.declared_subjects(text, text), audit.search_declared(text), audit.sweep_declared(text, text)
    TO bearingwall_app, bearingwall_admin;
GRANT EXECUTE ON FUNCTION audit.declare_sweep(text, text, text[]) TO bearingwall_admin;
GRANT EXECUTE ON FUNCTION audit.record_refusal(uuid, text, text, uuid, text, inet) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION audit.ready() TO bearingwall_app, bearingwall_sealer, bearingwall_auditor;
GRANT EXECUTE ON FUNCTION audit.create_partition(date) TO bearingwall_admin, bearingwall_sealer;
GRANT EXECUTE ON FUNCTION audit.register_phi_table(text, name, boolean), audit.record_operation(text, text, uuid) TO bearingwall_admin;
GRANT EXECUTE ON PROCEDURE audit.protect_phi(regclass, name, boolean) TO bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
