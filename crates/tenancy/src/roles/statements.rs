//! The calls of the database's functions about roles.

use crate::statement::statement;
use diesel::sql_types::{Array, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use time::OffsetDateTime;
use uuid::Uuid;

statement!(pub(super) Define {
    id: Uuid => SqlUuid,
    name: String => Text,
    permissions: Vec<&'static str> => Array<Text>,
} "true FROM tenancy.role_set_define" -> Bool);
statement!(pub(super) Retire { id: Uuid => SqlUuid } "tenancy.role_set_retire" -> Bool);
statement!(pub(super) Sets {}
    "role_set_id, name, permissions, sha256, defined_by, defined_at, retired_by, retired_at FROM tenancy.role_set_list"
    -> (SqlUuid, Text, Array<Text>, Binary, SqlUuid, Timestamptz, Nullable<SqlUuid>, Nullable<Timestamptz>));
statement!(pub(super) Request {
    change: Uuid => SqlUuid,
    subject: Uuid => SqlUuid,
    role_set: Uuid => SqlUuid,
    ends_at: Option<OffsetDateTime> => Nullable<Timestamptz>,
    reason: String => Text,
    held: Vec<&'static str> => Array<Text>,
} "tenancy.role_change_request" -> Binary);
statement!(pub(super) Decide {
    change: Uuid => SqlUuid,
    sha256: Vec<u8> => Binary,
    approve: bool => Bool,
    assignment: Option<Uuid> => Nullable<SqlUuid>,
    held: Vec<&'static str> => Array<Text>,
} "tenancy.role_change_decide" -> Bool);
statement!(pub(super) Changes {}
    "change_id, subject_id, role_set_id, ends_at, reason, requested_by, requested_at, expires_at, sha256, content, decided_by, decided_at, verdict \
     FROM tenancy.role_change_list"
    -> (SqlUuid, SqlUuid, SqlUuid, Nullable<Timestamptz>, Text, SqlUuid, Timestamptz, Timestamptz, Binary, Text, Nullable<SqlUuid>,
        Nullable<Timestamptz>, Nullable<Text>));
statement!(pub(super) End { id: Uuid => SqlUuid, reason: String => Text } "tenancy.role_assignment_end" -> Bool);
statement!(pub(super) Assignments {}
    "assignment_id, change_id, subject_id, role_set_id, since, ends_at, requested_by, agreed_by, last_used_at, ended_by, ended_at, end_reason \
     FROM tenancy.role_assignment_list"
    -> (SqlUuid, SqlUuid, SqlUuid, SqlUuid, Timestamptz, Nullable<Timestamptz>, SqlUuid, SqlUuid, Nullable<Timestamptz>, Nullable<SqlUuid>,
        Nullable<Timestamptz>, Nullable<Text>));
statement!(pub(super) Resolve { roles: Vec<&'static str> => Array<Text> }
    "assignment_id, permissions, used_lately, ends_at FROM tenancy.role_resolve"
    -> (SqlUuid, Array<Text>, Bool, Nullable<Timestamptz>));
statement!(pub(super) Used { assignments: Vec<Uuid> => Array<SqlUuid> } "tenancy.role_used" -> Bool);
statement!(pub(super) Review {
    after: Option<String> => Nullable<Text>,
    limit: i32 => Integer,
    stale_days: i32 => Integer,
    event_type: &'static str => Text,
} "place, subject_id, role, role_set_id, assignment_id, permissions, since, ends_at, requested_by, agreed_by, last_used_at, last_seen_at, \
   reviewed_by, reviewed_at, stale, orphaned FROM tenancy.access_review"
    -> (Text, SqlUuid, Text, Nullable<SqlUuid>, Nullable<SqlUuid>, Array<Text>, Timestamptz, Nullable<Timestamptz>, Nullable<SqlUuid>,
        Nullable<SqlUuid>, Nullable<Timestamptz>, Nullable<Timestamptz>, Nullable<SqlUuid>, Nullable<Timestamptz>, Bool, Array<Text>));
statement!(pub(super) Judge { id: Uuid => SqlUuid, end_reason: Option<String> => Nullable<Text> } "tenancy.role_assignment_review" -> Bool);
