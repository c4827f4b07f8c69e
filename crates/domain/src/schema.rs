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
);
