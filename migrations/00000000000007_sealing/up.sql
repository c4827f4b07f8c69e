-- Tamper evidence: a Merkle tree for each tenant's part of the record, built behind the writers, who never wait for it.
-- What is written here is written once: the same guards as on the events.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

-- One log for each tenant: the name under which its checkpoints are signed.
CREATE TABLE audit.logs (
    customer_id uuid        PRIMARY KEY,
    origin      text        NOT NULL UNIQUE CHECK (origin ~ '^[a-z0-9][a-z0-9./_-]{0,254}$'),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which transactions are in the trees: those visible in the last seal's snapshot. Each transaction becomes visible exactly once,
-- so that the difference of two snapshots holds each event once, whatever the order of commits, without a queue.
CREATE TABLE audit.seals (
    seal_id   bigint      PRIMARY KEY CHECK (seal_id > 0),
    -- The database system whose transaction ids the snapshot counts: after a restore elsewhere they mean nothing.
    system_id bigint      NOT NULL,
    snapshot  pg_snapshot NOT NULL,
    events    bigint      NOT NULL CHECK (events >= 0),
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The leaves, in the order of the tree: SHA-256(0x00 || canonical event), RFC 6962 section 2.1. They outlive their events.
CREATE TABLE audit.leaves (
    customer_id uuid        NOT NULL,
    leaf_index  bigint      NOT NULL CHECK (leaf_index >= 0),
    event_id    uuid        NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (customer_id, leaf_index)
);
-- One leaf for each event. SECURITY: by its time as well: the writer chooses the id, and a second event under an id that is
-- in the tree already must not pass for sealed.
CREATE UNIQUE INDEX leaves_event ON audit.leaves (customer_id, event_id, recorded_at);

-- The roots of full subtrees of 256, 65,536, … leaves: with the leaves, all that any proof and any tile needs.
CREATE TABLE audit.nodes (
    customer_id uuid     NOT NULL,
    level       smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
    node_index  bigint   NOT NULL CHECK (node_index >= 0),
    hash        bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (customer_id, level, node_index)
);

CREATE TABLE audit.checkpoints (
    customer_id uuid        NOT NULL,
    tree_size   bigint      NOT NULL CHECK (tree_size > 0),
    seal_id     bigint      NOT NULL,
    root        bytea       NOT NULL CHECK (octet_length(root) = 32),
    frontier    bytea       NOT NULL CHECK (octet_length(frontier) <= 2200),
    note        text        NOT NULL CHECK (octet_length(note) <= 8192),
    sealed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, tree_size)
);
COMMENT ON COLUMN audit.checkpoints.note IS 'C2SP tlog-checkpoint, signed with Ed25519';

-- What independent witnesses have confirmed: where a checkpoint was left, and what they answered.
CREATE TABLE audit.witnessed (
    customer_id uuid        NOT NULL,
    tree_size   bigint      NOT NULL,
    witness     text        NOT NULL CHECK (witness ~ '^[a-z0-9][a-z0-9./_-]{0,127}$'),
    cosignature text        CHECK (octet_length(cosignature) <= 1024),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, tree_size, witness)
);

-- The public keys of each log, in their order: each is named by a note that the one before it signed.
CREATE TABLE audit.log_keys (
    customer_id uuid        NOT NULL,
    position    integer     NOT NULL CHECK (position >= 0),
    from_size   bigint      NOT NULL CHECK (from_size >= 0),
    vkey        text        NOT NULL CHECK (octet_length(vkey) <= 512),
    rotation    text        CHECK (octet_length(rotation) <= 8192),
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, position),
    UNIQUE (customer_id, from_size),
    CHECK ((position = 0) = (rotation IS NULL))
);
COMMENT ON COLUMN audit.log_keys.from_size IS 'the first size whose checkpoint this key signs';
COMMENT ON COLUMN audit.log_keys.rotation IS 'a note that names this key, signed by the key before it';

