-- What arrived is worked on once: events of webhooks wait in the queue from the transaction on that took them in, and become
-- payments of invoices and messages on clients' records; what nobody can be found for waits for a person.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

INSERT INTO tenancy.tenant_permissions (permission) VALUES
    ('webhook_event:read'), ('webhook_event:replay'), ('invoice:read'), ('invoice:write'), ('message:read'), ('message:assign');

-- CONTROL: CON-12
-- SECURITY: what arrived stays as it arrived. The worker settles the event whose job it has entered and no other, once; a person
-- puts back what was parked; the content of what was settled may be taken away once no sender tries it again any more.
CREATE FUNCTION tenancy.guard_arrival() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_steps text[] := ARRAY['state', 'kind', 'code', 'settled_at'];
    v_old   jsonb;
    v_new   jsonb := to_jsonb(NEW);
    v_ids   uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'waiting' OR NEW.conflicts <> 0 OR NEW.sealed IS NULL THEN
            RAISE EXCEPTION 'what arrives waits' USING ERRCODE = '55000';
        END IF;
        RETURN NEW;
    END IF;
    v_old := to_jsonb(OLD);
    IF NEW.conflicts <> OLD.conflicts THEN
        IF NEW.conflicts <> OLD.conflicts + 1 OR v_new - 'conflicts' IS DISTINCT FROM v_old - 'conflicts' THEN
            RAISE EXCEPTION 'conflicts are counted one by one' USING ERRCODE = '55000';
        END IF;
    ELSIF NEW.pruned_at IS DISTINCT FROM OLD.pruned_at THEN
        IF session_user <> 'bearingwall_worker' OR OLD.pruned_at IS NOT NULL OR OLD.state NOT IN ('done', 'ignored') OR OLD.settled_at >= clock_timestamp() - interval '4 days'
           OR v_new - ARRAY['sealed', 'pruned_at'] IS DISTINCT FROM v_old - ARRAY['sealed', 'pruned_at'] THEN
            RAISE EXCEPTION 'the content of an event goes some days after it was settled' USING ERRCODE = '55000';
        END IF;
        NEW.pruned_at := clock_timestamp();
    ELSIF v_new - v_steps IS DISTINCT FROM v_old - v_steps THEN
        RAISE EXCEPTION 'what arrived stays as it arrived' USING ERRCODE = '55000';
    ELSIF OLD.state = 'waiting' AND NEW.state <> 'waiting' THEN
        v_ids := tenancy.current_ids();
        IF session_user <> 'bearingwall_worker' OR NOT EXISTS (SELECT FROM tenancy.jobs j WHERE j.customer_id = v_ids[1] AND j.job_id = NEW.id
                AND j.request_id = v_ids[3] AND j.kind = 'webhook.process' AND j.leased_until > clock_timestamp()) THEN
            RAISE EXCEPTION 'an event is settled by the worker that has its job' USING ERRCODE = '42501';
        END IF;
        NEW.settled_at := clock_timestamp();
    ELSIF OLD.state = 'dead' AND NEW.state = 'waiting' THEN
        IF session_user <> 'bearingwall_app' THEN
            RAISE EXCEPTION 'an event is put back by a person' USING ERRCODE = '42501';
        END IF;
        NEW.code := NULL;
        NEW.settled_at := NULL;
    ELSE
        RAISE EXCEPTION 'not a step of an event' USING ERRCODE = '55000';
    END IF;
    RETURN NEW;
END $f$;

