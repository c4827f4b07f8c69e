-- Gates and the outbox: what leaves the system is written down first, approved where the catalogue says so, and handed to a worker.
-- The database knows persons, not permissions: that somebody may ask or decide at all is the server's to check. That what leaves is
-- what was approved, by somebody else, once and in time, is held here.

SET LOCAL ROLE bearingwall_owner;

-- What may leave the system, and what it takes: the floor under every tenant's own rules. A release adds kinds and changes none:
-- another rule is another kind.
CREATE TABLE tenancy.action_kinds (
    kind           text     PRIMARY KEY CHECK (kind ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*){1,3}$' AND length(kind) <= 64),
    gated          boolean  NOT NULL,
    quorum         integer  NOT NULL,
    self_ok        boolean  NOT NULL DEFAULT false,
    sealed         boolean  NOT NULL,
    decide_within  interval NOT NULL CHECK (decide_within BETWEEN '1 minute' AND '72 hours'),
    execute_within interval NOT NULL CHECK (execute_within BETWEEN '1 minute' AND '24 hours'),
    deliver_within interval NOT NULL CHECK (deliver_within BETWEEN '1 minute' AND '7 days'),
    max_attempts   integer  NOT NULL CHECK (max_attempts BETWEEN 1 AND 50),
    CHECK (quorum BETWEEN gated::int AND gated::int * 5),
    CHECK (gated OR NOT self_ok)
);
COMMENT ON TABLE tenancy.action_kinds IS 'every kind of effect on the outside world; a tenant may ask for more than this and never for less';
COMMENT ON COLUMN tenancy.action_kinds.self_ok IS 'a person confirms what the same person asked for; what a machine asks for takes somebody else all the same';
COMMENT ON COLUMN tenancy.action_kinds.sealed IS 'the payload may hold personal data and is stored as ciphertext';
INSERT INTO tenancy.action_kinds (kind, gated, quorum, self_ok, sealed, decide_within, execute_within, deliver_within, max_attempts) VALUES
    ('export.csv',      true,  1, false, true,  '1 hour',   '10 minutes', '1 day',  8),
    ('message.email',   true,  1, false, true,  '1 day',    '1 hour',     '3 days', 12),
    ('message.sms',     true,  1, false, true,  '1 day',    '1 hour',     '1 day',  12),
    ('message.confirm', true,  1, true,  true,  '1 hour',   '10 minutes', '1 day',  12),
    ('payment.refund',  true,  2, false, true,  '1 day',    '1 hour',     '1 day',  12),
    ('system.change',   true,  1, false, false, '1 day',    '1 hour',     '1 day',  12),
    ('webhook.deliver', false, 0, false, true,  '1 minute', '1 minute',   '3 days', 20),
    ('system.notify',   false, 0, false, false, '1 minute', '1 minute',   '1 day',  12);

CREATE TABLE tenancy.effect_config (
    one              boolean  PRIMARY KEY DEFAULT true CHECK (one),
    in_flight        integer  NOT NULL DEFAULT 8 CHECK (in_flight BETWEEN 1 AND 1000),
    rate_per_s       integer  NOT NULL DEFAULT 50 CHECK (rate_per_s BETWEEN 1 AND 10000),
    burst            integer  NOT NULL DEFAULT 100 CHECK (burst BETWEEN 1 AND 100000),
    breaker_failures integer  NOT NULL DEFAULT 3 CHECK (breaker_failures BETWEEN 1 AND 100),
    breaker_base     interval NOT NULL DEFAULT '5 seconds' CHECK (breaker_base BETWEEN '10 milliseconds' AND '10 minutes'),
    breaker_cap      interval NOT NULL DEFAULT '5 minutes' CHECK (breaker_cap BETWEEN '10 milliseconds' AND '1 hour')
);
COMMENT ON COLUMN tenancy.effect_config.in_flight IS 'effects of one tenant that are under way at once';
COMMENT ON COLUMN tenancy.effect_config.rate_per_s IS 'effects of one tenant that begin in a second, once its burst is spent';
COMMENT ON COLUMN tenancy.effect_config.breaker_failures IS 'failures in a row after which a tenant''s effects to one destination are not begun for a while';
INSERT INTO tenancy.effect_config DEFAULT VALUES;

-- What is approved and sent, as text that anybody can build and hash: JSON in the canonical form of RFC 8785.
-- No literal holds a character that a JSON text would escape: kinds and destinations are codes.
CREATE FUNCTION tenancy.effect_content(p_customer uuid, p_id uuid, p_kind text, p_destination text, p_aggregate uuid, p_payload bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT '{"aggregate":' || coalesce('"' || p_aggregate || '"', 'null') || ',"customer":"' || p_customer || '","destination":"' || p_destination
        || '","id":"' || p_id || '","kind":"' || p_kind || '","payload_sha256":"' || encode(sha256(p_payload), 'hex') || '"}'
$f$;

-- Subjects that are no persons, and for whom they act. Whoever is named here approves nothing, for good.
CREATE TABLE tenancy.machines (
    customer_id   uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    subject_id    uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('agent', 'service')),
    principal_id  uuid        CHECK (principal_id <> subject_id),
    registered_by uuid        NOT NULL CHECK (registered_by <> subject_id),
    registered_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, subject_id),
    CHECK ((kind = 'agent') = (principal_id IS NOT NULL))
);
COMMENT ON COLUMN tenancy.machines.principal_id IS 'the person for whom an agent acts, who approves nothing that it asks for';

CREATE TABLE tenancy.gate_policies (
    customer_id   uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    kind          text        NOT NULL REFERENCES tenancy.action_kinds (kind),
    quorum        integer     NOT NULL CHECK (quorum BETWEEN 1 AND 5),
    decide_within interval    NOT NULL CHECK (decide_within >= '1 minute'),
    set_by        uuid        NOT NULL,
    set_at        timestamptz NOT NULL,
    PRIMARY KEY (customer_id, kind)
);
COMMENT ON TABLE tenancy.gate_policies IS 'where a tenant asks for more than the catalogue';

-- CONTROL: GAT-1
-- SECURITY: the binding of digest and payload is a constraint, so that no function and no hand can be wrong about it.
CREATE TABLE tenancy.gate_requests (
    customer_id    uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    gate_id        uuid        NOT NULL,
    kind           text        NOT NULL REFERENCES tenancy.action_kinds (kind),
    destination    text        NOT NULL CHECK (destination ~ '^[a-z][a-z0-9_.-]{1,63}$'),
    aggregate_id   uuid,
    payload        bytea       NOT NULL CHECK (octet_length(payload) BETWEEN 2 AND 1048576),
    content_mac    bytea       CHECK (octet_length(content_mac) = 32),
    key_version    integer     CHECK (key_version > 0),
    digest         bytea       NOT NULL,
    requested_by   uuid        NOT NULL,
    requested_kind text        NOT NULL CHECK (requested_kind IN ('human', 'agent', 'service', 'system')),
    principal_id   uuid,
    quorum         integer     NOT NULL CHECK (quorum BETWEEN 1 AND 5),
    self_ok        boolean     NOT NULL CHECK (NOT self_ok OR requested_kind = 'human'),
    requested_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > requested_at AND expires_at <= requested_at + interval '72 hours'),
    execute_within interval    NOT NULL,
    request_id     uuid        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('requested', 'approved', 'rejected', 'expired', 'cancelled', 'consumed')),
    decided_at     timestamptz CHECK (decided_at BETWEEN requested_at AND expires_at),
    ended_at       timestamptz CHECK (ended_at >= requested_at),
    PRIMARY KEY (customer_id, gate_id),
    CHECK (digest = sha256(convert_to(tenancy.effect_content(customer_id, gate_id, kind, destination, aggregate_id, payload), 'UTF8'))),
    CHECK ((content_mac IS NULL) = (key_version IS NULL)),
    CHECK (state NOT IN ('approved', 'consumed') OR decided_at IS NOT NULL),
    CHECK ((state IN ('requested', 'approved')) = (ended_at IS NULL))
);
COMMENT ON TABLE tenancy.gate_requests IS 'what somebody wants to leave the system, bound to its bytes, and what became of it';
COMMENT ON COLUMN tenancy.gate_requests.payload IS 'canonical JSON (RFC 8785) or, where the kind is sealed, AES-256-GCM of it under the tenant''s key of effects';
COMMENT ON COLUMN tenancy.gate_requests.content_mac IS 'keyed digest of the content: tells a repeated request from another one, to whoever has the key';
CREATE INDEX gate_requests_open ON tenancy.gate_requests (customer_id, gate_id) WHERE state = 'requested';

CREATE TABLE tenancy.gate_decisions (
    customer_id uuid        NOT NULL,
    gate_id     uuid        NOT NULL,
    approver_id uuid        NOT NULL,
    verdict     text        NOT NULL CHECK (verdict IN ('approve', 'reject')),
    seen_digest bytea       NOT NULL CHECK (octet_length(seen_digest) = 32),
    reason      text        CHECK (length(reason) <= 500 AND reason !~ '[[:cntrl:]]'),
    decided_at  timestamptz NOT NULL,
    PRIMARY KEY (customer_id, gate_id, approver_id),
    FOREIGN KEY (customer_id, gate_id) REFERENCES tenancy.gate_requests (customer_id, gate_id)
);
COMMENT ON TABLE tenancy.gate_decisions IS 'who approved or rejected what, having seen which digest';

