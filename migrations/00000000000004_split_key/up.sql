-- The split key: the database verifies the caller's own access token, so that a server need not hold a key that opens every
-- tenant. Keys of issuers are public; the operator's tool installs them and keeps them as the issuer's key set has them.

SET LOCAL ROLE bearingwall_owner;

CREATE TABLE tenancy.issuers (
    issuer         text    PRIMARY KEY CHECK (length(issuer) BETWEEN 1 AND 512),
    audience       text    NOT NULL CHECK (length(audience) BETWEEN 1 AND 512),
    customer_id    uuid    REFERENCES tenancy.customers (customer_id),
    roles_claim    text[]  NOT NULL DEFAULT '{realm_access,roles}' CHECK (cardinality(roles_claim) BETWEEN 1 AND 8),
    leeway_s       integer NOT NULL DEFAULT 30 CHECK (leeway_s BETWEEN 0 AND 120),
    max_lifetime_s integer CHECK (max_lifetime_s > 0),
    allow_typ_jwt  boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN tenancy.issuers.customer_id IS 'the one tenant that this issuer may speak for; none for the platform''s own';

CREATE TABLE tenancy.issuer_keys (
    issuer    text        NOT NULL REFERENCES tenancy.issuers (issuer) ON DELETE CASCADE,
    kid       text        NOT NULL CHECK (length(kid) BETWEEN 1 AND 256),
    modulus   numeric     NOT NULL CHECK (modulus > 0 AND mod(modulus, 2) = 1),
    octets    integer     NOT NULL CHECK (octets BETWEEN 256 AND 512),
    not_after timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (issuer, kid)
);
COMMENT ON TABLE tenancy.issuer_keys IS 'RSA public keys with the exponent 65537, 2048 to 4096 bits';

-- Seven octets at a time: 56 bits are what a bigint takes without its sign.
CREATE FUNCTION tenancy.octets_to_number(p_octets bytea) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_number numeric := 0;
    v_at     int := 0;
    v_length int := octet_length(p_octets);
    v_hex    text := encode(p_octets, 'hex');
BEGIN
    WHILE (v_length - v_at) % 7 <> 0 LOOP
        v_number := v_number * 256 + get_byte(p_octets, v_at);
        v_at := v_at + 1;
    END LOOP;
    WHILE v_at < v_length LOOP
        v_number := v_number * 72057594037927936 + (('x' || substr(v_hex, v_at * 2 + 1, 14))::bit(56)::bigint);
        v_at := v_at + 7;
    END LOOP;
    RETURN v_number;
END $f$;

-- RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2), with nothing but numeric arithmetic. The expected encoding is
-- compared as a whole, as a number: nothing of the padding is parsed, so none of it can be forged.
CREATE FUNCTION tenancy.rs256_verifies(p_modulus numeric, p_octets int, p_message bytea, p_signature bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_signature numeric;
    v_power     numeric;
    v_expected  bytea;
BEGIN
    IF octet_length(p_signature) <> p_octets THEN RETURN false; END IF;
    v_signature := tenancy.octets_to_number(p_signature);
    IF v_signature >= p_modulus THEN RETURN false; END IF;
    v_power := v_signature;
    FOR i IN 1..16 LOOP v_power := mod(v_power * v_power, p_modulus); END LOOP;
    v_power := mod(v_power * v_signature, p_modulus);
    v_expected := decode('0001' || repeat('ff', p_octets - 54) || '003031300d060960864801650304020105000420', 'hex') || sha256(p_message);
    RETURN v_power = tenancy.octets_to_number(v_expected);
END $f$;

-- base64url without padding, whitespace or leftover bits (RFC 7515 section 2); NULL for anything else.
CREATE FUNCTION tenancy.base64url(p_text text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_bytes bytea;
BEGIN
    IF p_text = '' OR length(p_text) % 4 = 1
       OR translate(p_text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', '') <> '' THEN RETURN NULL; END IF;
    v_bytes := decode(rpad(translate(p_text, '-_', '+/'), (length(p_text) + 3) / 4 * 4, '='), 'base64');
    -- One spelling for one content, or a cache by the token's text could be walked around.
    IF rtrim(translate(replace(encode(v_bytes, 'base64'), chr(10), ''), '+/', '-_'), '=') <> p_text THEN RETURN NULL; END IF;
    RETURN v_bytes;
END $f$;

-- A UUIDv8 of the first 128 bits of SHA-256 over texts with a zero byte between them, which no text holds.
CREATE FUNCTION tenancy.digest_of(p_texts text[]) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_digest bytea := (SELECT substring(sha256(string_agg(convert_to(t.text, 'UTF8'), decode('00', 'hex') ORDER BY t.at)) FROM 1 FOR 16)
                         FROM unnest(p_texts) WITH ORDINALITY AS t (text, at));
BEGIN
    v_digest := set_byte(v_digest, 6, (get_byte(v_digest, 6) & 15) | 128);
    v_digest := set_byte(v_digest, 8, (get_byte(v_digest, 8) & 63) | 128);
    RETURN encode(v_digest, 'hex')::uuid;
END $f$;

-- Who a token is about: issuers cannot collide.
CREATE FUNCTION tenancy.subject_of(p_issuer text, p_subject text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT tenancy.digest_of(ARRAY[p_issuer, p_subject])
$f$;

-- CONTROL: TEN-7
-- Verifies an RFC 9068 access token against the installed keys and answers what it proves. Every rule is written so that a
-- missing claim, which is NULL, refuses: it must be true, not merely not false.
CREATE FUNCTION tenancy.verify_token(p_jwt text, OUT subject uuid, OUT customer uuid, OUT internal boolean, OUT expires_ms bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_parts    text[];
    v_header   jsonb;
    v_claims   jsonb;
    v_issuer   tenancy.issuers;
    v_modulus  numeric;
    v_octets   int;
    v_roles    jsonb;
    v_now      numeric := extract(epoch FROM clock_timestamp());
    v_expires  numeric;
    v_issued   numeric;
    v_start    numeric;
    v_ok       boolean;
BEGIN
    BEGIN
        v_parts := string_to_array(p_jwt, '.');
        IF octet_length(p_jwt) <= 16384 AND cardinality(v_parts) = 3 THEN
            v_header := convert_from(tenancy.base64url(v_parts[1]), 'UTF8')::jsonb;
            v_claims := convert_from(tenancy.base64url(v_parts[2]), 'UTF8')::jsonb;
            SELECT * INTO v_issuer FROM tenancy.issuers i WHERE i.issuer = v_claims ->> 'iss';
            SELECT k.modulus, k.octets INTO v_modulus, v_octets FROM tenancy.issuer_keys k
             WHERE k.issuer = v_issuer.issuer AND k.kid = v_header ->> 'kid' AND k.not_after > clock_timestamp();
            v_ok := v_header ->> 'alg' = 'RS256' AND jsonb_typeof(v_header -> 'kid') = 'string'
                AND NOT (v_header ?| ARRAY['crit', 'b64'])
                AND jsonb_typeof(v_claims -> 'iss') = 'string'
                AND tenancy.rs256_verifies(v_modulus, v_octets, convert_to(v_parts[1] || '.' || v_parts[2], 'UTF8'),
                                           tenancy.base64url(v_parts[3]));
        END IF;
        IF v_ok IS TRUE THEN
            v_expires := CASE WHEN jsonb_typeof(v_claims -> 'exp') = 'number' THEN (v_claims ->> 'exp')::numeric END;
            v_issued := CASE WHEN jsonb_typeof(v_claims -> 'iat') = 'number' THEN (v_claims ->> 'iat')::numeric END;
            v_start := CASE jsonb_typeof(v_claims -> 'nbf') WHEN 'number' THEN (v_claims ->> 'nbf')::numeric ELSE v_issued END;
            v_ok := (v_header ->> 'typ' IN ('at+jwt', 'application/at+jwt')
                     AND coalesce(v_claims -> 'typ', '"Bearer"'::jsonb) = '"Bearer"'::jsonb
                     OR v_header ->> 'typ' = 'JWT' AND v_issuer.allow_typ_jwt AND v_claims -> 'typ' = '"Bearer"'::jsonb)
                -- A sender-constrained token without its proof is a stolen one as far as we can tell (RFC 9449, RFC 8705).
                AND NOT v_claims ? 'cnf'
                AND CASE jsonb_typeof(v_claims -> 'aud') WHEN 'string' THEN v_claims ->> 'aud' = v_issuer.audience
                                                         WHEN 'array' THEN (v_claims -> 'aud') ? v_issuer.audience END
                AND jsonb_typeof(v_claims -> 'sub') = 'string' AND octet_length(v_claims ->> 'sub') BETWEEN 1 AND 255
                AND btrim(v_claims ->> 'sub') <> '' AND v_claims ->> 'sub' !~ '[[:cntrl:]]'
                AND v_expires BETWEEN 0 AND 253402300799 AND v_issued >= 0
                AND v_now < v_expires + v_issuer.leeway_s
                AND v_issued <= v_now + v_issuer.leeway_s AND v_start <= v_now + v_issuer.leeway_s
                AND (NOT v_claims ? 'nbf' OR jsonb_typeof(v_claims -> 'nbf') = 'number')
                AND v_expires > v_issued AND v_expires - v_issued <= coalesce(v_issuer.max_lifetime_s, 2147483647);
        END IF;
        IF v_ok IS TRUE THEN
            v_roles := coalesce(v_claims #> v_issuer.roles_claim, '[]'::jsonb);
            internal := jsonb_typeof(v_roles) = 'array' AND v_roles ? 'internal_admin';
            IF v_claims ? 'customer_id' THEN
                -- One spelling, and none of the ids that mean something else.
                customer := (v_claims ->> 'customer_id')::uuid;
                v_ok := customer::text = v_claims ->> 'customer_id'
                    AND NOT EXISTS (SELECT FROM tenancy.customers c WHERE c.customer_id = customer AND c.reserved);
            END IF;
            -- SECURITY: a tenant's own identity provider can neither name another tenant nor make platform staff.
            v_ok := v_ok AND jsonb_typeof(v_roles) = 'array'
                AND (v_issuer.customer_id IS NULL OR NOT internal AND customer = v_issuer.customer_id)
                AND (customer IS NOT NULL OR internal);
        END IF;
    EXCEPTION
        -- SECURITY: what cannot be parsed is part of a credential, and the parser's own error would repeat it.
        WHEN data_exception OR invalid_text_representation OR character_not_in_repertoire OR untranslatable_character THEN v_ok := false;
    END;
    IF v_ok IS NOT TRUE THEN
        RAISE EXCEPTION 'tenant token rejected' USING ERRCODE = '28000';
    END IF;
    subject := tenancy.subject_of(v_issuer.issuer, v_claims ->> 'sub');
    expires_ms := ((v_expires + v_issuer.leeway_s) * 1000)::bigint;
END $f$;

-- Platform staff in one tenant: with a reason, for a while, with somebody else's consent. Rows are never deleted.
CREATE TABLE tenancy.break_glass (
    session_id  uuid        PRIMARY KEY,
    customer_id uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    subject_id  uuid        NOT NULL,
    reason      text        NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    ticket      text        NOT NULL CHECK (ticket ~ '^[A-Za-z0-9._/#-]{1,64}$'),
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    approved_by uuid        CHECK (approved_by <> subject_id),
    approved_at timestamptz,
    closed_at   timestamptz,
    reviewed_by uuid,
    reviewed_at timestamptz,
    verdict     text        CHECK (verdict IN ('accepted', 'disputed')),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL) AND (reviewed_by IS NULL) = (verdict IS NULL)),
    CHECK (expires_at <= opened_at + interval '60 minutes')
);
CREATE INDEX break_glass_customer ON tenancy.break_glass (customer_id, opened_at);

-- In the platform's own tenant, which only platform staff enter; the verified subject asks, consents or ends.
CREATE FUNCTION tenancy.require_platform() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    IF v_ids[1] <> '00000000-0000-8000-8000-000000000001' THEN
        RAISE EXCEPTION 'break-glass sessions are managed in the platform''s own tenant' USING ERRCODE = '42501';
    END IF;
    RETURN v_ids[2];
END $f$;

CREATE FUNCTION tenancy.break_glass_open(p_session uuid, p_customer uuid, p_reason text, p_ticket text, p_minutes int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject uuid := tenancy.require_platform();
BEGIN
    IF (p_minutes BETWEEN 1 AND 60) IS NOT TRUE THEN
        RAISE EXCEPTION 'a break-glass session lasts 1 to 60 minutes' USING ERRCODE = '22023', DETAIL = 'minutes';
    END IF;
    IF NOT EXISTS (SELECT FROM tenancy.customers c WHERE c.customer_id = p_customer AND NOT c.reserved) THEN
        RAISE EXCEPTION 'no such tenant' USING ERRCODE = '22023', DETAIL = 'no-such-tenant';
    END IF;
    INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, opened_at, expires_at)
    VALUES (p_session, p_customer, v_subject, p_reason, p_ticket, transaction_timestamp(), transaction_timestamp() + make_interval(mins => p_minutes));
END $f$;

CREATE FUNCTION tenancy.break_glass_approve(p_session uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject uuid := tenancy.require_platform();
BEGIN
    UPDATE tenancy.break_glass b SET approved_by = v_subject, approved_at = clock_timestamp()
     WHERE b.session_id = p_session AND b.subject_id <> v_subject AND b.approved_at IS NULL AND b.closed_at IS NULL
       AND b.expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no open break-glass session of somebody else to consent to' USING ERRCODE = '42501', DETAIL = 'no-such-session';
    END IF;
END $f$;

CREATE FUNCTION tenancy.break_glass_close(p_session uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject uuid := tenancy.require_platform();
BEGIN
    UPDATE tenancy.break_glass b SET closed_at = clock_timestamp() WHERE b.session_id = p_session AND b.closed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no open break-glass session of that id' USING ERRCODE = '22023', DETAIL = 'no-such-session';
    END IF;
END $f$;

-- The tenant that the verified subject's own session opens at this moment, and until when; no row if none does.
CREATE FUNCTION tenancy.break_glass_current(p_session uuid, OUT customer uuid, OUT until_at timestamptz) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject uuid := tenancy.require_platform();
BEGIN
    RETURN QUERY SELECT b.customer_id, b.expires_at FROM tenancy.break_glass b
        WHERE b.session_id = p_session AND b.subject_id = v_subject AND b.approved_at IS NOT NULL AND b.closed_at IS NULL
          AND b.expires_at > clock_timestamp();
END $f$;

-- The tenant's own judgement of a session that has ended, once.
CREATE FUNCTION tenancy.break_glass_review(p_session uuid, p_verdict text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    UPDATE tenancy.break_glass b SET reviewed_by = v_ids[2], reviewed_at = clock_timestamp(), verdict = p_verdict
     WHERE b.session_id = p_session AND b.customer_id = v_ids[1] AND b.reviewed_at IS NULL
       AND (b.closed_at IS NOT NULL OR b.expires_at <= clock_timestamp());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no ended break-glass session of that id to review' USING ERRCODE = '22023', DETAIL = 'no-such-session';
    END IF;
END $f$;

-- A tenant sees who of the platform was in it, and why; the platform sees all sessions.
CREATE FUNCTION tenancy.break_glass_sessions() RETURNS SETOF tenancy.break_glass
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT b.* FROM tenancy.break_glass b
        WHERE b.customer_id = v_customer OR v_customer = '00000000-0000-8000-8000-000000000001' ORDER BY b.opened_at, b.session_id;
END $f$;

-- CONTROL: TEN-7
-- A ticket for one tenant, for at most 60 seconds, from the caller's own token: the tenant that it names, the platform's own
-- for its staff, or a tenant that lets its staff in at this moment. `tenancy.login` hands it out.
CREATE FUNCTION tenancy.ticket(p_jwt text, p_customer uuid, OUT subject uuid, OUT expiry_ms bigint, OUT nonce uuid, OUT mac bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_claim    uuid;
    v_internal boolean;
    v_until_ms bigint;
    v_glass_ms bigint;
BEGIN
    SELECT t.subject, t.customer, t.internal, t.expires_ms INTO subject, v_claim, v_internal, v_until_ms FROM tenancy.verify_token(p_jwt) t;
    expiry_ms := least(v_until_ms, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 60000);
    -- A token of the platform's staff that names a tenant as well opens it no other way.
    IF v_internal OR v_claim IS DISTINCT FROM p_customer THEN
        IF v_internal AND p_customer IS DISTINCT FROM '00000000-0000-8000-8000-000000000001' THEN
            SELECT (extract(epoch FROM max(b.expires_at)) * 1000)::bigint INTO v_glass_ms FROM tenancy.break_glass b
             WHERE b.customer_id = p_customer AND b.subject_id = ticket.subject AND b.approved_at IS NOT NULL AND b.closed_at IS NULL
               AND b.expires_at > clock_timestamp();
            v_internal := v_glass_ms IS NOT NULL;
            expiry_ms := least(expiry_ms, v_glass_ms);
        END IF;
        IF v_internal IS NOT TRUE OR p_customer IS NULL THEN
            RAISE EXCEPTION 'tenant token rejected' USING ERRCODE = '28000';
        END IF;
    END IF;
    nonce := gen_random_uuid();
    SELECT sha256(k.opad || sha256(k.ipad || decode('7469636b65742e7631', 'hex') || int2send(0::smallint) || uuid_send(p_customer)
            || uuid_send(ticket.subject) || int8send(ticket.expiry_ms) || uuid_send(ticket.nonce)))
      INTO mac FROM tenancy.enter_keys k WHERE k.kid = 0;
    IF mac IS NULL THEN
        RAISE EXCEPTION 'the split-key profile is not in force here' USING ERRCODE = '28000';
    END IF;
END $f$;

-- For the operator's tool, as bearingwall_admin.
CREATE FUNCTION tenancy.set_issuer(p_issuer text, p_audience text, p_customer uuid, p_roles_claim text[], p_leeway_s int,
                                   p_max_lifetime_s int, p_allow_typ_jwt boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO tenancy.issuers (issuer, audience, customer_id, roles_claim, leeway_s, max_lifetime_s, allow_typ_jwt)
    VALUES (p_issuer, p_audience, p_customer, p_roles_claim, p_leeway_s, p_max_lifetime_s, p_allow_typ_jwt)
    ON CONFLICT (issuer) DO UPDATE SET audience = excluded.audience, customer_id = excluded.customer_id,
        roles_claim = excluded.roles_claim, leeway_s = excluded.leeway_s, max_lifetime_s = excluded.max_lifetime_s,
        allow_typ_jwt = excluded.allow_typ_jwt
$f$;

CREATE FUNCTION tenancy.remove_issuer(p_issuer text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    DELETE FROM tenancy.issuers i WHERE i.issuer = p_issuer;
    RETURN FOUND;
END $f$;

-- The modulus as big-endian octets, as a JWK's "n" has it; the exponent is 65537, whatever else is refused by the tool.
CREATE FUNCTION tenancy.install_issuer_key(p_issuer text, p_kid text, p_modulus bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF octet_length(p_modulus) < 256 OR get_byte(p_modulus, 0) < 128 THEN
        RAISE EXCEPTION 'an RSA modulus has 2048 bits or more and no leading zeros' USING ERRCODE = '22023';
    END IF;
    INSERT INTO tenancy.issuer_keys (issuer, kid, modulus, octets)
    VALUES (p_issuer, p_kid, tenancy.octets_to_number(p_modulus), octet_length(p_modulus))
    ON CONFLICT (issuer, kid) DO UPDATE SET modulus = excluded.modulus, octets = excluded.octets, not_after = 'infinity';
END $f$;

-- Keys that are not in the issuer's key set any more end after a while, in which tokens under them run out.
CREATE FUNCTION tenancy.retire_issuer_keys(p_issuer text, p_kept text[], p_after interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    WITH gone AS (DELETE FROM tenancy.issuer_keys k WHERE k.issuer = p_issuer AND k.not_after < clock_timestamp() - interval '1 day'),
         ended AS (UPDATE tenancy.issuer_keys k SET not_after = clock_timestamp() + p_after
                    WHERE k.issuer = p_issuer AND k.kid <> ALL (p_kept) AND k.not_after > clock_timestamp() + p_after RETURNING 1)
    SELECT count(*) FROM ended
$f$;

CREATE FUNCTION tenancy.issuer_list() RETURNS TABLE (issuer text, audience text, customer_id uuid, kid text, octets int, not_after timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT i.issuer, i.audience, i.customer_id, k.kid, k.octets, k.not_after FROM tenancy.issuers i
      LEFT JOIN tenancy.issuer_keys k ON k.issuer = i.issuer ORDER BY i.issuer, k.kid
$f$;

-- Whose proof opens a tenant from now on. In one profile there are no keys of the other, so none of them is worth stealing.
CREATE FUNCTION tenancy.use_profile(p_profile text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_key bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
BEGIN
    IF EXISTS (SELECT FROM tenancy.config c WHERE c.profile = p_profile) THEN RETURN; END IF;
    IF p_profile = 'split-key' AND NOT EXISTS (SELECT FROM tenancy.issuer_keys k WHERE k.not_after > clock_timestamp()) THEN
        RAISE EXCEPTION 'no issuer has a key: nobody could enter' USING ERRCODE = '55000';
    END IF;
    UPDATE tenancy.config SET profile = p_profile;
    DELETE FROM tenancy.enter_keys;
    IF p_profile = 'split-key' THEN
        INSERT INTO tenancy.enter_keys (kid, ipad, opad) VALUES (0, tenancy.hmac_pad(v_key, 54), tenancy.hmac_pad(v_key, 92));
    END IF;
END $f$;

-- For a server that starts: whether this issuer's tokens would be accepted. Keys and audience are no secrets.
CREATE FUNCTION tenancy.issuer_ready(p_issuer text, p_audience text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT EXISTS (SELECT FROM tenancy.issuers i JOIN tenancy.issuer_keys k ON k.issuer = i.issuer
                    WHERE i.issuer = p_issuer AND i.audience = p_audience AND k.not_after > clock_timestamp())
$f$;

REVOKE ALL ON tenancy.issuers, tenancy.issuer_keys, tenancy.break_glass FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.issuer_ready(text, text), tenancy.break_glass_open(uuid, uuid, text, text, int),
    tenancy.break_glass_approve(uuid), tenancy.break_glass_close(uuid), tenancy.break_glass_sessions(),
    tenancy.break_glass_current(uuid), tenancy.break_glass_review(uuid, text) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.set_issuer(text, text, uuid, text[], int, int, boolean), tenancy.remove_issuer(text),
    tenancy.install_issuer_key(text, text, bytea), tenancy.retire_issuer_keys(text, text[], interval), tenancy.issuer_list(),
    tenancy.use_profile(text) TO bearingwall_admin;

RESET ROLE;