-- Looks for content to take away a day from now, if nobody is about to. Two that come in at once are one after the first look.
CREATE FUNCTION tenancy.arrivals_prune_later(p_customer uuid, p_request uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO tenancy.jobs (customer_id, job_id, request_id, kind, available_at)
    SELECT p_customer, gen_random_uuid(), p_request, 'webhook.prune', clock_timestamp() + interval '1 day'
     WHERE NOT EXISTS (SELECT FROM tenancy.jobs j WHERE j.customer_id = p_customer AND j.kind = 'webhook.prune' AND j.leased_until IS NULL)
$f$;

CREATE FUNCTION tenancy.arrivals_prune_again() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    PERFORM tenancy.arrivals_prune_later(v_ids[1], v_ids[3]);
END $f$;

-- CONTROL: CON-12
-- With the event, in its transaction: the job that works on it, and the event of the record. No code has to remember either.
CREATE FUNCTION tenancy.follow_arrival() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_request uuid;
    v_type    text;
    v_code    text := NEW.kind;
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_type := 'webhook.received';
        v_code := NULL;
    ELSIF NEW.conflicts <> OLD.conflicts THEN
        v_type := 'webhook.conflicted';
        v_code := NULL;
    ELSIF NEW.state <> OLD.state THEN
        v_type := CASE NEW.state WHEN 'done' THEN 'webhook.processed' WHEN 'ignored' THEN 'webhook.ignored' WHEN 'dead' THEN 'webhook.parked' ELSE 'webhook.replayed' END;
        v_code := coalesce(NEW.code, NEW.kind);
    END IF;
    IF NEW.state = 'waiting' AND (TG_OP = 'INSERT' OR OLD.state <> 'waiting') THEN
        v_request := (tenancy.current_ids())[3];
        INSERT INTO tenancy.jobs (customer_id, job_id, request_id, kind, available_at) VALUES (NEW.customer_id, NEW.id, v_request, 'webhook.process', clock_timestamp());
        PERFORM tenancy.arrivals_prune_later(NEW.customer_id, v_request);
    END IF;
    IF v_type IS NOT NULL THEN
        PERFORM tenancy.record_access(NEW.customer_id, v_type, v_code, 'connectors.events', NEW.id, NULL, '{}');
    END IF;
    RETURN NULL;
END $f$;

-- How many contents were taken away at once.
CREATE FUNCTION tenancy.record_pruning() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids   uuid[];
    v_count int := (SELECT count(*) FROM after_rows n JOIN before_rows o ON o.customer_id = n.customer_id AND o.id = n.id
                     WHERE n.pruned_at IS NOT NULL AND o.pruned_at IS NULL);
BEGIN
    IF v_count > 0 THEN
        v_ids := tenancy.current_ids();
        INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, resource, result_count)
        VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'webhook.pruned', 'completed', 'success', 'connectors.events', v_count);
    END IF;
    RETURN NULL;
END $f$;

-- CONTROL: CON-13
-- The worker puts on record whose data an event that it works on touches, ahead of it: nothing else is visible to it, or taken from
-- it, and it can declare nothing beside what its handlers do, nor without the job of an event.
CREATE FUNCTION tenancy.arrival_declare(p_access uuid, p_event_type text, p_resource text, p_subject uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids      uuid[] := tenancy.current_ids();
    v_commands text[] := CASE p_event_type || ' ' || p_resource
        WHEN 'payment.recorded crm.invoice_records' THEN ARRAY['SELECT', 'UPDATE']
        WHEN 'payment.recorded crm.payments' THEN ARRAY['SELECT', 'INSERT']
        WHEN 'message.received crm.client_digests' THEN ARRAY['SEARCH']
        WHEN 'message.received crm.messages' THEN ARRAY['INSERT']
        WHEN 'message.received crm.unmatched_messages' THEN ARRAY['INSERT'] END;
BEGIN
    IF v_commands IS NULL OR (p_subject IS NULL) <> (v_commands = ARRAY['SEARCH']) OR p_access IS NULL
       OR NOT EXISTS (SELECT FROM tenancy.jobs j WHERE j.customer_id = v_ids[1] AND j.request_id = v_ids[3] AND j.kind = 'webhook.process'
                      AND j.leased_until > clock_timestamp() AND (p_resource <> 'crm.unmatched_messages' OR j.job_id = p_subject)) THEN
        RAISE EXCEPTION 'not an access of an event''s handler' USING ERRCODE = '42501';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, subject_id, resource, commands)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), p_event_type, 'intended', 'success', p_access, p_subject, p_resource, v_commands);
END $f$;

