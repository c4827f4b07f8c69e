//! The calls of the database's functions about gates.

use bearingwall_tenancy::statement;
use diesel::data_types::PgInterval;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Interval, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

statement!(pub(crate) Request {
    gate: Uuid => SqlUuid,
    kind: &'static str => Text,
    destination: String => Text,
    aggregate: Option<Uuid> => Nullable<SqlUuid>,
    payload: Vec<u8> => Binary,
    content_mac: Option<Vec<u8>> => Nullable<Binary>,
    key_version: Option<i32> => Nullable<Integer>,
} "digest, expires_at FROM tenancy.gate_request" -> (Binary, Timestamptz));
statement!(pub(crate) Decide {
    gate: Uuid => SqlUuid,
    approve: bool => Bool,
    seen_digest: Vec<u8> => Binary,
    reason: Option<String> => Nullable<Text>,
} "tenancy.gate_decide" -> Text);
statement!(pub(crate) Cancel { gate: Uuid => SqlUuid } "tenancy.gate_cancel" -> Bool);
statement!(pub(crate) Expire { gate: Uuid => SqlUuid } "tenancy.gate_expire" -> Bool);
statement!(pub(crate) List { before: Option<Uuid> => Nullable<SqlUuid>, limit: i32 => Integer }
    "gate_id, kind, destination, requested_by, requested_kind, principal_id, quorum, approvals, requested_at, expires_at, digest \
     FROM tenancy.gate_list"
    -> (SqlUuid, Text, Text, SqlUuid, Text, Nullable<SqlUuid>, Integer, BigInt, Timestamptz, Timestamptz, Binary));
statement!(pub(crate) Open { gate: Uuid => SqlUuid } "tenancy.gate_open" -> SqlUuid);
statement!(pub(crate) Show { gate: Uuid => SqlUuid, access: Uuid => SqlUuid }
    "gate_id, kind, destination, aggregate_id, payload, key_version, digest, requested_by, requested_kind, principal_id, quorum, approvals, \
     requested_at, expires_at, state, decided_at FROM tenancy.gate_show"
    -> (SqlUuid, Text, Text, Nullable<SqlUuid>, Binary, Nullable<Integer>, Binary, SqlUuid, Text, Nullable<SqlUuid>, Integer, BigInt, Timestamptz,
        Timestamptz, Text, Nullable<Timestamptz>));
statement!(pub(crate) Take { gate: Uuid => SqlUuid, kind: &'static str => Text } "digest FROM tenancy.gate_approved" -> Binary);
statement!(pub(crate) Register {
    subject: Uuid => SqlUuid,
    kind: &'static str => Text,
    principal: Option<Uuid> => Nullable<SqlUuid>,
} "true FROM tenancy.machine_register" -> Bool);
statement!(pub(crate) Tighten { kind: String => Text, quorum: i32 => Integer, within: PgInterval => Interval }
    "true FROM tenancy.gate_policy_set" -> Bool);
statement!(pub(crate) Key {} "version, kek_version, wrapped FROM tenancy.effect_key" -> (Integer, Text, Binary));
statement!(pub(crate) OfferKey { kek_version: String => Text, wrapped: Vec<u8> => Binary } "tenancy.effect_key_offer" -> Bool);
