-- Access: what a tenant gives its own people beside the roles of their tokens, who asked for it, who agreed, and its review.
-- The database knows persons, not permissions: that somebody may ask or decide at all is the server's to check. That it takes
-- two persons, neither of them the one who gains, that what is given is what both saw, once and in time, is held here.

SET LOCAL ROLE bearingwall_owner;

-- What may stand in a role set: permissions over one tenant's data. A permission that a release adds is added here by that
-- release's migration; until then no set can hold it.
CREATE TABLE tenancy.tenant_permissions (
    permission text PRIMARY KEY CHECK (permission ~ '^[a-z_]+:[a-z_]+$')
);
COMMENT ON TABLE tenancy.tenant_permissions IS 'every permission of tenant scope, and none of the platform''s or of one''s own identity';
INSERT INTO tenancy.tenant_permissions (permission) VALUES
    ('client:read'), ('client:search'), ('client:write'), ('client:import'),
    ('chart_note:read'), ('chart_note:write'), ('chart_note:import'),
    ('access_log:read'), ('audit:read'), ('audit:prove'), ('audit:report'), ('break_glass:review'),
    ('role:read'), ('role:define'), ('role:request'), ('role:decide'), ('role:end'), ('access:review');

-- What is agreed to, as text that anybody can build from what they were shown, and hash: JSON in the canonical form of RFC 8785.
CREATE FUNCTION tenancy.role_set_content(p_customer uuid, p_role_set uuid, p_name text, p_permissions text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT '{"customer":"' || p_customer || '","name":' || to_json(p_name) || ',"permissions":' || array_to_json(p_permissions)
        || ',"role_set":"' || p_role_set || '"}'
$f$;

CREATE FUNCTION tenancy.role_change_content(p_customer uuid, p_change uuid, p_subject uuid, p_role_set uuid, p_role_set_sha256 bytea,
                                            p_ends_at timestamptz, p_reason text, p_requested_by uuid, p_expires_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT '{"change":"' || p_change || '","customer":"' || p_customer
        || '","ends_at_ms":' || coalesce(floor(extract(epoch FROM p_ends_at AT TIME ZONE 'UTC') * 1000)::bigint::text, 'null')
        || ',"expires_at_ms":' || floor(extract(epoch FROM p_expires_at AT TIME ZONE 'UTC') * 1000)::bigint
        || ',"reason":' || to_json(p_reason) || ',"requested_by":"' || p_requested_by || '","role_set":"' || p_role_set
        || '","role_set_sha256":"' || encode(p_role_set_sha256, 'hex') || '","subject":"' || p_subject || '"}'
$f$;

CREATE TABLE tenancy.role_sets (
    customer_id uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    role_set_id uuid        NOT NULL,
    name        text        NOT NULL CHECK (length(name) >= 1 AND length(name) <= 64 AND btrim(name) = name AND name !~ '[[:cntrl:]]'),
    permissions text[]      NOT NULL CHECK (cardinality(permissions) >= 1 AND cardinality(permissions) <= 64 AND array_position(permissions, NULL) IS NULL),
    sha256      bytea       NOT NULL,
    defined_by  uuid        NOT NULL,
    defined_at  timestamptz NOT NULL,
    retired_by  uuid,
    retired_at  timestamptz CHECK (retired_at >= defined_at),
    PRIMARY KEY (customer_id, role_set_id),
    UNIQUE (customer_id, role_set_id, sha256),
    CHECK (sha256 = sha256(convert_to(tenancy.role_set_content(customer_id, role_set_id, name, permissions), 'UTF8'))),
    CHECK ((retired_by IS NULL) = (retired_at IS NULL))
);
COMMENT ON TABLE tenancy.role_sets IS 'sets of permissions that a tenant has named; a change is a new set';
CREATE UNIQUE INDEX role_sets_name ON tenancy.role_sets (customer_id, name) WHERE retired_at IS NULL;

-- CONTROL: RBC-5
-- SECURITY: the two persons, the content and the term are constraints, so that no function and no hand can be wrong about them.
CREATE TABLE tenancy.role_changes (
    customer_id     uuid        NOT NULL,
    change_id       uuid        NOT NULL,
    subject_id      uuid        NOT NULL,
    role_set_id     uuid        NOT NULL,
    role_set_sha256 bytea       NOT NULL,
    ends_at         timestamptz CHECK (ends_at > requested_at),
    reason          text        NOT NULL CHECK (length(btrim(reason)) >= 10 AND length(reason) <= 500 AND reason !~ '[[:cntrl:]]'),
    requested_by    uuid        NOT NULL CHECK (requested_by <> subject_id),
    requested_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > requested_at AND expires_at <= requested_at + interval '72 hours'),
    sha256          bytea       NOT NULL,
    decided_by      uuid        CHECK (decided_by <> requested_by AND decided_by <> subject_id),
    decided_at      timestamptz CHECK (decided_at BETWEEN requested_at AND expires_at),
    verdict         text        CHECK (verdict IN ('approved', 'declined')),
    -- What the second person said they had seen.
    seen_sha256     bytea       CHECK (seen_sha256 = sha256),
    PRIMARY KEY (customer_id, change_id),
    FOREIGN KEY (customer_id, role_set_id, role_set_sha256) REFERENCES tenancy.role_sets (customer_id, role_set_id, sha256),
    CHECK (sha256 = sha256(convert_to(tenancy.role_change_content(customer_id, change_id, subject_id, role_set_id, role_set_sha256,
                                                                  ends_at, reason, requested_by, expires_at), 'UTF8'))),
    CHECK (num_nulls(decided_by, decided_at, verdict, seen_sha256) IN (0, 4))
);
COMMENT ON TABLE tenancy.role_changes IS 'who asked for a role set for whom, and who decided on exactly that';
CREATE INDEX role_changes_set ON tenancy.role_changes (customer_id, role_set_id, role_set_sha256);

CREATE TABLE tenancy.role_assignments (
    customer_id   uuid        NOT NULL,
    assignment_id uuid        NOT NULL,
    change_id     uuid        NOT NULL,
    subject_id    uuid        NOT NULL,
    role_set_id   uuid        NOT NULL,
    since         timestamptz NOT NULL,
    ends_at       timestamptz CHECK (ends_at > since),
    requested_by  uuid        NOT NULL,
    agreed_by     uuid        NOT NULL,
    last_used_at  timestamptz,
    reviewed_by   uuid        CHECK (reviewed_by <> subject_id),
    reviewed_at   timestamptz CHECK (reviewed_at >= since),
    ended_by      uuid,
    ended_at      timestamptz CHECK (ended_at >= since),
    end_reason    text        CHECK (length(btrim(end_reason)) >= 10 AND length(end_reason) <= 500 AND end_reason !~ '[[:cntrl:]]'),
    PRIMARY KEY (customer_id, assignment_id),
    -- A change is applied once.
    UNIQUE (customer_id, change_id),
    FOREIGN KEY (customer_id, change_id) REFERENCES tenancy.role_changes (customer_id, change_id),
    FOREIGN KEY (customer_id, role_set_id) REFERENCES tenancy.role_sets (customer_id, role_set_id),
    CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
    CHECK (num_nulls(ended_by, ended_at, end_reason) IN (0, 3))
);
COMMENT ON TABLE tenancy.role_assignments IS 'who has which role set since when, from whom, and until when';
CREATE INDEX role_assignments_subject ON tenancy.role_assignments (customer_id, subject_id) WHERE ended_at IS NULL;
CREATE INDEX role_assignments_set ON tenancy.role_assignments (customer_id, role_set_id);

-- What the identity provider gives is not kept here, but seen: the roles of a person's token as they last were.
CREATE TABLE tenancy.people (
    customer_id   uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    subject_id    uuid        NOT NULL,
    roles         text[]      NOT NULL CHECK (cardinality(roles) <= 16 AND array_to_string(roles, ',') ~ '^[a-z_,]{0,255}$'),
    roles_since   timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL CHECK (last_seen_at >= first_seen_at),
    PRIMARY KEY (customer_id, subject_id)
);
COMMENT ON TABLE tenancy.people IS 'pseudonymous ids that were seen in a tenant, and the roles of their tokens';

-- No login role has a right on these tables; the functions below have, and are held to the tenant that was entered all the same,
-- so that a condition that one of them forgets shows nothing of another tenant.
-- SECURITY: the platform's own tenants get no rows: the canaries' are entered without a proof, and nothing may be left in them.
DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['role_sets', 'role_changes', 'role_assignments', 'people'] LOOP
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE tenancy.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY entered_tenant ON tenancy.%I TO bearingwall_owner
            USING (customer_id = (SELECT tenancy.current_customer_id()))
            WITH CHECK (customer_id = (SELECT tenancy.current_customer_id())
                AND customer_id NOT IN (''00000000-0000-8000-8000-000000000001'', ''00000000-0000-8000-8000-00000000000a'',
                                        ''00000000-0000-8000-8000-00000000000b''))', v_table);
    END LOOP;
END $d$;

-- Sorted and without repetition, so that one set has one content.
CREATE FUNCTION tenancy.guard_role_set() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.retired_at IS NULL AND NEW.permissions = ARRAY(SELECT DISTINCT p COLLATE "C" FROM unnest(NEW.permissions) p ORDER BY 1)
           AND NOT EXISTS (SELECT FROM unnest(NEW.permissions) p WHERE NOT EXISTS (SELECT FROM tenancy.tenant_permissions t WHERE t.permission = p)) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a role set holds permissions over the tenant''s own data' USING ERRCODE = '42501', DETAIL = 'not-assignable';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.retired_at IS NULL
       AND to_jsonb(NEW) - '{retired_by,retired_at}'::text[] = to_jsonb(OLD) - '{retired_by,retired_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a role set is retired once, and nothing else of it changes: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

CREATE FUNCTION tenancy.guard_role_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_decision text[] := '{decided_by,decided_at,verdict,seen_sha256}';
BEGIN
    IF TG_OP = 'INSERT' AND NEW.decided_at IS NULL
       OR TG_OP = 'UPDATE' AND OLD.decided_at IS NULL AND to_jsonb(NEW) - v_decision = to_jsonb(OLD) - v_decision THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a change of roles is decided once, and nothing else of it changes: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

-- CONTROL: RBC-5
CREATE FUNCTION tenancy.guard_role_assignment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_later text[] := '{last_used_at,reviewed_by,reviewed_at,ended_by,ended_at,end_reason}';
BEGIN
    IF TG_OP = 'INSERT' AND num_nulls(NEW.last_used_at, NEW.reviewed_at, NEW.ended_at) = 3
       AND EXISTS (SELECT FROM tenancy.role_changes c WHERE c.customer_id = NEW.customer_id AND c.change_id = NEW.change_id
                      AND c.verdict = 'approved' AND c.subject_id = NEW.subject_id AND c.role_set_id = NEW.role_set_id
                      AND c.ends_at IS NOT DISTINCT FROM NEW.ends_at AND c.requested_by = NEW.requested_by AND c.decided_by = NEW.agreed_by
                      AND c.decided_at = NEW.since)
       OR TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND to_jsonb(NEW) - v_later = to_jsonb(OLD) - v_later
          AND (OLD.last_used_at IS NULL OR NEW.last_used_at >= OLD.last_used_at) AND (OLD.reviewed_at IS NULL OR NEW.reviewed_at >= OLD.reviewed_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an assignment comes from an approved change and ends once: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

CREATE FUNCTION tenancy.guard_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.customer_id, NEW.subject_id, NEW.first_seen_at) = (OLD.customer_id, OLD.subject_id, OLD.first_seen_at)
       AND NEW.last_seen_at >= OLD.last_seen_at THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'who was seen stays seen: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

-- CONTROL: RBC-5
-- Each step is on the tenant's record in its own transaction, with the digest of what it is about; `recipient` is who gains or
-- loses by it.
CREATE FUNCTION tenancy.record_access(p_customer uuid, p_type text, p_code text, p_resource text, p_id uuid, p_recipient uuid, p_roles text[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, actor_roles, resource,
                              resource_id, recipient)
    SELECT p_customer, coalesce(v.ids[2], '00000000-0000-8000-8000-000000000002'), coalesce(v.ids[3], p_id), gen_random_uuid(), p_type,
           'completed', 'success', p_code, p_roles, p_resource, p_id, p_recipient::text
      FROM (SELECT CASE WHEN starts_with(current_setting('backtrace_functions'), 'bw1_')
                          OR coalesce(current_setting('app.tenant_seal', true), '') <> '' THEN tenancy.current_ids() END) AS v (ids)
$f$;

CREATE FUNCTION tenancy.record_role_set() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    PERFORM tenancy.record_access(NEW.customer_id, CASE TG_OP WHEN 'INSERT' THEN 'role_set.defined' ELSE 'role_set.retired' END,
                                  encode(NEW.sha256, 'hex'), 'role_set', NEW.role_set_id, NULL, '{}');
    RETURN NULL;
END $f$;

CREATE FUNCTION tenancy.record_role_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    PERFORM tenancy.record_access(NEW.customer_id, CASE NEW.verdict WHEN 'approved' THEN 'role.granted' WHEN 'declined' THEN 'role.declined'
                                                   ELSE 'role.requested' END, encode(NEW.sha256, 'hex'), 'role_change', NEW.change_id, NEW.subject_id,
                                  '{}');
    RETURN NULL;
END $f$;

CREATE FUNCTION tenancy.record_role_assignment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at THEN
        PERFORM tenancy.record_access(NEW.customer_id, 'role.reviewed', CASE WHEN NEW.ended_at IS NULL THEN 'kept' ELSE 'ended' END,
                                      'role_assignment', NEW.assignment_id, NEW.subject_id, '{}');
    END IF;
    IF NEW.ended_at IS DISTINCT FROM OLD.ended_at THEN
        PERFORM tenancy.record_access(NEW.customer_id, 'role.revoked', NULL, 'role_assignment', NEW.assignment_id, NEW.subject_id, '{}');
    END IF;
    RETURN NULL;
END $f$;

CREATE FUNCTION tenancy.record_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.roles <> OLD.roles THEN
        PERFORM tenancy.record_access(NEW.customer_id, 'role.claimed', CASE TG_OP WHEN 'INSERT' THEN 'first_seen' ELSE 'changed' END,
                                      'person', NEW.subject_id, NEW.subject_id, NEW.roles);
    END IF;
    RETURN NULL;
END $f$;

DO $d$
DECLARE
    v_table text;
    v_name  text;
BEGIN
    FOR v_table, v_name IN VALUES ('role_sets', 'role_set'), ('role_changes', 'role_change'), ('role_assignments', 'role_assignment'), ('people', 'person') LOOP
        EXECUTE format('CREATE TRIGGER keep_row BEFORE %s ON tenancy.%I FOR EACH ROW EXECUTE FUNCTION tenancy.%I()',
                       CASE v_table WHEN 'people' THEN 'UPDATE OR DELETE' ELSE 'INSERT OR UPDATE OR DELETE' END, v_table, 'guard_' || v_name);
        EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON tenancy.%I FOR EACH STATEMENT EXECUTE FUNCTION tenancy.%I()', v_table, 'guard_' || v_name);
        EXECUTE format('CREATE TRIGGER record_row AFTER %s ON tenancy.%I FOR EACH ROW EXECUTE FUNCTION tenancy.%I()',
                       CASE v_table WHEN 'role_assignments' THEN 'UPDATE' ELSE 'INSERT OR UPDATE' END, v_table, 'record_' || v_name);
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER keep_row', v_table);
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER keep_table', v_table);
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER record_row', v_table);
    END LOOP;
END $d$;

CREATE FUNCTION tenancy.role_set_define(p_role_set uuid, p_name text, p_permissions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids         uuid[] := tenancy.current_ids();
    v_permissions text[] := ARRAY(SELECT DISTINCT p COLLATE "C" FROM unnest(p_permissions) p ORDER BY 1);
BEGIN
    INSERT INTO tenancy.role_sets (customer_id, role_set_id, name, permissions, sha256, defined_by, defined_at)
    VALUES (v_ids[1], p_role_set, p_name, v_permissions,
            sha256(convert_to(tenancy.role_set_content(v_ids[1], p_role_set, p_name, v_permissions), 'UTF8')), v_ids[2], clock_timestamp());
END $f$;

-- A retired set is given to nobody any more. Who has it keeps it, and the review says so.
CREATE FUNCTION tenancy.role_set_retire(p_role_set uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    UPDATE tenancy.role_sets s SET retired_by = v_ids[2], retired_at = clock_timestamp()
     WHERE s.customer_id = v_ids[1] AND s.role_set_id = p_role_set AND s.retired_at IS NULL;
    RETURN FOUND;
END $f$;

CREATE FUNCTION tenancy.role_set_list() RETURNS SETOF tenancy.role_sets
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT s.* FROM tenancy.role_sets s WHERE s.customer_id = v_customer ORDER BY s.defined_at DESC, s.role_set_id LIMIT 1000;
END $f$;

-- CONTROL: RBC-5
-- The set, if it may still be given and holds nothing that its giver does not hold; nobody else changes it meanwhile.
CREATE FUNCTION tenancy.role_set_to_give(p_customer uuid, p_role_set uuid, p_held text[]) RETURNS tenancy.role_sets
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_set tenancy.role_sets;
BEGIN
    SELECT * INTO v_set FROM tenancy.role_sets s
     WHERE s.customer_id = p_customer AND s.role_set_id = p_role_set AND s.retired_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no role set of that id to give' USING ERRCODE = '22023', DETAIL = 'no-such-role';
    END IF;
    IF (v_set.permissions <@ p_held) IS NOT TRUE THEN
        RAISE EXCEPTION 'nobody gives what they do not hold' USING ERRCODE = '42501', DETAIL = 'not-held';
    END IF;
    RETURN v_set;
END $f$;

-- CONTROL: RBC-5
-- The first person asks. `p_held` is what that person holds at this moment, as the server's table says.
CREATE FUNCTION tenancy.role_change_request(p_change uuid, p_subject uuid, p_role_set uuid, p_ends_at timestamptz, p_reason text, p_held text[])
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids     uuid[] := tenancy.current_ids();
    -- As the content has it.
    v_now     timestamptz := date_trunc('milliseconds', clock_timestamp());
    v_expires timestamptz := v_now + interval '72 hours';
    v_set     tenancy.role_sets;
    v_sha256  bytea;
BEGIN
    IF p_subject = v_ids[2] THEN
        RAISE EXCEPTION 'nobody asks for a role of their own' USING ERRCODE = '42501', DETAIL = 'own-role';
    END IF;
    v_set := tenancy.role_set_to_give(v_ids[1], p_role_set, p_held);
    v_sha256 := sha256(convert_to(tenancy.role_change_content(v_ids[1], p_change, p_subject, p_role_set, v_set.sha256, p_ends_at, p_reason,
                                                              v_ids[2], v_expires), 'UTF8'));
    INSERT INTO tenancy.role_changes (customer_id, change_id, subject_id, role_set_id, role_set_sha256, ends_at, reason, requested_by,
                                      requested_at, expires_at, sha256)
    VALUES (v_ids[1], p_change, p_subject, p_role_set, v_set.sha256, p_ends_at, p_reason, v_ids[2], v_now, v_expires, v_sha256);
    RETURN v_sha256;
END $f$;

-- CONTROL: RBC-5
-- The second person decides on exactly what they saw; where they approve, it is given in the same transaction.
CREATE FUNCTION tenancy.role_change_decide(p_change uuid, p_sha256 bytea, p_approve boolean, p_assignment uuid, p_held text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_now    timestamptz;
    v_change tenancy.role_changes;
BEGIN
    SELECT * INTO v_change FROM tenancy.role_changes c WHERE c.customer_id = v_ids[1] AND c.change_id = p_change FOR UPDATE;
    -- After the wait for the row, or a change could be decided past its term.
    v_now := clock_timestamp();
    IF v_change.change_id IS NULL OR v_change.decided_at IS NOT NULL OR v_change.expires_at <= v_now OR v_change.ends_at <= v_now THEN
        RAISE EXCEPTION 'there is no change of that id to decide on' USING ERRCODE = '22023', DETAIL = 'no-such-role';
    END IF;
    IF v_ids[2] IN (v_change.requested_by, v_change.subject_id) THEN
        RAISE EXCEPTION 'nobody decides on what they asked for, or on a role of their own' USING ERRCODE = '42501', DETAIL = 'own-role';
    END IF;
    IF (v_change.sha256 = p_sha256) IS NOT TRUE THEN
        RAISE EXCEPTION 'the change is not the one that was seen' USING ERRCODE = '42501', DETAIL = 'other-content';
    END IF;
    IF p_approve THEN
        PERFORM tenancy.role_set_to_give(v_ids[1], v_change.role_set_id, p_held);
        IF EXISTS (SELECT FROM tenancy.role_assignments a WHERE a.customer_id = v_ids[1] AND a.subject_id = v_change.subject_id
                      AND a.role_set_id = v_change.role_set_id AND a.ended_at IS NULL AND (a.ends_at > v_now OR a.ends_at IS NULL)) THEN
            RAISE EXCEPTION 'that person has that role already' USING ERRCODE = '55000', DETAIL = 'had-already';
        END IF;
    END IF;
    UPDATE tenancy.role_changes c SET decided_by = v_ids[2], decided_at = v_now, seen_sha256 = p_sha256,
           verdict = CASE WHEN p_approve THEN 'approved' ELSE 'declined' END
     WHERE c.customer_id = v_ids[1] AND c.change_id = p_change;
    IF p_approve THEN
        INSERT INTO tenancy.role_assignments (customer_id, assignment_id, change_id, subject_id, role_set_id, since, ends_at, requested_by, agreed_by)
        VALUES (v_ids[1], p_assignment, p_change, v_change.subject_id, v_change.role_set_id, v_now, v_change.ends_at, v_change.requested_by, v_ids[2]);
    END IF;
    RETURN p_approve;
END $f$;

-- The newest changes, with the content that is decided on.
CREATE FUNCTION tenancy.role_change_list() RETURNS TABLE (change_id uuid, subject_id uuid, role_set_id uuid, ends_at timestamptz, reason text,
    requested_by uuid, requested_at timestamptz, expires_at timestamptz, sha256 bytea, content text, decided_by uuid, decided_at timestamptz, verdict text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT c.change_id, c.subject_id, c.role_set_id, c.ends_at, c.reason, c.requested_by, c.requested_at, c.expires_at, c.sha256,
           tenancy.role_change_content(c.customer_id, c.change_id, c.subject_id, c.role_set_id, c.role_set_sha256, c.ends_at, c.reason,
                                       c.requested_by, c.expires_at), c.decided_by, c.decided_at, c.verdict
      FROM tenancy.role_changes c WHERE c.customer_id = v_customer ORDER BY c.requested_at DESC, c.change_id LIMIT 200;
END $f$;

-- Taking away needs one person, and is done at once. Answers whether there was anything to take.
CREATE FUNCTION tenancy.role_assignment_end(p_assignment uuid, p_reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
    v_now timestamptz := clock_timestamp();
BEGIN
    UPDATE tenancy.role_assignments a SET ended_by = v_ids[2], ended_at = v_now, end_reason = coalesce(p_reason, '')
     WHERE a.customer_id = v_ids[1] AND a.assignment_id = p_assignment AND a.ended_at IS NULL AND (a.ends_at > v_now OR a.ends_at IS NULL);
    RETURN FOUND;
END $f$;

-- The newest assignments, those that have ended included.
CREATE FUNCTION tenancy.role_assignment_list() RETURNS SETOF tenancy.role_assignments
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT a.* FROM tenancy.role_assignments a WHERE a.customer_id = v_customer ORDER BY a.since DESC, a.assignment_id LIMIT 200;
END $f$;

-- CONTROL: RBC-5
-- What the entered subject has at this moment beside the roles of its token, which are noted at first sight, when they change,
-- and otherwise once an hour. Platform staff have nothing: what they do in a tenant, they do under a session.
CREATE FUNCTION tenancy.role_resolve(p_roles text[]) RETURNS TABLE (assignment_id uuid, permissions text[], used_lately boolean, ends_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_roles  text[] := ARRAY(SELECT DISTINCT r COLLATE "C" FROM unnest(p_roles) r ORDER BY 1);
    v_now    timestamptz := clock_timestamp();
    v_person tenancy.people;
BEGIN
    SELECT * INTO v_person FROM tenancy.people p WHERE p.customer_id = v_ids[1] AND p.subject_id = v_ids[2];
    IF v_person.subject_id IS NULL THEN
        INSERT INTO tenancy.people (customer_id, subject_id, roles, roles_since, first_seen_at, last_seen_at)
        VALUES (v_ids[1], v_ids[2], v_roles, v_now, v_now, v_now) ON CONFLICT DO NOTHING;
    ELSIF v_person.roles <> v_roles THEN
        UPDATE tenancy.people p SET roles = v_roles, roles_since = v_now, last_seen_at = greatest(p.last_seen_at, v_now)
         WHERE p.customer_id = v_ids[1] AND p.subject_id = v_ids[2] AND p.roles <> v_roles;
    ELSIF v_person.last_seen_at < v_now - interval '1 hour' THEN
        UPDATE tenancy.people p SET last_seen_at = v_now WHERE p.customer_id = v_ids[1] AND p.subject_id = v_ids[2] AND p.last_seen_at < v_now;
    END IF;
    RETURN QUERY SELECT a.assignment_id, s.permissions, coalesce(a.last_used_at > v_now - interval '1 hour', false), a.ends_at
      FROM tenancy.role_assignments a JOIN tenancy.role_sets s ON s.customer_id = a.customer_id AND s.role_set_id = a.role_set_id
     WHERE a.customer_id = v_ids[1] AND a.subject_id = v_ids[2] AND a.ended_at IS NULL AND (a.ends_at > v_now OR a.ends_at IS NULL)
       AND NOT ('internal_admin' = ANY (v_roles));
END $f$;

-- Notes that the entered subject used an assignment of its own, once an hour.
CREATE FUNCTION tenancy.role_used(p_assignments uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
    v_now timestamptz := clock_timestamp();
BEGIN
    UPDATE tenancy.role_assignments a SET last_used_at = v_now
     WHERE a.customer_id = v_ids[1] AND a.subject_id = v_ids[2] AND a.assignment_id = ANY (p_assignments) AND a.ended_at IS NULL
       AND (a.last_used_at IS NULL OR a.last_used_at < v_now - interval '1 hour');
    RETURN FOUND;
END $f$;

-- CONTROL: RBC-6
-- Who has what at this moment, since when, from whom and last used when, a page at a time: each role set that is assigned, and
-- each role that a token was seen with. Reading it is on the record.
-- A grant is stale if it was not used for so many days, and orphaned if its set is retired, its holder was never seen, or one of
-- the two who gave it has no role in the tenant any more or was not seen for as long.
CREATE FUNCTION tenancy.access_review(p_after text, p_limit int, p_stale_days int, p_event_type text) RETURNS TABLE (place text,
    subject_id uuid, role text, role_set_id uuid, assignment_id uuid, permissions text[], since timestamptz, ends_at timestamptz, requested_by uuid,
    agreed_by uuid, last_used_at timestamptz, last_seen_at timestamptz, reviewed_by uuid, reviewed_at timestamptz, stale boolean, orphaned text[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids   uuid[] := tenancy.current_ids();
    v_now   timestamptz := clock_timestamp();
    v_since timestamptz := v_now - make_interval(days => p_stale_days);
    v_rows  int;
BEGIN
    IF (p_limit BETWEEN 1 AND 1000 AND p_stale_days BETWEEN 1 AND 3660 AND p_event_type IN ('access_review.read', 'access_review.exported')) IS NOT TRUE THEN
        RAISE EXCEPTION 'not a review of access' USING ERRCODE = '22023';
    END IF;
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT a.* FROM tenancy.role_assignments a
         WHERE a.customer_id = v_ids[1] AND a.ended_at IS NULL AND (a.ends_at > v_now OR a.ends_at IS NULL)
    ), present AS MATERIALIZED (
        SELECT p.subject_id FROM tenancy.people p WHERE p.customer_id = v_ids[1] AND p.last_seen_at >= v_since
           AND (cardinality(p.roles) > 0 OR EXISTS (SELECT FROM held h WHERE h.subject_id = p.subject_id))
    ), grants AS (
        SELECT concat_ws('/', h.subject_id, 'assignment', h.assignment_id) AS place, h.subject_id, s.name AS role,
               h.role_set_id, h.assignment_id, s.permissions, h.since, h.ends_at, h.requested_by, h.agreed_by, h.last_used_at, p.last_seen_at,
               h.reviewed_by, h.reviewed_at, coalesce(h.last_used_at, h.since) < v_since AS stale,
               array_remove(ARRAY[CASE WHEN s.retired_at IS NOT NULL THEN 'set_retired' END, CASE WHEN p.subject_id IS NULL THEN 'never_seen' END,
                   CASE WHEN NOT EXISTS (SELECT FROM present g WHERE g.subject_id = h.requested_by) THEN 'requester_gone' END,
                   CASE WHEN NOT EXISTS (SELECT FROM present g WHERE g.subject_id = h.agreed_by) THEN 'approver_gone' END], NULL) AS orphaned
          FROM held h JOIN tenancy.role_sets s ON s.customer_id = h.customer_id AND s.role_set_id = h.role_set_id
          LEFT JOIN tenancy.people p ON p.customer_id = h.customer_id AND p.subject_id = h.subject_id
        UNION ALL
        SELECT concat_ws('/', p.subject_id, 'token', r.role), p.subject_id, r.role, NULL, NULL, '{}', p.roles_since, NULL, NULL, NULL,
               p.last_seen_at, p.last_seen_at, NULL, NULL, p.last_seen_at < v_since, '{}'
          FROM tenancy.people p CROSS JOIN unnest(p.roles) AS r (role) WHERE p.customer_id = v_ids[1]
    )
    SELECT g.* FROM grants g WHERE g.place COLLATE "C" > coalesce(p_after, '') COLLATE "C" ORDER BY g.place COLLATE "C" LIMIT p_limit;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, resource, result_count)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), p_event_type, 'completed', 'success', 'access_review', v_rows);
END $f$;

-- CONTROL: RBC-6
-- Somebody else than its holder looks at an assignment and keeps it, or ends it with a reason.
CREATE FUNCTION tenancy.role_assignment_review(p_assignment uuid, p_end_reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids        uuid[] := tenancy.current_ids();
    v_now        timestamptz := clock_timestamp();
    v_assignment tenancy.role_assignments;
BEGIN
    SELECT * INTO v_assignment FROM tenancy.role_assignments a WHERE a.customer_id = v_ids[1] AND a.assignment_id = p_assignment
       AND a.ended_at IS NULL AND (a.ends_at > v_now OR a.ends_at IS NULL) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_assignment.subject_id = v_ids[2] THEN
        RAISE EXCEPTION 'nobody reviews a role of their own' USING ERRCODE = '42501', DETAIL = 'own-role';
    END IF;
    UPDATE tenancy.role_assignments a SET reviewed_by = v_ids[2], reviewed_at = clock_timestamp(), end_reason = p_end_reason,
           ended_by = CASE WHEN p_end_reason IS NOT NULL THEN v_ids[2] END, ended_at = CASE WHEN p_end_reason IS NOT NULL THEN clock_timestamp() END
     WHERE a.customer_id = v_ids[1] AND a.assignment_id = p_assignment;
    RETURN true;
END $f$;

-- What the platform keeps about the entered tenant in tables of its own, row by row. The tenant is owed that as well.
CREATE OR REPLACE FUNCTION tenancy.tenant_holdings() RETURNS TABLE (relation text, content text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT h.relation, h.content::text FROM (
        SELECT 'tenancy.break_glass' AS relation, to_jsonb(b) AS content, b.session_id::text AS place FROM tenancy.break_glass b WHERE b.customer_id = v_customer
        UNION ALL SELECT 'tenancy.customers', to_jsonb(c), '' FROM tenancy.customers c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.issuers', to_jsonb(i), i.issuer FROM tenancy.issuers i WHERE i.customer_id = v_customer
        UNION ALL SELECT 'tenancy.jobs', to_jsonb(j) - 'lease', j.job_id::text FROM tenancy.jobs j WHERE j.customer_id = v_customer
        UNION ALL SELECT 'tenancy.offboardings', to_jsonb(o), o.offboarding_id::text FROM tenancy.offboardings o WHERE o.customer_id = v_customer
        UNION ALL SELECT 'tenancy.people', to_jsonb(p), p.subject_id::text FROM tenancy.people p WHERE p.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_assignments', to_jsonb(a), a.assignment_id::text FROM tenancy.role_assignments a WHERE a.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_changes', to_jsonb(c), c.change_id::text FROM tenancy.role_changes c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_sets', to_jsonb(s), s.role_set_id::text FROM tenancy.role_sets s WHERE s.customer_id = v_customer) h
        ORDER BY h.relation, h.place COLLATE "C";
END $f$;

-- How many rows there are of the entered tenant in those tables, in the one that only the platform's own tenants have rows in,
-- and in the record.
CREATE OR REPLACE FUNCTION tenancy.tenant_holdings_count() RETURNS TABLE (relation text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT 'tenancy.break_glass', count(*) FROM tenancy.break_glass b WHERE b.customer_id = v_customer
        UNION ALL SELECT 'tenancy.canaries', count(*) FROM tenancy.canaries c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.customers', count(*) FROM tenancy.customers c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.issuers', count(*) FROM tenancy.issuers i WHERE i.customer_id = v_customer
        UNION ALL SELECT 'tenancy.jobs', count(*) FROM tenancy.jobs j WHERE j.customer_id = v_customer
        UNION ALL SELECT 'tenancy.offboardings', count(*) FROM tenancy.offboardings o WHERE o.customer_id = v_customer
        UNION ALL SELECT 'tenancy.people', count(*) FROM tenancy.people p WHERE p.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_assignments', count(*) FROM tenancy.role_assignments a WHERE a.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_changes', count(*) FROM tenancy.role_changes c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_sets', count(*) FROM tenancy.role_sets s WHERE s.customer_id = v_customer
        UNION ALL SELECT 'audit.events', count(*) FROM audit.events e WHERE e.customer_id = v_customer;
END $f$;

REVOKE ALL ON tenancy.tenant_permissions, tenancy.role_sets, tenancy.role_changes, tenancy.role_assignments, tenancy.people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.role_set_define(uuid, text, text[]), tenancy.role_set_retire(uuid), tenancy.role_set_list(),
    tenancy.role_change_request(uuid, uuid, uuid, timestamptz, text, text[]), tenancy.role_change_decide(uuid, bytea, boolean, uuid, text[]),
    tenancy.role_change_list(), tenancy.role_assignment_end(uuid, text), tenancy.role_assignment_list(), tenancy.role_assignment_review(uuid, text),
    tenancy.role_resolve(text[]), tenancy.role_used(uuid[]), tenancy.access_review(text, int, int, text) TO bearingwall_app;

RESET ROLE;