-- How such an access ended, in the transaction of what it did.
CREATE FUNCTION tenancy.arrival_ended(p_access uuid, p_found int) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, result_count)
    SELECT v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), e.event_type, 'completed', 'success', p_access, p_found
      FROM audit.events e WHERE e.customer_id = v_ids[1] AND e.request_id = v_ids[3] AND e.actor_id = v_ids[2] AND e.access_id = p_access AND e.phase = 'intended'
       AND e.recorded_at > clock_timestamp() - interval '1 hour' LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such access' USING ERRCODE = '42501';
    END IF;
END $f$;

-- CONTROL: DOM-6
-- SECURITY: an invoice is paid because a payment of its own amount and currency is on file, and for no other reason; what was paid
-- is not void, and what is void is not paid.
CREATE FUNCTION tenancy.guard_invoice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_steps text[] := ARRAY['state', 'payments', 'refunded_minor', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' OR NEW.payments <> 0 OR NEW.refunded_minor <> 0 THEN
            RAISE EXCEPTION 'an invoice begins open' USING ERRCODE = '55000';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - v_steps IS DISTINCT FROM to_jsonb(OLD) - v_steps OR OLD.state = 'void' THEN
        RAISE EXCEPTION 'an invoice says what it said' USING ERRCODE = '55000';
    END IF;
    IF session_user = 'bearingwall_worker' THEN
        SELECT count(*) FILTER (WHERE p.kind = 'payment'), coalesce(sum(p.refunded_minor) FILTER (WHERE p.refunded_minor = p.most), 0)
          INTO NEW.payments, NEW.refunded_minor
          FROM (SELECT p.kind, p.refunded_minor, CASE WHEN p.kind = 'refund' THEN max(p.refunded_minor) OVER (PARTITION BY p.provider, p.reference) END AS most
                  FROM crm.payments p WHERE p.customer_id = NEW.customer_id AND p.invoice_id = NEW.invoice_id) p;
        NEW.state := CASE WHEN NEW.payments > 0 THEN 'paid' ELSE 'open' END;
    ELSIF NEW.state <> 'void' OR OLD.state <> 'open' OR OLD.refunded_minor <> 0 OR (NEW.payments, NEW.refunded_minor) IS DISTINCT FROM (OLD.payments, OLD.refunded_minor) THEN
        RAISE EXCEPTION 'an open invoice becomes void; payments make it paid' USING ERRCODE = '55000', DETAIL = 'not-open';
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $f$;

-- A payment that nobody expects any more waits for a person instead.
CREATE FUNCTION tenancy.guard_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF NOT EXISTS (SELECT FROM crm.invoice_records i WHERE i.customer_id = NEW.customer_id AND i.invoice_id = NEW.invoice_id AND i.state <> 'void') THEN
        RAISE EXCEPTION 'a void invoice is not paid' USING ERRCODE = '55000', DETAIL = 'invoice-void';
    END IF;
    RETURN NEW;
END $f$;

-- What becomes of invoices, of payments beyond the first, and of who wants no messages, stands on the record whoever does it.
CREATE FUNCTION tenancy.record_arrived() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_TABLE_NAME = 'sms_consents' THEN
        PERFORM tenancy.record_access(NEW.customer_id, 'sms_consent.changed', NEW.state, 'crm.sms_consents', NEW.event_id, NULL, '{}');
    ELSE
        IF NEW.state <> OLD.state AND NEW.state = 'paid' THEN
            PERFORM tenancy.record_access(NEW.customer_id, 'invoice.paid', NULL, 'crm.invoice_records', NEW.invoice_id, NULL, '{}');
        END IF;
        IF NEW.payments > OLD.payments AND NEW.payments > 1 THEN
            PERFORM tenancy.record_access(NEW.customer_id, 'payment.surplus', NULL, 'crm.invoice_records', NEW.invoice_id, NULL, '{}');
        END IF;
    END IF;
    RETURN NULL;
END $f$;

REVOKE ALL ON FUNCTION tenancy.guard_arrival(), tenancy.arrivals_prune_later(uuid, uuid), tenancy.arrivals_prune_again(), tenancy.follow_arrival(),
    tenancy.record_pruning(), tenancy.arrival_declare(uuid, text, text, uuid), tenancy.arrival_ended(uuid, int), tenancy.guard_invoice(),
    tenancy.guard_payment(), tenancy.record_arrived() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.guard_arrival(), tenancy.follow_arrival(), tenancy.record_pruning(), tenancy.guard_invoice(), tenancy.guard_payment(),
    tenancy.record_arrived() TO bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.arrivals_prune_again(), tenancy.arrival_declare(uuid, text, text, uuid), tenancy.arrival_ended(uuid, int) TO bearingwall_worker;
GRANT USAGE ON SCHEMA audit TO bearingwall_worker;
GRANT EXECUTE ON FUNCTION audit.declared_subjects(text, text), audit.search_declared(text), audit.sweep_declared(text, text) TO bearingwall_worker;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';

-- Where an event stands. Its id and digest stay for as long as the tenant: what is sent again has no effect, however late.
ALTER TABLE connectors.events
    ADD COLUMN state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'ignored', 'dead')),
    ADD COLUMN kind       text CHECK (kind ~ '^[a-z][a-z0-9_.]{1,63}$'),
    ADD COLUMN code       text CHECK (code ~ '^[a-z][a-z0-9-]{1,63}$'),
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN pruned_at  timestamptz,
    ALTER COLUMN sealed DROP NOT NULL,
    ADD CHECK ((state = 'waiting') = (settled_at IS NULL)),
    ADD CHECK ((sealed IS NULL) = (pruned_at IS NOT NULL)),
    ADD CHECK (pruned_at IS NULL OR state IN ('done', 'ignored')),
    ADD CHECK (state NOT IN ('ignored', 'dead') OR code IS NOT NULL);