-- CONTROL: OUT-1
-- An effect bears the number of the gate that it came through: there is one at the most.
CREATE TABLE tenancy.effects (
    customer_id   uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    effect_id     uuid        NOT NULL,
    gate_id       uuid        CHECK (gate_id = effect_id),
    kind          text        NOT NULL REFERENCES tenancy.action_kinds (kind),
    destination   text        NOT NULL CHECK (destination ~ '^[a-z][a-z0-9_.-]{1,63}$'),
    aggregate_id  uuid,
    payload       bytea       NOT NULL CHECK (octet_length(payload) BETWEEN 2 AND 1048576),
    content_mac   bytea       CHECK (octet_length(content_mac) = 32),
    key_version   integer     CHECK (key_version > 0),
    digest        bytea       NOT NULL,
    enqueued_by   uuid        NOT NULL,
    request_id    uuid        NOT NULL,
    traceparent   text        CHECK (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'),
    enqueued_at   timestamptz NOT NULL,
    deliver_until timestamptz NOT NULL CHECK (deliver_until > enqueued_at),
    PRIMARY KEY (customer_id, effect_id),
    UNIQUE (customer_id, gate_id),
    FOREIGN KEY (customer_id, gate_id) REFERENCES tenancy.gate_requests (customer_id, gate_id),
    CHECK (digest = sha256(convert_to(tenancy.effect_content(customer_id, effect_id, kind, destination, aggregate_id, payload), 'UTF8'))),
    CHECK ((content_mac IS NULL) = (key_version IS NULL))
);
COMMENT ON TABLE tenancy.effects IS 'what is to happen outside, in the words in which it was approved; a row never changes';

CREATE TABLE tenancy.effect_attempts (
    customer_id uuid        NOT NULL,
    effect_id   uuid        NOT NULL,
    attempt_no  bigint      NOT NULL CHECK (attempt_no > 0),
    access_id   uuid        NOT NULL,
    idempotency text        NOT NULL CHECK (idempotency IN ('native', 'natural', 'none')),
    begun_at    timestamptz NOT NULL,
    ended_at    timestamptz CHECK (ended_at >= begun_at),
    outcome     text        CHECK (outcome IN ('delivered', 'refused', 'retry', 'unavailable', 'ambiguous', 'lost')),
    code        text        CHECK (code ~ '^[A-Za-z0-9._-]{1,64}$'),
    receipt     text        CHECK (receipt ~ '^[A-Za-z0-9._:@/+=-]{1,200}$'),
    PRIMARY KEY (customer_id, effect_id, attempt_no),
    FOREIGN KEY (customer_id, effect_id) REFERENCES tenancy.effects (customer_id, effect_id),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
COMMENT ON TABLE tenancy.effect_attempts IS 'each call outside, written before it is made; one without an end was made by a worker that died';
COMMENT ON COLUMN tenancy.effect_attempts.receipt IS 'what the other side calls what it took';

CREATE TABLE tenancy.effect_ends (
    customer_id uuid        NOT NULL,
    effect_id   uuid        NOT NULL,
    how         text        NOT NULL CHECK (how IN ('delivered', 'found_delivered', 'abandoned')),
    ended_by    uuid        NOT NULL,
    ended_at    timestamptz NOT NULL,
    reason      text        CHECK (length(btrim(reason)) >= 10 AND length(reason) <= 500 AND reason !~ '[[:cntrl:]]'),
    PRIMARY KEY (customer_id, effect_id),
    FOREIGN KEY (customer_id, effect_id) REFERENCES tenancy.effects (customer_id, effect_id),
    CHECK ((how = 'delivered') = (reason IS NULL))
);
COMMENT ON TABLE tenancy.effect_ends IS 'effects of which nothing more is to come, and who says so';

-- How many effects have been written about one thing. The row is locked while one more is, so that their order is that of commits.
CREATE TABLE tenancy.effect_aggregates (
    customer_id   uuid   NOT NULL REFERENCES tenancy.customers (customer_id),
    aggregate_id  uuid   NOT NULL,
    last_position bigint NOT NULL CHECK (last_position > 0),
    PRIMARY KEY (customer_id, aggregate_id)
);

-- Ids and codes, no payload: what a worker may claim before it has entered a tenant.
CREATE TABLE tenancy.effect_queue (
    customer_id   uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    effect_id     uuid        NOT NULL,
    destination   text        NOT NULL,
    aggregate_id  uuid,
    position      bigint,
    request_id    uuid        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('waiting', 'queued', 'leased', 'dead', 'unknown')),
    available_at  timestamptz NOT NULL,
    deliver_until timestamptz NOT NULL,
    max_attempts  integer     NOT NULL,
    attempts      integer     NOT NULL DEFAULT 0,
    lease_no      bigint      NOT NULL DEFAULT 0,
    lease         uuid,
    leased_until  timestamptz,
    in_call       text        CHECK (in_call IN ('native', 'natural', 'none')),
    last_code     text,
    parked_at     timestamptz,
    PRIMARY KEY (customer_id, effect_id),
    CHECK ((aggregate_id IS NULL) = (position IS NULL)),
    CHECK ((state = 'leased') = (lease IS NOT NULL) AND (lease IS NULL) = (leased_until IS NULL)),
    CHECK (in_call IS NULL OR state = 'leased'),
    CHECK ((state IN ('dead', 'unknown')) = (parked_at IS NOT NULL))
);
COMMENT ON TABLE tenancy.effect_queue IS 'effects of which more is to come: waiting behind another, queued, under way, or parked for a person';
COMMENT ON COLUMN tenancy.effect_queue.attempts IS 'failures that count; that a destination is away does not';
COMMENT ON COLUMN tenancy.effect_queue.lease_no IS 'rises with every lease: who shows a smaller one comes too late';
COMMENT ON COLUMN tenancy.effect_queue.in_call IS 'a call outside may be under way, to a destination of that idempotency';
CREATE INDEX effect_queue_ready ON tenancy.effect_queue (customer_id, available_at) WHERE state = 'queued';
CREATE INDEX effect_queue_order ON tenancy.effect_queue (customer_id, aggregate_id, position) WHERE aggregate_id IS NOT NULL;
CREATE INDEX effect_queue_leased ON tenancy.effect_queue (customer_id, leased_until) WHERE state = 'leased';
-- A worker shows its lease and names no tenant.
CREATE UNIQUE INDEX effect_queue_lease ON tenancy.effect_queue (lease) WHERE lease IS NOT NULL;
CREATE INDEX effect_queue_parked ON tenancy.effect_queue (customer_id, effect_id) WHERE parked_at IS NOT NULL;

-- Whose turn it is: the tenant that was served longest ago, within what it may begin.
CREATE TABLE tenancy.effect_turns (
    customer_id uuid             PRIMARY KEY REFERENCES tenancy.customers (customer_id),
    served_at   timestamptz      NOT NULL,
    tokens      double precision NOT NULL,
    filled_at   timestamptz      NOT NULL
);

CREATE TABLE tenancy.effect_breakers (
    customer_id uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    destination text        NOT NULL,
    failures    integer     NOT NULL CHECK (failures > 0),
    open_until  timestamptz,
    tried_by    uuid,
    PRIMARY KEY (customer_id, destination)
);
COMMENT ON TABLE tenancy.effect_breakers IS 'destinations that fail in a row; without a row, all is well';
COMMENT ON COLUMN tenancy.effect_breakers.tried_by IS 'the one effect that is let through at the end of a pause; what was under way before it lengthens none';

-- A key of its own, for a worker opens payloads and nothing else of a tenant.
CREATE TABLE tenancy.effect_keys (
    customer_id uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    version     integer     NOT NULL CHECK (version > 0),
    kek_version text        NOT NULL CHECK (length(kek_version) <= 128),
    wrapped     bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (customer_id, version)
);
COMMENT ON TABLE tenancy.effect_keys IS 'the key of a tenant''s payloads, wrapped by the key store''s key; without it they are noise';

-- No login role has a right on these tables; the functions below have, and are held to the tenant that was entered all the same.
-- SECURITY: the platform's own tenants get no rows: the canaries' are entered without a proof, and nothing may be left in them.
DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['machines', 'gate_policies', 'gate_requests', 'gate_decisions', 'effects', 'effect_attempts', 'effect_ends',
                                   'effect_aggregates'] LOOP
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE tenancy.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY entered_tenant ON tenancy.%I TO bearingwall_owner
            USING (customer_id = (SELECT tenancy.current_customer_id()))
            WITH CHECK (customer_id = (SELECT tenancy.current_customer_id())
                AND customer_id NOT IN (''00000000-0000-8000-8000-000000000001'', ''00000000-0000-8000-8000-00000000000a'',
                                        ''00000000-0000-8000-8000-00000000000b''))', v_table);
    END LOOP;
END $d$;

-- CONTROL: GAT-2
-- What the entered subject is: `system` for the platform's own, else what it is registered as, else a person.
CREATE FUNCTION tenancy.subject_kind(p_customer uuid, p_subject uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT CASE WHEN p_subject IN ('00000000-0000-8000-8000-000000000002', '00000000-0000-8000-8000-000000000003',
                                   '00000000-0000-8000-8000-000000000004', '00000000-0000-8000-8000-000000000005') THEN 'system'
                ELSE coalesce((SELECT m.kind FROM tenancy.machines m WHERE m.customer_id = p_customer AND m.subject_id = p_subject), 'human') END
$f$;

CREATE FUNCTION tenancy.guard_action_kind() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    RAISE EXCEPTION 'a kind of action keeps its rules: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

-- CONTROL: GAT-5
CREATE FUNCTION tenancy.guard_gate_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_kind tenancy.action_kinds;
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT * INTO v_kind FROM tenancy.action_kinds k WHERE k.kind = NEW.kind;
        IF v_kind.gated AND NEW.quorum >= v_kind.quorum AND NEW.decide_within <= v_kind.decide_within
           AND (TG_OP = 'INSERT' OR (NEW.customer_id, NEW.kind) = (OLD.customer_id, OLD.kind)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a tenant''s policy only tightens the catalogue: % rejected', TG_OP USING ERRCODE = '42501', DETAIL = 'loosens';
END $f$;

CREATE FUNCTION tenancy.guard_machine() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    RAISE EXCEPTION 'what is no person stays none: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

-- CONTROL: GAT-3
-- Begins as requested, with what the catalogue and the tenant ask for at the least; then only its state changes, and only forwards.
CREATE FUNCTION tenancy.guard_gate_request() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[];
    v_kind   tenancy.action_kinds;
    v_policy tenancy.gate_policies;
    v_state  text[] := '{state,decided_at,ended_at}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_ids := tenancy.current_ids();
        SELECT * INTO STRICT v_kind FROM tenancy.action_kinds k WHERE k.kind = NEW.kind;
        SELECT * INTO v_policy FROM tenancy.gate_policies p WHERE p.customer_id = NEW.customer_id AND p.kind = NEW.kind;
        IF v_kind.gated AND NEW.state = 'requested' AND NEW.decided_at IS NULL
           AND (NEW.customer_id, NEW.requested_by, NEW.request_id) = (v_ids[1], v_ids[2], v_ids[3])
           AND NEW.requested_kind = tenancy.subject_kind(NEW.customer_id, NEW.requested_by)
           AND NEW.quorum >= greatest(v_kind.quorum, v_policy.quorum)
           AND NEW.expires_at <= NEW.requested_at + least(v_kind.decide_within, v_policy.decide_within)
           AND NEW.requested_at <= clock_timestamp()
           AND NEW.execute_within <= v_kind.execute_within
           AND (v_kind.self_ok OR NOT NEW.self_ok)
           AND v_kind.sealed = (NEW.key_version IS NOT NULL) AND v_kind.sealed = (get_byte(NEW.payload, 0) <> 123) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'not a request that may wait at a gate' USING ERRCODE = '42501', DETAIL = 'not-requestable';
    END IF;
    IF TG_OP <> 'UPDATE' OR to_jsonb(NEW) - v_state <> to_jsonb(OLD) - v_state THEN
        RAISE EXCEPTION 'a request keeps what it says: % rejected', TG_OP USING ERRCODE = '42501';
    END IF;
    IF (OLD.state = 'requested' AND NEW.state IN ('approved', 'rejected', 'expired', 'cancelled')
        OR OLD.state = 'approved' AND NEW.state IN ('consumed', 'expired', 'cancelled') AND NEW.decided_at = OLD.decided_at) IS NOT TRUE THEN
        RAISE EXCEPTION 'a gate goes forwards: % to % rejected', OLD.state, NEW.state USING ERRCODE = '42501', DETAIL = 'not-open';
    END IF;
    IF NEW.state = 'approved' AND (SELECT count(*) FILTER (WHERE d.verdict = 'approve') < NEW.quorum OR bool_or(d.verdict = 'reject')
                                     FROM tenancy.gate_decisions d WHERE d.customer_id = NEW.customer_id AND d.gate_id = NEW.gate_id) IS NOT FALSE THEN
        RAISE EXCEPTION 'too few have approved' USING ERRCODE = '42501', DETAIL = 'no-quorum';
    END IF;
    IF NEW.state = 'consumed' AND NOT EXISTS (SELECT FROM tenancy.effects e
            WHERE e.customer_id = NEW.customer_id AND e.gate_id = NEW.gate_id AND e.digest = NEW.digest) THEN
        RAISE EXCEPTION 'an approval is used by its effect' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $f$;

-- CONTROL: GAT-2
-- A person who is signed in, and neither who asked nor for whom it was asked, says so once, about exactly what was seen, in time.
CREATE FUNCTION tenancy.guard_gate_decision() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids     uuid[];
    v_request tenancy.gate_requests;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a decision stays what it is: % rejected', TG_OP USING ERRCODE = '42501';
    END IF;
    v_ids := tenancy.current_ids();
    -- Locked: who decides at the same time counts this decision.
    SELECT * INTO v_request FROM tenancy.gate_requests r WHERE r.customer_id = NEW.customer_id AND r.gate_id = NEW.gate_id FOR UPDATE;
    IF v_request.gate_id IS NULL OR (NEW.customer_id, NEW.approver_id) <> (v_ids[1], v_ids[2]) THEN
        RAISE EXCEPTION 'no such request' USING ERRCODE = '42501', DETAIL = 'no-such-gate';
    END IF;
    IF v_request.state <> 'requested' THEN
        RAISE EXCEPTION 'the request is %', v_request.state USING ERRCODE = '42501', DETAIL = 'not-open';
    END IF;
    IF v_request.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the request has expired' USING ERRCODE = '42501', DETAIL = 'expired';
    END IF;
    IF NEW.seen_digest <> v_request.digest THEN
        RAISE EXCEPTION 'something else was seen' USING ERRCODE = '42501', DETAIL = 'other-content';
    END IF;
    IF tenancy.subject_kind(NEW.customer_id, NEW.approver_id) <> 'human'
       OR NOT EXISTS (SELECT FROM tenancy.people p WHERE p.customer_id = NEW.customer_id AND p.subject_id = NEW.approver_id
                         AND p.last_seen_at > clock_timestamp() - interval '2 hours' AND NOT ('internal_admin' = ANY (p.roles))) THEN
        RAISE EXCEPTION 'only a person of the tenant decides' USING ERRCODE = '42501', DETAIL = 'not-a-person';
    END IF;
    IF NEW.verdict = 'approve' AND NOT v_request.self_ok
       AND (NEW.approver_id = v_request.requested_by OR NEW.approver_id IS NOT DISTINCT FROM v_request.principal_id) THEN
        RAISE EXCEPTION 'it takes somebody else' USING ERRCODE = '42501', DETAIL = 'own-request';
    END IF;
    RETURN NEW;
END $f$;

-- CONTROL: GAT-4
-- CONTROL: OUT-1
-- An effect comes from an approval of exactly that, which is not too old, or is of a kind that needs none. There is no third way.
CREATE FUNCTION tenancy.guard_effect() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_kind    tenancy.action_kinds;
    v_request tenancy.gate_requests;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'an effect stays what it is: % rejected', TG_OP USING ERRCODE = '42501';
    END IF;
    SELECT * INTO STRICT v_kind FROM tenancy.action_kinds k WHERE k.kind = NEW.kind;
    IF v_kind.sealed <> (NEW.key_version IS NOT NULL) OR v_kind.sealed <> (get_byte(NEW.payload, 0) <> 123)
       OR NEW.deliver_until > NEW.enqueued_at + v_kind.deliver_within OR NEW.enqueued_at > clock_timestamp() THEN
        RAISE EXCEPTION 'not an effect of that kind' USING ERRCODE = '42501', DETAIL = 'not-of-its-kind';
    END IF;
    IF NOT v_kind.gated AND NEW.gate_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NOT v_kind.gated OR NEW.gate_id IS NULL THEN
        RAISE EXCEPTION 'that takes an approval' USING ERRCODE = '42501', DETAIL = 'not-approved';
    END IF;
    SELECT * INTO v_request FROM tenancy.gate_requests r WHERE r.customer_id = NEW.customer_id AND r.gate_id = NEW.gate_id FOR UPDATE;
    IF (v_request.state = 'approved') IS NOT TRUE THEN
        RAISE EXCEPTION 'that is not approved' USING ERRCODE = '42501', DETAIL = 'not-approved';
    END IF;
    IF v_request.digest <> NEW.digest THEN
        RAISE EXCEPTION 'something else was approved' USING ERRCODE = '42501', DETAIL = 'other-content';
    END IF;
    IF v_request.decided_at + v_request.execute_within <= clock_timestamp() THEN
        RAISE EXCEPTION 'the approval is too old' USING ERRCODE = '42501', DETAIL = 'expired';
    END IF;
    RETURN NEW;
END $f$;

CREATE FUNCTION tenancy.guard_effect_attempt() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_end text[] := '{ended_at,outcome,code,receipt}';
BEGIN
    IF TG_OP = 'INSERT' AND num_nulls(NEW.ended_at, NEW.outcome, NEW.code, NEW.receipt) = 4
       OR TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND to_jsonb(NEW) - v_end = to_jsonb(OLD) - v_end THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an attempt ends once, and nothing else of it changes: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

CREATE FUNCTION tenancy.guard_effect_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    RAISE EXCEPTION 'an effect ends once: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;

-- CONTROL: GAT-6
-- Each step is on the tenant's record in its own transaction, with the digest of what it is about.
CREATE FUNCTION tenancy.record_gate(p_type text, p_gate uuid, p_digest bytea, p_principal uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, on_behalf_of, resource, resource_id)
    SELECT v.ids[1], v.ids[2], v.ids[3], gen_random_uuid(), p_type, 'completed', 'success', encode(p_digest, 'hex'), p_principal, 'gate', p_gate
      FROM (SELECT tenancy.current_ids()) AS v (ids)
$f$;

CREATE FUNCTION tenancy.record_gate_request() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM tenancy.record_gate('gate.requested', NEW.gate_id, NEW.digest, NEW.principal_id);
    ELSIF NEW.state <> 'rejected' THEN
        PERFORM tenancy.record_gate('gate.' || NEW.state, NEW.gate_id, NEW.digest, NULL);
    END IF;
    RETURN NULL;
END $f$;

-- A rejection, and an approval that is not the last one that is needed: the last one's event is the request's.
CREATE FUNCTION tenancy.record_gate_decision() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    PERFORM tenancy.record_gate(CASE NEW.verdict WHEN 'approve' THEN 'gate.seconded' ELSE 'gate.declined' END, NEW.gate_id, NEW.seen_digest, NULL);
    RETURN NULL;
END $f$;

DO $d$
DECLARE
    v_table  text;
    v_guard  text;
    v_events text;
    v_record text;
BEGIN
    FOR v_table, v_guard, v_events, v_record IN VALUES
        ('action_kinds', 'guard_action_kind', 'UPDATE OR DELETE', NULL), ('machines', 'guard_machine', 'UPDATE OR DELETE', NULL),
        ('gate_policies', 'guard_gate_policy', 'INSERT OR UPDATE OR DELETE', NULL),
        ('gate_requests', 'guard_gate_request', 'INSERT OR UPDATE OR DELETE', 'record_gate_request'),
        ('gate_decisions', 'guard_gate_decision', 'INSERT OR UPDATE OR DELETE', 'record_gate_decision'),
        ('effects', 'guard_effect', 'INSERT OR UPDATE OR DELETE', NULL),
        ('effect_attempts', 'guard_effect_attempt', 'INSERT OR UPDATE OR DELETE', NULL), ('effect_ends', 'guard_effect_end', 'UPDATE OR DELETE', NULL) LOOP
        EXECUTE format('CREATE TRIGGER keep_row BEFORE %s ON tenancy.%I FOR EACH ROW EXECUTE FUNCTION tenancy.%I()', v_events, v_table, v_guard);
        EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON tenancy.%I FOR EACH STATEMENT EXECUTE FUNCTION tenancy.%I()', v_table, v_guard);
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER keep_row', v_table);
        EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER keep_table', v_table);
        IF v_record IS NOT NULL THEN
            EXECUTE format('CREATE TRIGGER record_row AFTER INSERT%s ON tenancy.%I FOR EACH ROW EXECUTE FUNCTION tenancy.%I()',
                           CASE v_table WHEN 'gate_requests' THEN ' OR UPDATE' ELSE '' END, v_table, v_record);
            EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER record_row', v_table);
        END IF;
    END LOOP;
END $d$;

-- CONTROL: GAT-2
-- From now on this subject is an agent of somebody's, or a service: it may ask, and decides nothing.
CREATE FUNCTION tenancy.machine_register(p_subject uuid, p_kind text, p_principal uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    IF tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human' OR tenancy.subject_kind(v_ids[1], p_principal) <> 'human' THEN
        RAISE EXCEPTION 'a machine registers none, and acts for none' USING ERRCODE = '42501', DETAIL = 'not-a-person';
    END IF;
    INSERT INTO tenancy.machines (customer_id, subject_id, kind, principal_id, registered_by, registered_at)
    VALUES (v_ids[1], p_subject, p_kind, p_principal, v_ids[2], clock_timestamp());
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_id, recipient)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'machine.registered', 'completed', 'success', p_kind, 'machine', p_subject, p_principal::text);
END $f$;

-- CONTROL: GAT-5
CREATE FUNCTION tenancy.gate_policy_set(p_kind text, p_quorum int, p_decide_within interval) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    IF tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human' THEN
        RAISE EXCEPTION 'only a person sets the rules' USING ERRCODE = '42501', DETAIL = 'not-a-person';
    END IF;
    INSERT INTO tenancy.gate_policies (customer_id, kind, quorum, decide_within, set_by, set_at)
    VALUES (v_ids[1], p_kind, p_quorum, p_decide_within, v_ids[2], clock_timestamp())
    ON CONFLICT (customer_id, kind) DO UPDATE SET quorum = excluded.quorum, decide_within = excluded.decide_within, set_by = excluded.set_by, set_at = excluded.set_at;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'gate.policy_set', 'completed', 'success', 'quorum-' || p_quorum, left('gate.' || p_kind, 64));
END $f$;

-- CONTROL: GAT-1
-- Asks. Who asks, for whom, how many must approve and until when is not the caller's to say.
CREATE FUNCTION tenancy.gate_request(p_gate uuid, p_kind text, p_destination text, p_aggregate uuid, p_payload bytea, p_content_mac bytea,
                                     p_key_version int, OUT digest bytea, OUT expires_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids     uuid[] := tenancy.current_ids();
    v_now     timestamptz := clock_timestamp();
    v_asks    text := tenancy.subject_kind(v_ids[1], v_ids[2]);
    v_kind    tenancy.action_kinds;
    v_policy  tenancy.gate_policies;
BEGIN
    SELECT * INTO v_kind FROM tenancy.action_kinds k WHERE k.kind = p_kind AND k.gated;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such kind of gated action' USING ERRCODE = '42501', DETAIL = 'not-requestable';
    END IF;
    SELECT * INTO v_policy FROM tenancy.gate_policies p WHERE p.customer_id = v_ids[1] AND p.kind = p_kind;
    digest := sha256(convert_to(tenancy.effect_content(v_ids[1], p_gate, p_kind, p_destination, p_aggregate, p_payload), 'UTF8'));
    expires_at := v_now + least(v_kind.decide_within, v_policy.decide_within);
    INSERT INTO tenancy.gate_requests (customer_id, gate_id, kind, destination, aggregate_id, payload, content_mac, key_version, digest, requested_by,
                                       requested_kind, principal_id, quorum, self_ok, requested_at, expires_at, execute_within, request_id, state)
    SELECT v_ids[1], p_gate, p_kind, p_destination, p_aggregate, p_payload, p_content_mac, p_key_version, digest, v_ids[2], v_asks,
           (SELECT m.principal_id FROM tenancy.machines m WHERE m.customer_id = v_ids[1] AND m.subject_id = v_ids[2]),
           greatest(v_kind.quorum, v_policy.quorum), v_kind.self_ok AND v_asks = 'human' AND coalesce(v_policy.quorum, 1) = 1,
           v_now, expires_at, v_kind.execute_within, v_ids[3], 'requested';
    PERFORM tenancy.job_enqueue(p_gate, 'gate.expire', expires_at);
END $f$;

-- CONTROL: GAT-2
-- What the entered subject says about exactly what it saw. Answers the state of the request afterwards.
CREATE FUNCTION tenancy.gate_decide(p_gate uuid, p_approve boolean, p_seen_digest bytea, p_reason text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids     uuid[] := tenancy.current_ids();
    v_now     timestamptz;
    v_request tenancy.gate_requests;
BEGIN
    INSERT INTO tenancy.gate_decisions (customer_id, gate_id, approver_id, verdict, seen_digest, reason, decided_at)
    VALUES (v_ids[1], p_gate, v_ids[2], CASE WHEN p_approve THEN 'approve' ELSE 'reject' END, p_seen_digest, p_reason, clock_timestamp());
    SELECT * INTO STRICT v_request FROM tenancy.gate_requests r WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate;
    v_now := clock_timestamp();
    IF NOT p_approve THEN
        UPDATE tenancy.gate_requests r SET state = 'rejected', decided_at = v_now, ended_at = v_now WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate;
        DELETE FROM tenancy.jobs j WHERE j.customer_id = v_ids[1] AND j.job_id = p_gate;
        RETURN 'rejected';
    END IF;
    IF (SELECT count(*) FROM tenancy.gate_decisions d WHERE d.customer_id = v_ids[1] AND d.gate_id = p_gate AND d.verdict = 'approve') < v_request.quorum THEN
        RETURN 'requested';
    END IF;
    UPDATE tenancy.gate_requests r SET state = 'approved', decided_at = v_now WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate;
    UPDATE tenancy.jobs j SET available_at = v_now + v_request.execute_within WHERE j.customer_id = v_ids[1] AND j.job_id = p_gate;
    RETURN 'approved';
END $f$;

-- Takes back what has not been used: who asked, for whom it was asked, or who approved it. True if there was anything to take back.
CREATE FUNCTION tenancy.gate_cancel(p_gate uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    UPDATE tenancy.gate_requests r SET state = 'cancelled', ended_at = clock_timestamp()
     WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate AND r.state IN ('requested', 'approved')
       AND (v_ids[2] IN (r.requested_by, r.principal_id)
            OR EXISTS (SELECT FROM tenancy.gate_decisions d WHERE d.customer_id = v_ids[1] AND d.gate_id = p_gate AND d.approver_id = v_ids[2]));
    IF FOUND THEN
        DELETE FROM tenancy.jobs j WHERE j.customer_id = v_ids[1] AND j.job_id = p_gate;
        RETURN true;
    END IF;
    RETURN false;
END $f$;

-- CONTROL: GAT-3
-- What was not decided or not used in time ends. True if it did; a worker asks when the time has come.
CREATE FUNCTION tenancy.gate_expire(p_gate uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
    v_now      timestamptz := clock_timestamp();
BEGIN
    UPDATE tenancy.gate_requests r SET state = 'expired', ended_at = v_now
     WHERE r.customer_id = v_customer AND r.gate_id = p_gate
       AND (r.state = 'requested' AND r.expires_at <= v_now OR r.state = 'approved' AND r.decided_at + r.execute_within <= v_now);
    IF FOUND THEN RETURN true; END IF;
    -- Refused, so that the job stays in the queue.
    IF EXISTS (SELECT FROM tenancy.gate_requests r WHERE r.customer_id = v_customer AND r.gate_id = p_gate AND r.state IN ('requested', 'approved')) THEN
        RAISE EXCEPTION 'its time is not over' USING ERRCODE = '55000';
    END IF;
    RETURN false;
END $f$;

-- What waits for a decision in the entered tenant, newest first; no content.
CREATE FUNCTION tenancy.gate_list(p_before uuid, p_limit int) RETURNS TABLE (gate_id uuid, kind text, destination text, requested_by uuid,
    requested_kind text, principal_id uuid, quorum int, approvals bigint, requested_at timestamptz, expires_at timestamptz, digest bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT r.gate_id, r.kind, r.destination, r.requested_by, r.requested_kind, r.principal_id, r.quorum,
           (SELECT count(*) FROM tenancy.gate_decisions d WHERE d.customer_id = v_customer AND d.gate_id = r.gate_id AND d.verdict = 'approve'),
           r.requested_at, r.expires_at, r.digest
      FROM tenancy.gate_requests r WHERE r.customer_id = v_customer AND r.state = 'requested' AND r.expires_at > clock_timestamp()
       AND (p_before IS NULL OR r.gate_id < p_before) ORDER BY r.gate_id DESC LIMIT least(p_limit, 101);
END $f$;

-- CONTROL: GAT-6
-- Puts on record that somebody is about to see what a gate holds; what it holds is shown to a later transaction of the same request.
CREATE FUNCTION tenancy.gate_open(p_gate uuid) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, resource, resource_id)
    SELECT v.ids[1], v.ids[2], v.ids[3], gen_random_uuid(), 'gate.read', 'intended', 'success', gen_random_uuid(), 'gate', p_gate
      FROM (SELECT tenancy.current_ids()) AS v (ids) RETURNING access_id
$f$;

-- SECURITY: as in audit.declared_subjects, what is announced opens nothing before it is committed and on the disk.
CREATE FUNCTION tenancy.gate_show(p_gate uuid, p_access uuid) RETURNS TABLE (gate_id uuid, kind text, destination text, aggregate_id uuid, payload bytea,
    key_version int, digest bytea, requested_by uuid, requested_kind text, principal_id uuid, quorum int, approvals bigint, requested_at timestamptz,
    expires_at timestamptz, state text, decided_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $f$
DECLARE
    v_ids  uuid[] := tenancy.current_ids();
    v_now  timestamptz := clock_timestamp();
    v_ttl  interval;
    v_rows int;
BEGIN
    SELECT c.access_ttl INTO v_ttl FROM audit.config c;
    IF NOT EXISTS (SELECT FROM audit.events e WHERE e.customer_id = v_ids[1] AND e.request_id = v_ids[3] AND e.recorded_at > v_now - v_ttl
                      AND e.recorded_at < v_now + v_ttl AND e.actor_id = v_ids[2] AND e.event_type = 'gate.read' AND e.phase = 'intended'
                      AND e.access_id = p_access AND e.resource_id = p_gate
                      AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
                      AND (pg_is_in_recovery() OR e.wal_lsn < pg_current_wal_flush_lsn())) THEN
        RAISE EXCEPTION 'that it is read is not on record' USING ERRCODE = '42501', DETAIL = 'not-recorded';
    END IF;
    RETURN QUERY SELECT r.gate_id, r.kind, r.destination, r.aggregate_id, r.payload, r.key_version, r.digest, r.requested_by, r.requested_kind,
           r.principal_id, r.quorum,
           (SELECT count(*) FROM tenancy.gate_decisions d WHERE d.customer_id = v_ids[1] AND d.gate_id = r.gate_id AND d.verdict = 'approve'),
           r.requested_at, r.expires_at, CASE WHEN r.state = 'requested' AND r.expires_at <= v_now THEN 'expired' ELSE r.state END, r.decided_at
      FROM tenancy.gate_requests r WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, resource, resource_id, result_count)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'gate.read', 'completed', 'success', p_access, 'gate', p_gate, v_rows);
END $f$;

-- What an approval is of, if it can be used now: the content stays where it is. No row for anything else.
CREATE FUNCTION tenancy.gate_approved(p_gate uuid, p_kind text) RETURNS TABLE (digest bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT r.digest FROM tenancy.gate_requests r WHERE r.customer_id = v_customer AND r.gate_id = p_gate AND r.kind = p_kind
       AND r.state = 'approved' AND r.decided_at + r.execute_within > clock_timestamp();
END $f$;

-- The key of payloads, where the tenant has one.
CREATE FUNCTION tenancy.effect_key() RETURNS TABLE (version int, kek_version text, wrapped bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT k.version, k.kek_version, k.wrapped FROM tenancy.effect_keys k WHERE k.customer_id = v_customer ORDER BY k.version DESC LIMIT 1;
END $f$;

-- The first key that is offered is the tenant's.
CREATE FUNCTION tenancy.effect_key_offer(p_kek_version text, p_wrapped bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    IF EXISTS (SELECT FROM tenancy.customers t WHERE t.customer_id = v_customer AND t.reserved) THEN
        RAISE EXCEPTION 'the platform''s own tenants send nothing' USING ERRCODE = '42501';
    END IF;
    INSERT INTO tenancy.effect_keys (customer_id, version, kek_version, wrapped, created_at)
    VALUES (v_customer, 1, p_kek_version, p_wrapped, clock_timestamp()) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $f$;

-- CONTROL: OUT-4
-- Puts an effect into the queue, behind what was written earlier about the same thing and is not done.
CREATE FUNCTION tenancy.effect_queue_up(p_effect tenancy.effects, p_max_attempts int) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_position bigint;
    v_waits    boolean := false;
BEGIN
    INSERT INTO tenancy.effect_turns (customer_id, served_at, tokens, filled_at)
    SELECT p_effect.customer_id, p_effect.enqueued_at, c.burst, p_effect.enqueued_at FROM tenancy.effect_config c
     WHERE NOT EXISTS (SELECT FROM tenancy.effect_turns t WHERE t.customer_id = p_effect.customer_id) ON CONFLICT DO NOTHING;
    IF p_effect.aggregate_id IS NOT NULL THEN
        -- Locked until the end of this transaction: positions are taken in the order of commits.
        INSERT INTO tenancy.effect_aggregates AS a (customer_id, aggregate_id, last_position) VALUES (p_effect.customer_id, p_effect.aggregate_id, 1)
        ON CONFLICT (customer_id, aggregate_id) DO UPDATE SET last_position = a.last_position + 1 RETURNING a.last_position INTO v_position;
        v_waits := EXISTS (SELECT FROM tenancy.effect_queue q WHERE q.customer_id = p_effect.customer_id AND q.aggregate_id = p_effect.aggregate_id);
    END IF;
    INSERT INTO tenancy.effect_queue (customer_id, effect_id, destination, aggregate_id, position, request_id, state, available_at, deliver_until, max_attempts)
    VALUES (p_effect.customer_id, p_effect.effect_id, p_effect.destination, p_effect.aggregate_id, v_position, p_effect.request_id,
            CASE WHEN v_waits THEN 'waiting' ELSE 'queued' END, p_effect.enqueued_at, p_effect.deliver_until, p_max_attempts);
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_id, recipient, trace_id)
    SELECT p_effect.customer_id, p_effect.enqueued_by, p_effect.request_id, gen_random_uuid(), 'effect.enqueued', 'completed', 'success',
           encode(p_effect.digest, 'hex'), 'effect', p_effect.effect_id, p_effect.destination, decode(substr(p_effect.traceparent, 4, 32), 'hex');
END $f$;

-- CONTROL: OUT-1
-- An effect of a kind that needs no approval, in the transaction of what brings it about.
CREATE FUNCTION tenancy.effect_enqueue(p_effect uuid, p_kind text, p_destination text, p_aggregate uuid, p_payload bytea, p_content_mac bytea,
                                       p_key_version int, p_traceparent text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_now    timestamptz := clock_timestamp();
    v_kind   tenancy.action_kinds;
    v_effect tenancy.effects;
BEGIN
    SELECT * INTO v_kind FROM tenancy.action_kinds k WHERE k.kind = p_kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such kind of action' USING ERRCODE = '42501', DETAIL = 'not-of-its-kind';
    END IF;
    INSERT INTO tenancy.effects (customer_id, effect_id, kind, destination, aggregate_id, payload, content_mac, key_version, digest, enqueued_by, request_id,
                                 traceparent, enqueued_at, deliver_until)
    VALUES (v_ids[1], p_effect, p_kind, p_destination, p_aggregate, p_payload, p_content_mac, p_key_version,
            sha256(convert_to(tenancy.effect_content(v_ids[1], p_effect, p_kind, p_destination, p_aggregate, p_payload), 'UTF8')), v_ids[2], v_ids[3],
            p_traceparent, v_now, v_now + v_kind.deliver_within) RETURNING * INTO v_effect;
    PERFORM tenancy.effect_queue_up(v_effect, v_kind.max_attempts);
END $f$;

-- CONTROL: GAT-4
-- Uses an approval: the effect is the request's own bytes, and both are done together or not at all.
CREATE FUNCTION tenancy.effect_enqueue_approved(p_gate uuid, p_digest bytea, p_traceparent text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_now    timestamptz;
    v_effect tenancy.effects;
    v_max    int;
BEGIN
    PERFORM FROM tenancy.gate_requests r WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate AND r.digest = p_digest FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'that is not approved' USING ERRCODE = '42501', DETAIL = 'not-approved';
    END IF;
    v_now := clock_timestamp();
    INSERT INTO tenancy.effects (customer_id, effect_id, gate_id, kind, destination, aggregate_id, payload, content_mac, key_version, digest, enqueued_by,
                                 request_id, traceparent, enqueued_at, deliver_until)
    SELECT r.customer_id, r.gate_id, r.gate_id, r.kind, r.destination, r.aggregate_id, r.payload, r.content_mac, r.key_version, r.digest, v_ids[2],
           v_ids[3], p_traceparent, v_now, v_now + k.deliver_within
      FROM tenancy.gate_requests r JOIN tenancy.action_kinds k ON k.kind = r.kind WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate
    RETURNING * INTO v_effect;
    UPDATE tenancy.gate_requests r SET state = 'consumed', ended_at = v_now WHERE r.customer_id = v_ids[1] AND r.gate_id = p_gate;
    DELETE FROM tenancy.jobs j WHERE j.customer_id = v_ids[1] AND j.job_id = p_gate;
    SELECT k.max_attempts INTO STRICT v_max FROM tenancy.action_kinds k WHERE k.kind = v_effect.kind;
    PERFORM tenancy.effect_queue_up(v_effect, v_max);
END $f$;

CREATE FUNCTION tenancy.record_parked(p_customer uuid, p_effect uuid, p_request uuid, p_state text) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_id)
    VALUES (p_customer, '00000000-0000-8000-8000-000000000005', p_request, gen_random_uuid(), 'effect.parked', 'completed',
            CASE p_state WHEN 'unknown' THEN 'unknown' ELSE 'failure' END, p_state, 'effect', p_effect)
$f$;

-- CONTROL: OUT-2
-- CONTROL: OUT-3
-- Leases that have ended: what may have arrived at a destination that cannot tell a repetition is for a person to find out; anything
-- else is tried again, and counts, so that what kills its worker does not do so for ever.
CREATE FUNCTION tenancy.effect_reap() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_now  timestamptz := clock_timestamp();
    v_row  tenancy.effect_queue;
    v_next text;
BEGIN
    FOR v_row IN SELECT q.* FROM tenancy.effect_queue q WHERE q.state = 'leased' AND q.leased_until < v_now FOR UPDATE SKIP LOCKED LOOP
        v_next := CASE WHEN v_row.in_call = 'none' THEN 'unknown' WHEN v_row.attempts + 1 >= v_row.max_attempts THEN 'dead' ELSE 'queued' END;
        UPDATE tenancy.effect_queue q SET state = v_next, attempts = q.attempts + 1, lease = NULL, leased_until = NULL, in_call = NULL, available_at = v_now,
               last_code = 'lease-ended', parked_at = CASE WHEN v_next <> 'queued' THEN v_now END
         WHERE q.customer_id = v_row.customer_id AND q.effect_id = v_row.effect_id;
        IF v_next <> 'queued' THEN
            PERFORM tenancy.record_parked(v_row.customer_id, v_row.effect_id, v_row.request_id, v_next);
        END IF;
    END LOOP;
END $f$;

-- CONTROL: OUT-2
-- CONTROL: OUT-5
-- Leases effects for the worker's destinations and regions, and tells it no tenant. Whose turn is longest ago goes first, and nobody
-- gets more than a fair part, its rate and its number under way. A destination that fails in a row is left alone, but for one try at
-- the end of its pause; an effect behind another one about the same thing is not begun.
CREATE FUNCTION tenancy.effect_claim(p_destinations text[], p_regions text[], p_limit int, p_seconds int,
                                     OUT effect uuid, OUT lease uuid, OUT lease_no bigint, OUT destination text) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_now     timestamptz;
    v_config  tenancy.effect_config;
    v_tenants uuid[];
    v_tenant  uuid;
    v_turn    tenancy.effect_turns;
    v_tokens  double precision;
    v_left    int := p_limit;
    v_share   int;
    v_taken   int;
    v_most    int;
    v_row     tenancy.effect_queue;
BEGIN
    IF (p_limit BETWEEN 1 AND 100 AND p_seconds BETWEEN 1 AND 900) IS NOT TRUE THEN
        RAISE EXCEPTION 'a claim is of 1 to 100 effects, for 1 to 900 seconds' USING ERRCODE = '22023';
    END IF;
    PERFORM tenancy.effect_reap();
    v_now := clock_timestamp();
    SELECT * INTO STRICT v_config FROM tenancy.effect_config;
    SELECT array_agg(l.customer_id) INTO v_tenants FROM (
        SELECT t.customer_id FROM tenancy.effect_turns t
          JOIN tenancy.customers c ON c.customer_id = t.customer_id AND c.status = 'active' AND c.region = ANY (p_regions)
         WHERE EXISTS (SELECT FROM tenancy.effect_queue q WHERE q.customer_id = t.customer_id AND q.state = 'queued' AND q.available_at <= v_now)
         ORDER BY t.served_at, t.customer_id LIMIT p_limit FOR UPDATE OF t SKIP LOCKED) l;
    v_share := ceil(p_limit::numeric / greatest(cardinality(v_tenants), 1));
    FOREACH v_tenant IN ARRAY coalesce(v_tenants, '{}') LOOP
        SELECT * INTO STRICT v_turn FROM tenancy.effect_turns t WHERE t.customer_id = v_tenant;
        v_tokens := least(v_config.burst, v_turn.tokens + v_config.rate_per_s * greatest(extract(epoch FROM v_now - v_turn.filled_at), 0));
        v_taken := 0;
        v_most := least(v_left, v_share, floor(v_tokens),
                        v_config.in_flight - (SELECT count(*) FROM tenancy.effect_queue q WHERE q.customer_id = v_tenant AND q.state = 'leased'));
        WHILE v_taken < v_most LOOP
            UPDATE tenancy.effect_queue q SET state = 'leased', lease = gen_random_uuid(), leased_until = v_now + make_interval(secs => p_seconds),
                   lease_no = q.lease_no + 1
             WHERE q.customer_id = v_tenant AND q.effect_id = (
                SELECT w.effect_id FROM tenancy.effect_queue w
                 WHERE w.customer_id = v_tenant AND w.state = 'queued' AND w.available_at <= v_now
                   AND (w.destination = ANY (p_destinations) OR split_part(w.destination, '.', 1) || '.*' = ANY (p_destinations))
                   AND NOT EXISTS (SELECT FROM tenancy.effect_queue e WHERE e.customer_id = v_tenant AND e.aggregate_id = w.aggregate_id AND e.position < w.position)
                   AND NOT EXISTS (SELECT FROM tenancy.effect_breakers b WHERE b.customer_id = v_tenant AND b.destination = w.destination AND b.open_until > v_now)
                 ORDER BY w.available_at, w.effect_id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING * INTO v_row;
            EXIT WHEN NOT FOUND;
            -- The one try at the end of a pause holds the destination closed until it has its answer.
            UPDATE tenancy.effect_breakers b SET open_until = v_row.leased_until, tried_by = v_row.effect_id
             WHERE b.customer_id = v_tenant AND b.destination = v_row.destination AND b.open_until IS NOT NULL;
            v_taken := v_taken + 1;
            effect := v_row.effect_id;
            lease := v_row.lease;
            lease_no := v_row.lease_no;
            destination := v_row.destination;
            RETURN NEXT;
        END LOOP;
        v_left := v_left - v_taken;
        UPDATE tenancy.effect_turns t SET served_at = v_now, tokens = v_tokens - v_taken, filled_at = v_now WHERE t.customer_id = v_tenant;
    END LOOP;
END $f$;

-- CONTROL: TEN-7
-- Enters the tenant of a leased effect, and no other: the worker names no tenant and holds no key.
CREATE FUNCTION tenancy.enter_effect(p_effect uuid, p_lease uuid, p_regions text[]) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid;
    v_request  uuid;
    v_status   text;
    v_region   text;
    v_served   text[];
BEGIN
    SELECT q.customer_id, q.request_id, t.status, t.region, c.regions INTO v_customer, v_request, v_status, v_region, v_served
      FROM tenancy.effect_queue q JOIN tenancy.customers t ON t.customer_id = q.customer_id CROSS JOIN tenancy.config c
     WHERE q.effect_id = p_effect AND q.lease = p_lease AND q.leased_until > clock_timestamp();
    IF v_customer IS NULL THEN
        RAISE EXCEPTION 'no such lease' USING ERRCODE = '28000', DETAIL = 'no-such-lease';
    END IF;
    IF v_status <> 'active' THEN
        RAISE EXCEPTION 'tenant is not active' USING ERRCODE = '28000', DETAIL = 'tenant-not-active';
    END IF;
    IF (v_region = '*' OR (v_region = ANY (p_regions) AND v_region = ANY (v_served))) IS NOT TRUE THEN
        RAISE EXCEPTION 'the region of the tenant is not served here' USING ERRCODE = '28000', DETAIL = 'region-not-served';
    END IF;
    PERFORM tenancy.seal_context(v_customer, '00000000-0000-8000-8000-000000000005', v_request);
    RETURN v_region;
END $f$;

-- The leased row of the entered tenant, held until the end of the transaction; the thing that it is about before it.
CREATE FUNCTION tenancy.effect_held(p_effect uuid, p_lease uuid) RETURNS tenancy.effect_queue
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
    v_row      tenancy.effect_queue;
BEGIN
    PERFORM FROM tenancy.effect_aggregates a JOIN tenancy.effects e ON e.customer_id = a.customer_id AND e.aggregate_id = a.aggregate_id
     WHERE a.customer_id = v_customer AND e.effect_id = p_effect FOR UPDATE OF a;
    SELECT * INTO v_row FROM tenancy.effect_queue q WHERE q.customer_id = v_customer AND q.effect_id = p_effect AND q.lease = p_lease
       AND q.leased_until > clock_timestamp() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such lease' USING ERRCODE = '28000', DETAIL = 'no-such-lease';
    END IF;
    RETURN v_row;
END $f$;

-- CONTROL: OUT-3
-- The attempt is on record before the call is made, with how the destination can be asked twice. No row where it is too late to try.
CREATE FUNCTION tenancy.effect_begin(p_effect uuid, p_lease uuid, p_idempotency text) RETURNS TABLE (customer_id uuid, kind text, destination text,
    aggregate_id uuid, payload bytea, key_version int, digest bytea, attempt_no bigint, enqueued_at timestamptz, request_id uuid, traceparent text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_now    timestamptz := clock_timestamp();
    v_access uuid := gen_random_uuid();
    v_row    tenancy.effect_queue := tenancy.effect_held(p_effect, p_lease);
BEGIN
    UPDATE tenancy.effect_attempts a SET ended_at = v_now, outcome = 'lost' WHERE a.customer_id = v_ids[1] AND a.effect_id = p_effect AND a.ended_at IS NULL;
    IF v_row.deliver_until <= v_now THEN
        UPDATE tenancy.effect_queue q SET state = 'dead', lease = NULL, leased_until = NULL, last_code = 'too-late', parked_at = v_now
         WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
        PERFORM tenancy.record_parked(v_ids[1], p_effect, v_ids[3], 'dead');
        RETURN;
    END IF;
    UPDATE tenancy.effect_queue q SET in_call = p_idempotency WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
    INSERT INTO tenancy.effect_attempts (customer_id, effect_id, attempt_no, access_id, idempotency, begun_at)
    VALUES (v_ids[1], p_effect, v_row.lease_no, v_access, p_idempotency, v_now);
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, resource, resource_id, recipient, trace_id)
    SELECT v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'effect.attempted', 'intended', 'success', v_access, 'effect', p_effect, e.destination,
           decode(substr(e.traceparent, 4, 32), 'hex')
      FROM tenancy.effects e WHERE e.customer_id = v_ids[1] AND e.effect_id = p_effect;
    RETURN QUERY SELECT e.customer_id, e.kind, e.destination, e.aggregate_id, e.payload, e.key_version, e.digest, v_row.lease_no, e.enqueued_at, e.request_id,
           e.traceparent
      FROM tenancy.effects e WHERE e.customer_id = v_ids[1] AND e.effect_id = p_effect;
END $f$;

-- What is behind a finished effect may begin.
CREATE FUNCTION tenancy.effect_let_next(p_customer uuid, p_aggregate uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    UPDATE tenancy.effect_queue q SET state = 'queued', available_at = clock_timestamp()
     WHERE q.customer_id = p_customer AND q.state = 'waiting' AND (q.aggregate_id, q.position) =
           (p_aggregate, (SELECT min(w.position) FROM tenancy.effect_queue w WHERE w.customer_id = p_customer AND w.aggregate_id = p_aggregate))
$f$;

-- CONTROL: OUT-5
-- One more failure in a row, or none any more. The pause is doubled by the try at its end alone.
CREATE FUNCTION tenancy.effect_break(p_customer uuid, p_destination text, p_effect uuid, p_failed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_config tenancy.effect_config;
BEGIN
    IF NOT p_failed THEN
        DELETE FROM tenancy.effect_breakers b WHERE b.customer_id = p_customer AND b.destination = p_destination;
        RETURN;
    END IF;
    SELECT * INTO STRICT v_config FROM tenancy.effect_config;
    INSERT INTO tenancy.effect_breakers AS b (customer_id, destination, failures)
    VALUES (p_customer, p_destination, 1)
    ON CONFLICT (customer_id, destination) DO UPDATE SET failures = b.failures + 1 WHERE b.open_until IS NULL OR b.tried_by = p_effect;
    UPDATE tenancy.effect_breakers b SET tried_by = NULL, open_until = clock_timestamp() + (0.5 + random() / 2)
           * least(v_config.breaker_cap, v_config.breaker_base * power(2, least(b.failures - v_config.breaker_failures, 20)))
     WHERE b.customer_id = p_customer AND b.destination = p_destination AND b.failures >= v_config.breaker_failures
       AND (b.open_until IS NULL OR b.tried_by = p_effect);
END $f$;

-- CONTROL: OUT-3
-- How the call ended. Only who holds the lease says so; what it answers is the state of the effect afterwards.
CREATE FUNCTION tenancy.effect_finish(p_effect uuid, p_lease uuid, p_outcome text, p_code text, p_receipt text, p_wait_ms int) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[] := tenancy.current_ids();
    v_now    timestamptz;
    v_row    tenancy.effect_queue := tenancy.effect_held(p_effect, p_lease);
    v_counts int := (p_outcome = 'retry')::int;
    v_next   text;
    v_again  timestamptz;
BEGIN
    v_now := clock_timestamp();
    v_again := v_now + make_interval(secs => least(greatest(coalesce(p_wait_ms, 0), 0), 86400000) / 1000.0);
    IF v_row.in_call IS NULL THEN
        RAISE EXCEPTION 'no attempt was begun' USING ERRCODE = '42501';
    END IF;
    v_next := CASE WHEN p_outcome = 'delivered' THEN 'done' WHEN p_outcome = 'refused' THEN 'dead'
                   WHEN p_outcome = 'ambiguous' AND v_row.in_call = 'none' THEN 'unknown'
                   WHEN v_again >= v_row.deliver_until OR v_row.attempts + v_counts >= v_row.max_attempts THEN 'dead' ELSE 'queued' END;
    UPDATE tenancy.effect_attempts a SET ended_at = v_now, outcome = p_outcome, code = p_code, receipt = p_receipt
     WHERE a.customer_id = v_ids[1] AND a.effect_id = p_effect AND a.attempt_no = v_row.lease_no;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, access_id, resource, resource_id, recipient, trace_id)
    SELECT v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'effect.attempted', CASE p_outcome WHEN 'delivered' THEN 'completed' ELSE 'failed' END,
           CASE p_outcome WHEN 'delivered' THEN 'success' WHEN 'ambiguous' THEN 'unknown' ELSE 'failure' END, p_outcome, a.access_id, 'effect', p_effect,
           v_row.destination, (SELECT decode(substr(e.traceparent, 4, 32), 'hex') FROM tenancy.effects e WHERE e.customer_id = v_ids[1] AND e.effect_id = p_effect)
      FROM tenancy.effect_attempts a WHERE a.customer_id = v_ids[1] AND a.effect_id = p_effect AND a.attempt_no = v_row.lease_no;
    PERFORM tenancy.effect_break(v_ids[1], v_row.destination, p_effect, p_outcome IN ('unavailable', 'ambiguous'));
    IF v_next = 'done' THEN
        DELETE FROM tenancy.effect_queue q WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
        INSERT INTO tenancy.effect_ends (customer_id, effect_id, how, ended_by, ended_at) VALUES (v_ids[1], p_effect, 'delivered', v_ids[2], v_now);
        PERFORM tenancy.effect_let_next(v_ids[1], v_row.aggregate_id);
        RETURN v_next;
    END IF;
    UPDATE tenancy.effect_queue q SET state = v_next, attempts = q.attempts + v_counts, lease = NULL, leased_until = NULL, in_call = NULL,
           available_at = v_again, last_code = p_code, parked_at = CASE WHEN v_next <> 'queued' THEN v_now END
     WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
    IF v_next <> 'queued' THEN
        PERFORM tenancy.record_parked(v_ids[1], p_effect, v_ids[3], v_next);
    END IF;
    RETURN v_next;
END $f$;

-- A worker that stops gives back what it has not begun.
CREATE FUNCTION tenancy.effect_return(p_effect uuid, p_lease uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    UPDATE tenancy.effect_queue q SET state = 'queued', lease = NULL, leased_until = NULL
     WHERE q.effect_id = p_effect AND q.lease = p_lease AND q.in_call IS NULL;
    RETURN FOUND;
END $f$;

-- What waits for a person in the entered tenant: what was given up, and what may have arrived; newest first, no content.
CREATE FUNCTION tenancy.effect_list(p_before uuid, p_limit int) RETURNS TABLE (effect_id uuid, kind text, destination text, aggregate_id uuid, gate_id uuid,
    state text, attempts bigint, code text, enqueued_at timestamptz, parked_at timestamptz, deliver_until timestamptz, behind bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT e.effect_id, e.kind, e.destination, e.aggregate_id, e.gate_id, q.state,
           (SELECT count(*) FROM tenancy.effect_attempts a WHERE a.customer_id = v_customer AND a.effect_id = e.effect_id),
           q.last_code, e.enqueued_at, q.parked_at, e.deliver_until,
           (SELECT count(*) FROM tenancy.effect_queue w WHERE w.customer_id = v_customer AND w.aggregate_id = q.aggregate_id AND w.position > q.position)
      FROM tenancy.effect_queue q JOIN tenancy.effects e ON e.customer_id = q.customer_id AND e.effect_id = q.effect_id
     WHERE q.customer_id = v_customer AND q.parked_at IS NOT NULL AND (p_before IS NULL OR q.effect_id < p_before)
     ORDER BY q.effect_id DESC LIMIT least(p_limit, 101);
END $f$;

-- What has become of an effect: a state of the queue, how it ended, or nothing for one that is not the tenant's.
CREATE FUNCTION tenancy.effect_state(p_effect uuid) RETURNS TABLE (state text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT q.state FROM tenancy.effect_queue q WHERE q.customer_id = v_customer AND q.effect_id = p_effect
        UNION ALL SELECT e.how FROM tenancy.effect_ends e WHERE e.customer_id = v_customer AND e.effect_id = p_effect;
END $f$;

-- CONTROL: OUT-6
-- A person puts a parked effect back, or says what became of it. Neither makes an old approval younger: what is too old to be
-- delivered is asked for anew.
CREATE FUNCTION tenancy.effect_settle(p_effect uuid, p_how text, p_reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
    v_now timestamptz := clock_timestamp();
    v_row tenancy.effect_queue;
BEGIN
    IF tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human' THEN
        RAISE EXCEPTION 'only a person says so' USING ERRCODE = '42501', DETAIL = 'not-a-person';
    END IF;
    IF (p_how IN ('replayed', 'found_delivered', 'abandoned') AND length(btrim(p_reason)) >= 10 AND length(p_reason) <= 500
        AND p_reason !~ '[[:cntrl:]]') IS NOT TRUE THEN
        RAISE EXCEPTION 'not a way to settle an effect, or no reason' USING ERRCODE = '22023', DETAIL = 'not-settleable';
    END IF;
    PERFORM FROM tenancy.effect_aggregates a JOIN tenancy.effects e ON e.customer_id = a.customer_id AND e.aggregate_id = a.aggregate_id
     WHERE a.customer_id = v_ids[1] AND e.effect_id = p_effect FOR UPDATE OF a;
    SELECT * INTO v_row FROM tenancy.effect_queue q WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect AND q.parked_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such effect waits for a person' USING ERRCODE = '42501', DETAIL = 'no-such-effect';
    END IF;
    IF p_how = 'replayed' THEN
        IF v_row.deliver_until <= v_now THEN
            RAISE EXCEPTION 'it is too late for that' USING ERRCODE = '42501', DETAIL = 'expired';
        END IF;
        UPDATE tenancy.effect_queue q SET state = 'queued', attempts = 0, available_at = v_now, parked_at = NULL, last_code = NULL
         WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
    ELSE
        DELETE FROM tenancy.effect_queue q WHERE q.customer_id = v_ids[1] AND q.effect_id = p_effect;
        INSERT INTO tenancy.effect_ends (customer_id, effect_id, how, ended_by, ended_at, reason)
        VALUES (v_ids[1], p_effect, p_how, v_ids[2], v_now, p_reason);
        PERFORM tenancy.effect_let_next(v_ids[1], v_row.aggregate_id);
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_id)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), CASE p_how WHEN 'replayed' THEN 'effect.replayed' ELSE 'effect.resolved' END, 'completed',
            'success', p_how, 'effect', p_effect);
END $f$;

-- For the operator's tool: the platform's limits on all tenants' effects.
CREATE FUNCTION tenancy.effect_configure(p_in_flight int, p_rate_per_s int, p_burst int, p_breaker_failures int, p_breaker_base interval, p_breaker_cap interval)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    UPDATE tenancy.effect_config SET in_flight = p_in_flight, rate_per_s = p_rate_per_s, burst = p_burst, breaker_failures = p_breaker_failures,
           breaker_base = p_breaker_base, breaker_cap = p_breaker_cap
$f$;

INSERT INTO tenancy.tenant_permissions (permission) VALUES ('gate:read'), ('gate:show'), ('gate:decide'), ('gate:cancel'), ('outbox:read'), ('outbox:settle');

-- The end of a tenant takes its key of payloads and its queue along.
CREATE OR REPLACE FUNCTION tenancy.offboard_finish(p_offboarding uuid, p_manifest_sha256 bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_offboarding tenancy.offboardings := tenancy.hold_offboarding(p_offboarding, p_manifest_sha256);
BEGIN
    IF v_offboarding.begun_at IS NULL THEN
        RAISE EXCEPTION 'the erasure has not begun' USING ERRCODE = '55000';
    END IF;
    DELETE FROM tenancy.jobs j WHERE j.customer_id = v_offboarding.customer_id;
    -- Without the key, payloads of the past are noise; what they were about stays, as part of the record.
    DELETE FROM tenancy.effect_keys k WHERE k.customer_id = v_offboarding.customer_id;
    DELETE FROM tenancy.effect_queue q WHERE q.customer_id = v_offboarding.customer_id;
    DELETE FROM tenancy.effect_turns t WHERE t.customer_id = v_offboarding.customer_id;
    DELETE FROM tenancy.effect_breakers b WHERE b.customer_id = v_offboarding.customer_id;
    DELETE FROM tenancy.issuers i WHERE i.customer_id = v_offboarding.customer_id;
    UPDATE tenancy.customers c SET status = 'offboarded', name = 'Offboarded tenant',
           slug = 'offboarded-' || translate(c.customer_id::text, '-', '')
     WHERE c.customer_id = v_offboarding.customer_id;
    UPDATE tenancy.offboardings o SET executed_at = clock_timestamp() WHERE o.offboarding_id = p_offboarding;
    PERFORM tenancy.record_offboarding('tenant.offboarded', '00000000-0000-8000-8000-000000000002', v_offboarding);
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
        UNION ALL SELECT 'tenancy.effect_aggregates', to_jsonb(x), x.aggregate_id::text FROM tenancy.effect_aggregates x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_attempts', to_jsonb(x), concat_ws('/', x.effect_id, lpad(x.attempt_no::text, 20, '0')) FROM tenancy.effect_attempts x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_breakers', to_jsonb(x), x.destination::text FROM tenancy.effect_breakers x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_ends', to_jsonb(x), x.effect_id::text FROM tenancy.effect_ends x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_keys', to_jsonb(x), lpad(x.version::text, 10, '0') FROM tenancy.effect_keys x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_queue', to_jsonb(x) - 'lease', x.effect_id::text FROM tenancy.effect_queue x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_turns', to_jsonb(x), '' FROM tenancy.effect_turns x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effects', to_jsonb(x), x.effect_id::text FROM tenancy.effects x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_decisions', to_jsonb(x), concat_ws('/', x.gate_id, x.approver_id) FROM tenancy.gate_decisions x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_policies', to_jsonb(x), x.kind::text FROM tenancy.gate_policies x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_requests', to_jsonb(x), x.gate_id::text FROM tenancy.gate_requests x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.machines', to_jsonb(x), x.subject_id::text FROM tenancy.machines x WHERE x.customer_id = v_customer
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
        UNION ALL SELECT 'tenancy.effect_aggregates', count(*) FROM tenancy.effect_aggregates x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_attempts', count(*) FROM tenancy.effect_attempts x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_breakers', count(*) FROM tenancy.effect_breakers x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_ends', count(*) FROM tenancy.effect_ends x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_keys', count(*) FROM tenancy.effect_keys x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_queue', count(*) FROM tenancy.effect_queue x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effect_turns', count(*) FROM tenancy.effect_turns x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.effects', count(*) FROM tenancy.effects x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_decisions', count(*) FROM tenancy.gate_decisions x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_policies', count(*) FROM tenancy.gate_policies x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.gate_requests', count(*) FROM tenancy.gate_requests x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.machines', count(*) FROM tenancy.machines x WHERE x.customer_id = v_customer
        UNION ALL SELECT 'tenancy.issuers', count(*) FROM tenancy.issuers i WHERE i.customer_id = v_customer
        UNION ALL SELECT 'tenancy.jobs', count(*) FROM tenancy.jobs j WHERE j.customer_id = v_customer
        UNION ALL SELECT 'tenancy.offboardings', count(*) FROM tenancy.offboardings o WHERE o.customer_id = v_customer
        UNION ALL SELECT 'tenancy.people', count(*) FROM tenancy.people p WHERE p.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_assignments', count(*) FROM tenancy.role_assignments a WHERE a.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_changes', count(*) FROM tenancy.role_changes c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.role_sets', count(*) FROM tenancy.role_sets s WHERE s.customer_id = v_customer
        UNION ALL SELECT 'audit.events', count(*) FROM audit.events e WHERE e.customer_id = v_customer;
END $f$;

REVOKE ALL ON tenancy.action_kinds, tenancy.effect_config, tenancy.machines, tenancy.gate_policies, tenancy.gate_requests, tenancy.gate_decisions,
    tenancy.effects, tenancy.effect_attempts, tenancy.effect_ends, tenancy.effect_aggregates, tenancy.effect_queue, tenancy.effect_turns,
    tenancy.effect_breakers, tenancy.effect_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.machine_register(uuid, text, uuid), tenancy.gate_policy_set(text, int, interval),
    tenancy.gate_request(uuid, text, text, uuid, bytea, bytea, int), tenancy.gate_decide(uuid, boolean, bytea, text), tenancy.gate_cancel(uuid),
    tenancy.gate_list(uuid, int), tenancy.gate_open(uuid), tenancy.gate_show(uuid, uuid), tenancy.gate_approved(uuid, text),
    tenancy.effect_key_offer(text, bytea), tenancy.effect_enqueue(uuid, text, text, uuid, bytea, bytea, int, text),
    tenancy.effect_enqueue_approved(uuid, bytea, text), tenancy.effect_list(uuid, int), tenancy.effect_state(uuid),
    tenancy.effect_settle(uuid, text, text) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.effect_key() TO bearingwall_app, bearingwall_worker;
GRANT EXECUTE ON FUNCTION tenancy.gate_expire(uuid), tenancy.effect_claim(text[], text[], int, int), tenancy.enter_effect(uuid, uuid, text[]),
    tenancy.effect_begin(uuid, uuid, text), tenancy.effect_finish(uuid, uuid, text, text, text, int), tenancy.effect_return(uuid, uuid)
    TO bearingwall_worker;
GRANT EXECUTE ON FUNCTION tenancy.effect_configure(int, int, int, int, interval, interval) TO bearingwall_admin;

RESET ROLE;
