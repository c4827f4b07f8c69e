//! The calls of the database's functions about effects.

use bearingwall_tenancy::statement;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

statement!(pub(crate) Enqueue {
    effect: Uuid => SqlUuid,
    kind: &'static str => Text,
    destination: String => Text,
    aggregate: Option<Uuid> => Nullable<SqlUuid>,
    payload: Vec<u8> => Binary,
    content_mac: Option<Vec<u8>> => Nullable<Binary>,
    key_version: Option<i32> => Nullable<Integer>,
    traceparent: Option<String> => Nullable<Text>,
} "true FROM tenancy.effect_enqueue" -> Bool);
statement!(pub(crate) EnqueueApproved {
    gate: Uuid => SqlUuid,
    digest: Vec<u8> => Binary,
    traceparent: Option<String> => Nullable<Text>,
} "true FROM tenancy.effect_enqueue_approved" -> Bool);
statement!(pub(crate) State { effect: Uuid => SqlUuid } "state FROM tenancy.effect_state" -> Text);
statement!(pub(crate) Begin { effect: Uuid => SqlUuid, lease: Uuid => SqlUuid, idempotency: &'static str => Text }
    "customer_id, kind, destination, aggregate_id, payload, key_version, attempt_no, enqueued_at, request_id, traceparent \
     FROM tenancy.effect_begin"
    -> (SqlUuid, Text, Text, Nullable<SqlUuid>, Binary, Nullable<Integer>, BigInt, Timestamptz, SqlUuid, Nullable<Text>));
statement!(pub(crate) Finish {
    effect: Uuid => SqlUuid,
    lease: Uuid => SqlUuid,
    outcome: &'static str => Text,
    code: Option<String> => Nullable<Text>,
    receipt: Option<String> => Nullable<Text>,
    wait_ms: i32 => Integer,
} "tenancy.effect_finish" -> Text);
statement!(pub(crate) List { before: Option<Uuid> => Nullable<SqlUuid>, limit: i32 => Integer }
    "effect_id, kind, destination, aggregate_id, gate_id, state, attempts, code, enqueued_at, parked_at, deliver_until, behind \
     FROM tenancy.effect_list"
    -> (SqlUuid, Text, Text, Nullable<SqlUuid>, Nullable<SqlUuid>, Text, BigInt, Nullable<Text>, Timestamptz, Timestamptz, Timestamptz, BigInt));
statement!(pub(crate) Settle { effect: Uuid => SqlUuid, how: &'static str => Text, reason: String => Text }
    "true FROM tenancy.effect_settle" -> Bool);