ALTER TABLE connectors.events ALTER COLUMN state SET STATISTICS 0, ALTER COLUMN kind SET STATISTICS 0, ALTER COLUMN code SET STATISTICS 0,
    ALTER COLUMN settled_at SET STATISTICS 0, ALTER COLUMN pruned_at SET STATISTICS 0;
COMMENT ON COLUMN connectors.events.kind IS 'what the sender calls this sort of event, as far as it was read';
COMMENT ON COLUMN connectors.events.code IS 'why nothing was to be done with it, or why it waits for a person';
COMMENT ON COLUMN connectors.events.pruned_at IS 'when the content was taken away; what it did stays, and so does its id';
CREATE INDEX events_state ON connectors.events (customer_id, state, id);
DROP TRIGGER guarded ON connectors.events;
DROP TRIGGER recorded ON connectors.events;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON connectors.events FOR EACH ROW EXECUTE FUNCTION tenancy.guard_arrival();
CREATE TRIGGER recorded AFTER INSERT OR UPDATE ON connectors.events FOR EACH ROW EXECUTE FUNCTION tenancy.follow_arrival();
CREATE TRIGGER pruned AFTER UPDATE ON connectors.events REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tenancy.record_pruning();
ALTER TABLE connectors.events ENABLE ALWAYS TRIGGER guarded;
ALTER TABLE connectors.events ENABLE ALWAYS TRIGGER recorded;
ALTER TABLE connectors.events ENABLE ALWAYS TRIGGER pruned;
GRANT UPDATE (state) ON connectors.events TO bearingwall_app;