-- How far the sweep for events without an end has come.
CREATE TABLE audit.orphan_sweeps (
    seal_id   bigint      PRIMARY KEY,
    completed integer     NOT NULL CHECK (completed >= 0),
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- CONTROL: AUD-5
DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['logs', 'seals', 'leaves', 'nodes', 'checkpoints', 'witnessed', 'log_keys', 'orphan_sweeps'] LOOP
        CALL audit.guard(format('audit.%I', v_table)::regclass);
        EXECUTE format('CREATE POLICY sealer_all ON audit.%I FOR ALL TO bearingwall_sealer USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('CREATE POLICY auditor_select ON audit.%I FOR SELECT TO bearingwall_auditor USING (true)', v_table);
        EXECUTE format('CREATE POLICY owner_all ON audit.%I FOR ALL TO bearingwall_owner USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('GRANT SELECT ON audit.%I TO bearingwall_sealer, bearingwall_auditor, bearingwall_backup', v_table);
    END LOOP;
    -- What a tenant may prove to itself and others over its own log. The conditions are those of the events.
    FOREACH v_table IN ARRAY ARRAY['logs', 'leaves', 'nodes', 'checkpoints', 'witnessed', 'log_keys'] LOOP
        EXECUTE format('CREATE POLICY app_isolation ON audit.%I AS RESTRICTIVE FOR ALL TO bearingwall_app
            USING (customer_id = (SELECT tenancy.current_customer_id()))', v_table);
        EXECUTE format('CREATE POLICY app_select ON audit.%I FOR SELECT TO bearingwall_app
            USING (CASE WHEN customer_id = ANY (ARRAY[(SELECT tenancy.current_customer_id())]) THEN true ELSE false END)', v_table);
        EXECUTE format('GRANT SELECT ON audit.%I TO bearingwall_app', v_table);
    END LOOP;
END $d$;
-- The times are the database's own.
GRANT INSERT (customer_id, origin) ON audit.logs TO bearingwall_sealer;
GRANT INSERT (seal_id, system_id, snapshot, events) ON audit.seals TO bearingwall_sealer;
GRANT INSERT (customer_id, leaf_index, event_id, recorded_at, hash) ON audit.leaves TO bearingwall_sealer;
GRANT INSERT (customer_id, level, node_index, hash) ON audit.nodes TO bearingwall_sealer;
GRANT INSERT (customer_id, tree_size, seal_id, root, frontier, note) ON audit.checkpoints TO bearingwall_sealer;
GRANT INSERT (customer_id, tree_size, witness, cosignature) ON audit.witnessed TO bearingwall_sealer;
GRANT INSERT (customer_id, position, from_size, vkey, rotation) ON audit.log_keys TO bearingwall_sealer;

-- CONTROL: AUD-6
-- Accesses whose server died between the announcement and the end: one row each says that nobody knows how they ended. Looks
-- at the events that seal p_seal brought in, if that is the next one and was long enough ago for every transaction under it
-- to be over.
CREATE FUNCTION audit.complete_orphans(p_seal bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_before pg_snapshot;
    v_after  pg_snapshot;
    v_count  integer;
BEGIN
    SELECT s.snapshot INTO v_after FROM audit.seals s
     WHERE s.seal_id = p_seal AND s.sealed_at < clock_timestamp() - (SELECT 2 * c.access_ttl + interval '1 minute' FROM audit.config c)
       AND p_seal = (SELECT coalesce(max(o.seal_id), 0) + 1 FROM audit.orphan_sweeps o);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'that seal is not the next to be swept, or too new' USING ERRCODE = '55000';
    END IF;
    SELECT s.snapshot INTO v_before FROM audit.seals s JOIN audit.seals n ON n.seal_id = p_seal AND n.system_id = s.system_id
     WHERE s.seal_id = p_seal - 1;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, access_id, route, service)
    SELECT e.customer_id, e.actor_id, e.request_id, gen_random_uuid(), e.event_type, 'completed',
           'unknown', 'no-end-recorded', e.access_id, e.route, e.service
      FROM audit.events e
     WHERE e.xid >= coalesce(pg_snapshot_xmin(v_before), '3'::xid8) AND e.xid < pg_snapshot_xmax(v_after)
       AND (v_before IS NULL OR NOT pg_visible_in_snapshot(e.xid, v_before)) AND pg_visible_in_snapshot(e.xid, v_after)
       AND e.phase = 'intended' AND e.access_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM audit.events d WHERE d.customer_id = e.customer_id AND d.request_id = e.request_id
                          AND d.recorded_at >= e.recorded_at AND d.access_id = e.access_id AND d.phase <> 'intended')
     GROUP BY e.customer_id, e.actor_id, e.request_id, e.event_type, e.access_id, e.route, e.service;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    INSERT INTO audit.orphan_sweeps (seal_id, completed) VALUES (p_seal, v_count);
    RETURN v_count;
END $f$;

-- The seal whose events are to be looked at next, if it is old enough; NULL if there is none.
CREATE FUNCTION audit.next_orphan_seal() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT s.seal_id FROM audit.seals s
     WHERE s.seal_id = (SELECT coalesce(max(o.seal_id), 0) + 1 FROM audit.orphan_sweeps o)
       AND s.sealed_at < clock_timestamp() - (SELECT 2 * c.access_ttl + interval '1 minute' FROM audit.config c)
$f$;

-- What the sealer itself did, under the platform's tenant: its start, its keys, what a witness refused, the sign of life.
CREATE FUNCTION audit.record_sealing(p_event_type text, p_outcome text, p_outcome_code text, p_customer uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF (p_event_type ~ '^(sealing|witness)[.][a-z_]+$' AND p_outcome IN ('success', 'failure')) IS NOT TRUE THEN
        RAISE EXCEPTION 'not an event of the sealer' USING ERRCODE = '22023';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource_id)
    VALUES ('00000000-0000-8000-8000-000000000001', '00000000-0000-8000-8000-000000000006', gen_random_uuid(), gen_random_uuid(),
            p_event_type, 'completed', p_outcome, p_outcome_code, p_customer);
END $f$;

-- How many months beyond this one are ready to take events without a gap; -1 if not even this one is.
CREATE FUNCTION audit.months_ahead() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT coalesce(min(m) FILTER (WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = 'audit.events'::regclass
               AND i.inhrelid = to_regclass('audit.events_' || to_char((now() AT TIME ZONE 'UTC') + make_interval(months => m), 'YYYYMM')))), 37) - 1
      FROM generate_series(0, 36) m
$f$;

-- For how long the oldest committed event has waited for its seal, in seconds: the window in which a superuser could still
-- change it unseen. 0 when all is sealed. The first 10,000 by transaction are looked at: the oldest is among them, save for one
-- whose transaction began later and yet wrote earlier.
CREATE FUNCTION audit.unsealed_seconds() RETURNS double precision
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_snapshot pg_snapshot := (SELECT s.snapshot FROM audit.seals s ORDER BY s.seal_id DESC LIMIT 1);
    v_oldest   timestamptz;
BEGIN
    SELECT min(w.recorded_at) INTO v_oldest FROM (
        SELECT e.recorded_at FROM audit.events e
         WHERE e.xid >= coalesce(pg_snapshot_xmin(v_snapshot), '3'::xid8) AND (v_snapshot IS NULL OR NOT pg_visible_in_snapshot(e.xid, v_snapshot))
         ORDER BY e.xid LIMIT 10000) w;
    RETURN coalesce(greatest(extract(epoch FROM clock_timestamp() - v_oldest), 0), 0);
END $f$;

-- Who examined the record is on the record, in the log of the tenant whose part it was, or in the platform's for all of it.
-- CONTROL: AUD-8
CREATE FUNCTION audit.record_examination(p_event_type text, p_outcome text, p_customer uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF (p_event_type ~ '^audit[.](read|exported|verified|reported)$' AND p_outcome IN ('success', 'failure')) IS NOT TRUE THEN
        RAISE EXCEPTION 'not an examination of the record' USING ERRCODE = '22023';
    END IF;
    -- Nobody's log is made by looking into it.
    IF p_customer IS NOT NULL AND NOT EXISTS (SELECT FROM audit.logs l WHERE l.customer_id = p_customer) THEN
        RAISE EXCEPTION 'there is no log of that tenant' USING ERRCODE = '02000';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, resource)
    VALUES (coalesce(p_customer, '00000000-0000-8000-8000-000000000001'), '00000000-0000-8000-8000-000000000007', gen_random_uuid(), gen_random_uuid(),
            p_event_type, 'completed', p_outcome, 'audit.events');
END $f$;

-- Retention. Six years are the floor (45 CFR 164.316(b)(2)(i)); a tenant may need longer, and never gets shorter.
CREATE TABLE audit.retention (
    customer_id uuid        PRIMARY KEY REFERENCES tenancy.customers (customer_id),
    years       smallint    NOT NULL CHECK (years BETWEEN 6 AND 100),
    set_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE audit.legal_holds (
    hold_id     uuid        PRIMARY KEY,
    customer_id uuid        REFERENCES tenancy.customers (customer_id),
    reference   text        NOT NULL CHECK (reference ~ '^[A-Za-z0-9._/-]{1,64}$'),
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at   timestamptz CHECK (closed_at >= opened_at)
);
COMMENT ON COLUMN audit.legal_holds.customer_id IS 'whose events are held; NULL: everybody''s';
COMMENT ON COLUMN audit.legal_holds.reference IS 'the case''s reference, never its content';
CREATE TABLE audit.retirements (
    retirement_id   uuid        PRIMARY KEY,
    month           date        NOT NULL CHECK (month = date_trunc('month', month)),
    manifest_sha256 bytea       NOT NULL CHECK (octet_length(manifest_sha256) = 32),
    requested_by    uuid        NOT NULL,
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by     uuid        CHECK (approved_by <> requested_by),
    approved_at     timestamptz CHECK (approved_at >= requested_at AND approved_at <= requested_at + interval '7 days'),
    executed_at     timestamptz CHECK (executed_at >= approved_at),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (executed_at IS NULL OR approved_at IS NOT NULL)
);
CREATE UNIQUE INDEX retirements_executed ON audit.retirements (month) WHERE executed_at IS NOT NULL;

-- Each may only go forward: longer, closed, approved, executed, once.
CREATE FUNCTION audit.guard_retention() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF TG_TABLE_NAME = 'retention' THEN
            IF NEW.customer_id = OLD.customer_id AND NEW.years > OLD.years THEN RETURN NEW; END IF;
        ELSIF TG_TABLE_NAME = 'legal_holds' THEN
            IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL AND (NEW.hold_id, NEW.customer_id, NEW.reference, NEW.opened_at)
               IS NOT DISTINCT FROM (OLD.hold_id, OLD.customer_id, OLD.reference, OLD.opened_at) THEN RETURN NEW; END IF;
        ELSIF (NEW.retirement_id, NEW.month, NEW.manifest_sha256, NEW.requested_by, NEW.requested_at)
              IS NOT DISTINCT FROM (OLD.retirement_id, OLD.month, OLD.manifest_sha256, OLD.requested_by, OLD.requested_at)
              AND OLD.executed_at IS NULL AND (OLD.approved_at IS NULL OR (NEW.approved_by = OLD.approved_by AND NEW.approved_at = OLD.approved_at) IS TRUE)
        THEN RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what is kept about retention only goes forward: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;
DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['retention', 'legal_holds', 'retirements'] LOOP
        EXECUTE format('CREATE TRIGGER keep_row BEFORE UPDATE OR DELETE ON audit.%I FOR EACH ROW EXECUTE FUNCTION audit.guard_retention()', v_table);
        EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON audit.%I FOR EACH STATEMENT EXECUTE FUNCTION audit.guard_retention()', v_table);
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER keep_row', v_table);
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER keep_table', v_table);
        EXECUTE format('REVOKE ALL ON audit.%I FROM PUBLIC', v_table);
        EXECUTE format('GRANT SELECT ON audit.%I TO bearingwall_auditor, bearingwall_backup, bearingwall_sealer', v_table);
    END LOOP;
END $d$;

CREATE FUNCTION audit.lengthen_retention(p_customer uuid, p_years smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    INSERT INTO audit.retention (customer_id, years) VALUES (p_customer, p_years)
    ON CONFLICT (customer_id) DO UPDATE SET years = excluded.years, set_at = clock_timestamp();
    PERFORM audit.record_operation('retention.lengthened', p_years::text, p_customer);
END $f$;

CREATE FUNCTION audit.open_hold(p_hold uuid, p_customer uuid, p_reference text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    INSERT INTO audit.legal_holds (hold_id, customer_id, reference) VALUES (p_hold, p_customer, p_reference);
    PERFORM audit.record_operation('legal_hold.opened', NULL, p_hold);
END $f$;

CREATE FUNCTION audit.close_hold(p_hold uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    UPDATE audit.legal_holds h SET closed_at = clock_timestamp() WHERE h.hold_id = p_hold AND h.closed_at IS NULL;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM audit.record_operation('legal_hold.closed', NULL, p_hold);
    RETURN true;
END $f$;

-- Why a month may not leave the record yet; no row if nothing stands in its way but the approval.
CREATE FUNCTION audit.retirement_obstacles(p_month date) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_from timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
    v_to   timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF p_month <> date_trunc('month', p_month) OR to_regclass('audit.events_' || to_char(p_month, 'YYYYMM')) IS NULL THEN
        RETURN NEXT 'no-such-month';
        RETURN;
    END IF;
    IF v_to > now() - interval '6 years' THEN RETURN NEXT 'within-six-years'; END IF;
    IF EXISTS (SELECT FROM audit.retention r WHERE v_to > now() - make_interval(years => r.years)
                AND EXISTS (SELECT FROM audit.events e WHERE e.customer_id = r.customer_id AND e.recorded_at >= v_from AND e.recorded_at < v_to)) THEN
        RETURN NEXT 'within-a-tenants-retention';
    END IF;
    IF EXISTS (SELECT FROM audit.legal_holds h WHERE h.closed_at IS NULL AND (h.customer_id IS NULL
                OR EXISTS (SELECT FROM audit.events e WHERE e.customer_id = h.customer_id AND e.recorded_at >= v_from AND e.recorded_at < v_to))) THEN
        RETURN NEXT 'legal-hold';
    END IF;
    IF EXISTS (SELECT FROM audit.events e WHERE e.recorded_at >= v_from AND e.recorded_at < v_to
                AND NOT EXISTS (SELECT FROM audit.leaves l WHERE l.customer_id = e.customer_id AND l.event_id = e.event_id
                                   AND l.recorded_at = e.recorded_at)) THEN
        RETURN NEXT 'unsealed-events';
    END IF;
END $f$;

CREATE FUNCTION audit.retire_request(p_retirement uuid, p_month date, p_manifest_sha256 bytea, p_jwt text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject  uuid := tenancy.staff_of(p_jwt);
    v_obstacle text;
BEGIN
    SELECT o INTO v_obstacle FROM audit.retirement_obstacles(p_month) o LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the month may not leave the record: %', v_obstacle USING ERRCODE = '55000';
    END IF;
    INSERT INTO audit.retirements (retirement_id, month, manifest_sha256, requested_by) VALUES (p_retirement, p_month, p_manifest_sha256, v_subject);
    PERFORM audit.record_operation('retirement.requested', to_char(p_month, 'YYYYMM'), p_retirement);
END $f$;

CREATE FUNCTION audit.retire_approve(p_retirement uuid, p_manifest_sha256 bytea, p_jwt text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject uuid := tenancy.staff_of(p_jwt);
BEGIN
    UPDATE audit.retirements r SET approved_by = v_subject, approved_at = clock_timestamp()
     WHERE r.retirement_id = p_retirement AND r.manifest_sha256 = p_manifest_sha256 AND r.approved_at IS NULL AND r.requested_by <> v_subject;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such retirement with that manifest that this person could approve' USING ERRCODE = '42501';
    END IF;
    PERFORM audit.record_operation('retirement.approved', NULL, p_retirement);
END $f$;

-- CONTROL: AUD-7
-- The month leaves; its leaves stay, and so do all proofs. Before it goes, each tenant's own log says how many of its events
-- went and under which approval, so that a missing row can be told from a removed one.
CREATE FUNCTION audit.retire_execute(p_retirement uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $f$
DECLARE
    v_outer      text := coalesce(current_setting('bearingwall.audit_ddl', true), '');
    v_retirement audit.retirements;
    v_obstacle   text;
    v_from       timestamptz;
    v_to         timestamptz;
    v_count      bigint;
BEGIN
    SELECT * INTO v_retirement FROM audit.retirements r WHERE r.retirement_id = p_retirement AND r.approved_at IS NOT NULL AND r.executed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no approved retirement of that id' USING ERRCODE = '42501';
    END IF;
    SELECT o INTO v_obstacle FROM audit.retirement_obstacles(v_retirement.month) o LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the month may not leave the record: %', v_obstacle USING ERRCODE = '55000';
    END IF;
    v_from := v_retirement.month::timestamp AT TIME ZONE 'UTC';
    v_to := (v_retirement.month + interval '1 month') AT TIME ZONE 'UTC';
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource_id, result_count)
    SELECT e.customer_id, v_retirement.approved_by, p_retirement, gen_random_uuid(), 'retirement.executed', 'completed', 'success',
           to_char(v_retirement.month, 'YYYYMM'), p_retirement, count(*)
      FROM audit.events e WHERE e.recorded_at >= v_from AND e.recorded_at < v_to GROUP BY e.customer_id;
    SELECT count(*) INTO v_count FROM audit.events e WHERE e.recorded_at >= v_from AND e.recorded_at < v_to;
    PERFORM set_config('bearingwall.audit_ddl', 'on', true);
    EXECUTE format('DROP TABLE audit.%I', 'events_' || to_char(v_retirement.month, 'YYYYMM'));
    PERFORM set_config('bearingwall.audit_ddl', v_outer, true);
    UPDATE audit.retirements r SET executed_at = clock_timestamp() WHERE r.retirement_id = p_retirement;
    PERFORM audit.record_operation('retirement.executed', to_char(v_retirement.month, 'YYYYMM'), p_retirement);
    RETURN v_count;
END $f$;

REVOKE ALL ON FUNCTION audit.record_examination(text, text, uuid), audit.complete_orphans(bigint), audit.next_orphan_seal(), audit.record_sealing(text, text, text, uuid), audit.months_ahead(), audit.unsealed_seconds(),
    audit.guard_retention(), audit.lengthen_retention(uuid, smallint), audit.open_hold(uuid, uuid, text), audit.close_hold(uuid),
    audit.retirement_obstacles(date), audit.retire_request(uuid, date, bytea, text), audit.retire_approve(uuid, bytea, text),
    audit.retire_execute(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.complete_orphans(bigint), audit.next_orphan_seal(), audit.record_sealing(text, text, text, uuid) TO bearingwall_sealer;
GRANT EXECUTE ON FUNCTION audit.months_ahead(), audit.unsealed_seconds() TO bearingwall_app, bearingwall_sealer, bearingwall_auditor, bearingwall_admin;
GRANT EXECUTE ON FUNCTION audit.record_examination(text, text, uuid) TO bearingwall_auditor, bearingwall_admin;
GRANT EXECUTE ON FUNCTION audit.retirement_obstacles(date) TO bearingwall_admin, bearingwall_auditor;
GRANT EXECUTE ON FUNCTION audit.lengthen_retention(uuid, smallint), audit.open_hold(uuid, uuid, text), audit.close_hold(uuid),
    audit.retire_request(uuid, date, bytea, text), audit.retire_approve(uuid, bytea, text), audit.retire_execute(uuid) TO bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
