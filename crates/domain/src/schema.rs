//! The tables of the CRM as diesel sees them; the migrations are the truth.

diesel::table! {
    crm.tenant_keys (customer_id, version) {
        customer_id -> Uuid,
        version -> Integer,
        kek -> Nullable<Text>,
        kek_version -> Text,
        wrapped -> Bytea,
        active_from -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    crm.index_keys (customer_id, version) {
        customer_id -> Uuid,
        version -> Integer,
        tenant_version -> Integer,
        wrapped -> Bytea,
    }
}

diesel::table! {
    crm.key_stores (customer_id, since) {
        customer_id -> Uuid,
        since -> Timestamptz,
        kek -> Nullable<Text>,
    }
}

diesel::table! {
    crm.clients (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        external_digest -> Nullable<Bytea>,
        import_digest -> Nullable<Bytea>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    crm.client_keys (customer_id, client_id) {
        customer_id -> Uuid,
        client_id -> Uuid,
        tenant_version -> Integer,
        wrapped -> Bytea,
    }
}

diesel::table! {
    crm.client_records (customer_id, client_id) {
        customer_id -> Uuid,
        client_id -> Uuid,
        payload -> Bytea,
    }
}

diesel::table! {
    crm.client_digests (customer_id, kind, digest, client_id) {
        customer_id -> Uuid,
        kind -> SmallInt,
        digest -> Bytea,
        client_id -> Uuid,
    }
}

diesel::table! {
    crm.chart_notes (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        import_key -> Nullable<Bytea>,
        import_digest -> Nullable<Bytea>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    crm.chart_note_records (customer_id, note_id) {
        customer_id -> Uuid,
        note_id -> Uuid,
        client_id -> Uuid,
        payload -> Bytea,
    }
}

diesel::table! {
    crm.invoices (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        number_digest -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    crm.invoice_records (customer_id, invoice_id) {
        customer_id -> Uuid,
        invoice_id -> Uuid,
        client_id -> Uuid,
        currency -> Text,
        amount_minor -> BigInt,
        state -> Text,
        payments -> Integer,
        refunded_minor -> BigInt,
        version -> BigInt,
        updated_at -> Timestamptz,
        payload -> Bytea,
    }
}

diesel::table! {
    crm.payments (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        client_id -> Uuid,
        provider -> Text,
        reference -> Text,
        kind -> Text,
        currency -> Text,
        amount_minor -> BigInt,
        refunded_minor -> BigInt,
        occurred_at -> Timestamptz,
    }
}

diesel::table! {
    crm.messages (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        direction -> Text,
        channel -> Text,
        provider_id -> Text,
        received_at -> Timestamptz,
        payload -> Bytea,
    }
}

diesel::table! {
    crm.unmatched_messages (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        reason -> Text,
        channel -> Text,
        provider_id -> Text,
        received_at -> Timestamptz,
        payload -> Bytea,
    }
}

diesel::table! {
    crm.sms_consents (customer_id, digest, event_id) {
        customer_id -> Uuid,
        digest -> Bytea,
        event_id -> Uuid,
        state -> Text,
        received_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    tenant_keys,
    index_keys,
    key_stores,
    clients,
    client_keys,
    client_records,
    client_digests,
    chart_notes,
    chart_note_records,
    invoices,
    invoice_records,
    messages,
);