-- Invoices: the spine says that there is one; whose, over what and how it stands are of the PHI class.
CREATE TABLE crm.invoices (
    customer_id   uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id            uuid        NOT NULL,
    client_id     uuid        NOT NULL,
    number_digest bytea       NOT NULL CHECK (octet_length(number_digest) = 32),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, number_digest),
    UNIQUE (customer_id, id, client_id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
COMMENT ON COLUMN crm.invoices.number_digest IS 'keyed digest of the number: one number, one invoice';
CREATE INDEX invoices_client ON crm.invoices (customer_id, client_id, id);
CALL tenancy.protect('crm.invoices');

CREATE TABLE crm.invoice_records (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    invoice_id     uuid        NOT NULL,
    client_id      uuid        NOT NULL,
    currency       text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor   bigint      NOT NULL CHECK (amount_minor BETWEEN 1 AND 999999999999),
    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'void')),
    payments       integer     NOT NULL DEFAULT 0 CHECK (payments >= 0),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    version        bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload        bytea       NOT NULL,
    PRIMARY KEY (customer_id, invoice_id),
    UNIQUE (customer_id, invoice_id, client_id, currency, amount_minor),
    FOREIGN KEY (customer_id, invoice_id, client_id) REFERENCES crm.invoices (customer_id, id, client_id),
    CHECK ((state = 'paid') = (payments > 0))
);
COMMENT ON COLUMN crm.invoice_records.amount_minor IS 'in the smallest unit of the currency, as cents';
COMMENT ON COLUMN crm.invoice_records.payments IS 'how many payments are on file: a second one is somebody''s money';
COMMENT ON COLUMN crm.invoice_records.payload IS 'AES-256-GCM under the key of the client, bound to table, column, tenant and row';
CALL audit.protect_phi('crm.invoice_records', 'client_id');

-- CONTROL: DOM-6
-- Payments and refunds as providers told of them, each once. That the amount and the currency are the invoice's is a foreign key.
CREATE TABLE crm.payments (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id             uuid        NOT NULL,
    invoice_id     uuid        NOT NULL,
    client_id      uuid        NOT NULL,
    provider       text        NOT NULL CHECK (provider IN ('stripe')),
    reference      text        NOT NULL CHECK (reference ~ '^[A-Za-z0-9_]{1,255}$'),
    kind           text        NOT NULL CHECK (kind IN ('payment', 'refund')),
    currency       text        NOT NULL,
    amount_minor   bigint      NOT NULL,
    refunded_minor bigint      NOT NULL CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, provider, reference, kind, refunded_minor),
    FOREIGN KEY (customer_id, id) REFERENCES connectors.events (customer_id, id),
    FOREIGN KEY (customer_id, invoice_id, client_id, currency, amount_minor)
        REFERENCES crm.invoice_records (customer_id, invoice_id, client_id, currency, amount_minor),
    CHECK ((kind = 'payment') = (refunded_minor = 0))
);
COMMENT ON COLUMN crm.payments.id IS 'the id of the event that told of it: one event, one row at the most';
COMMENT ON COLUMN crm.payments.reference IS 'the provider''s id of the payment, which its refunds share';
COMMENT ON COLUMN crm.payments.refunded_minor IS 'how much of the payment was paid back up to then, this time included';
CREATE INDEX payments_invoice ON crm.payments (customer_id, invoice_id);
CALL audit.protect_phi('crm.payments', 'client_id');

-- Messages of clients, and those that nobody could be found for, under the id of the event that brought them.
CREATE TABLE crm.messages (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id          uuid        NOT NULL,
    client_id   uuid        NOT NULL,
    direction   text        NOT NULL CHECK (direction IN ('in', 'out')),
    channel     text        NOT NULL CHECK (channel IN ('sms')),
    provider_id text        NOT NULL CHECK (provider_id ~ '^[A-Za-z0-9]{1,64}$'),
    received_at timestamptz NOT NULL,
    payload     bytea       NOT NULL,
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, channel, provider_id),
    FOREIGN KEY (customer_id, id) REFERENCES connectors.events (customer_id, id),
    FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id)
);
COMMENT ON COLUMN crm.messages.payload IS 'AES-256-GCM under the key of the client, bound to table, column, tenant and row';
CREATE INDEX messages_client ON crm.messages (customer_id, client_id, id);
CALL audit.protect_phi('crm.messages', 'client_id');

CREATE TABLE crm.unmatched_messages (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id          uuid        NOT NULL,
    reason      text        NOT NULL CHECK (reason IN ('nobody', 'several')),
    channel     text        NOT NULL CHECK (channel IN ('sms')),
    provider_id text        NOT NULL CHECK (provider_id ~ '^[A-Za-z0-9]{1,64}$'),
    received_at timestamptz NOT NULL,
    payload     bytea       NOT NULL,
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, channel, provider_id),
    FOREIGN KEY (customer_id, id) REFERENCES connectors.events (customer_id, id)
);
COMMENT ON COLUMN crm.unmatched_messages.payload IS 'AES-256-GCM under a key of the tenant''s, bound to table, column, tenant and row';
CALL audit.protect_phi('crm.unmatched_messages', 'id', true);

-- CONTROL: DOM-8
-- Who wants no more messages, and who does again: the last word of a number counts. The number stands here only as a keyed digest.
CREATE TABLE crm.sms_consents (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    event_id    uuid        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('opted_out', 'opted_in')),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, digest, event_id),
    FOREIGN KEY (customer_id, event_id) REFERENCES connectors.events (customer_id, id)
);
CALL tenancy.protect('crm.sms_consents');

CREATE TRIGGER guard_row BEFORE INSERT OR UPDATE ON crm.invoice_records FOR EACH ROW EXECUTE FUNCTION tenancy.guard_invoice();
ALTER TABLE crm.invoice_records ENABLE ALWAYS TRIGGER guard_row;
CREATE TRIGGER record_row AFTER UPDATE ON crm.invoice_records FOR EACH ROW EXECUTE FUNCTION tenancy.record_arrived();
ALTER TABLE crm.invoice_records ENABLE ALWAYS TRIGGER record_row;
CREATE TRIGGER guard_row BEFORE INSERT ON crm.payments FOR EACH ROW EXECUTE FUNCTION tenancy.guard_payment();
ALTER TABLE crm.payments ENABLE ALWAYS TRIGGER guard_row;
CREATE TRIGGER record_row AFTER INSERT ON crm.sms_consents FOR EACH ROW EXECUTE FUNCTION tenancy.record_arrived();
ALTER TABLE crm.sms_consents ENABLE ALWAYS TRIGGER record_row;

-- SECURITY: the application makes no payment, no message of anybody's and no consent; what is on file stays as it is.
REVOKE UPDATE, DELETE ON crm.invoices, crm.invoice_records FROM bearingwall_app;
GRANT UPDATE (state) ON crm.invoice_records TO bearingwall_app;
REVOKE INSERT, UPDATE, DELETE ON crm.payments, crm.sms_consents FROM bearingwall_app;
REVOKE UPDATE, DELETE ON crm.messages FROM bearingwall_app;
REVOKE INSERT, UPDATE ON crm.unmatched_messages FROM bearingwall_app;

-- CONTROL: CON-13
-- The worker's own rights: what its handlers write, in the tenant of the job that it has entered, under the same row security as
-- everybody's. It sees no client's record and no chart note, and changes nothing that it wrote.
GRANT USAGE ON SCHEMA connectors TO bearingwall_worker;
GRANT SELECT (customer_id, id, connector, kek_version, wrapped) ON connectors.endpoints TO bearingwall_worker;
GRANT SELECT (customer_id, id, endpoint_id, sealed, received_at, state, settled_at, pruned_at), UPDATE (state, kind, code, sealed, pruned_at)
    ON connectors.events TO bearingwall_worker;
GRANT SELECT ON crm.invoices TO bearingwall_worker;
GRANT SELECT (customer_id, invoice_id, client_id, currency, amount_minor, state, payments, refunded_minor, version), UPDATE (payments) ON crm.invoice_records TO bearingwall_worker;
GRANT SELECT, INSERT (id, invoice_id, client_id, provider, reference, kind, currency, amount_minor, refunded_minor, occurred_at) ON crm.payments TO bearingwall_worker;
GRANT SELECT ON crm.client_digests TO bearingwall_worker;
GRANT INSERT (id, client_id, direction, channel, provider_id, received_at, payload) ON crm.messages TO bearingwall_worker;
GRANT INSERT (id, reason, channel, provider_id, received_at, payload) ON crm.unmatched_messages TO bearingwall_worker;
GRANT INSERT (digest, event_id, state, received_at) ON crm.sms_consents TO bearingwall_worker;
