//! Accesses of an actor to oneself or one's namesakes, found by comparing keyed digests in the database.

use crate::error::AuditError;
use crate::examination::{Conditions, Look};
use crate::reports::activity::{ActivityQuery, ActorActivity, count, touching};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use std::collections::HashMap;
use uuid::Uuid;

/// Where the digests of names stand that staff and clients are compared by. Both tables hold a tenant's rows, and equal
/// kind and digest mean equal names.
#[derive(Clone, Copy, Debug)]
pub struct Kinship {
    /// A table with the columns `subject_id uuid`, `kind smallint` and `digest bytea`, keyed in this order.
    pub staff: &'static str,
    /// A table with the columns `kind`, `digest` and `client_id uuid`, keyed in this order, that a search on record opens
    /// (`audit.protect_phi` with `true`).
    pub clients: &'static str,
    /// Kinds by which a client is the actor.
    pub same_person: &'static [i16],
    /// Kinds by which a client who is not the actor is a namesake.
    pub same_family: &'static [i16],
}

/// Accesses to clients who are, by their names, somebody whom the actor should have left to a colleague.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kin {
    /// Accesses to clients who are likely the actor.
    pub self_accesses: u64,
    /// Accesses to other clients of the actor's family name.
    pub namesake_accesses: u64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    actor_id: Uuid,
    #[diesel(sql_type = BigInt)]
    self_accesses: i64,
    #[diesel(sql_type = BigInt)]
    namesake_accesses: i64,
}

/// Says of every actor whose names are known how many accesses were to oneself or namesakes.
///
/// The work is bounded by the period, and not by how common a name is: it begins with who was accessed by whom, looks each
/// pair up by the whole key of the digests, and goes back to the events of the few pairs that are left.
// CONTROL: DOM-4
pub(super) async fn compare(
    tx: &mut Look<'_, '_>,
    query: ActivityQuery,
    kinship: Kinship,
    actors: &mut [ActorActivity],
) -> Result<(), AuditError> {
    let ids: Vec<Uuid> = actors.iter().map(|activity| activity.actor.as_uuid()).collect();
    let kinds = [kinship.same_person, kinship.same_family].concat();
    let rows: Vec<Row> = Conditions::begin(&format!(
        "SELECT known.subject_id AS actor_id, coalesce(counted.own, 0) AS self_accesses, \
                coalesce(counted.family, 0) AS namesake_accesses \
           FROM (SELECT DISTINCT s.subject_id FROM {} s WHERE s.subject_id = ANY (",
        kinship.staff
    ))
    .then::<Array<SqlUuid>, _>("", ids.clone())
    .sql(
        ")) known LEFT JOIN (SELECT kin.actor_id, count(DISTINCT access.id) FILTER (WHERE kin.own) AS own, \
                                    count(DISTINCT access.id) FILTER (WHERE NOT kin.own) AS family \
                               FROM (SELECT pair.actor_id, pair.subject_id, bool_or(s.kind = ANY (",
    )
    .then::<Array<SmallInt>, _>("", kinship.same_person.to_vec())
    .sql(")) AS own FROM (SELECT DISTINCT e.actor_id, e.subject_id FROM audit.events e WHERE e.subject_id IS NOT NULL")
    .then::<Timestamptz, _>(" AND e.recorded_at >= ", query.from)
    .then::<Timestamptz, _>(" AND e.recorded_at < ", query.to)
    .then::<Array<Text>, _>(" AND e.event_type = ANY (", touching())
    .then::<Array<SqlUuid>, _>(") AND e.actor_id = ANY (", ids)
    .sql(&format!(")) pair JOIN {} s ON s.subject_id = pair.actor_id", kinship.staff))
    .then::<Array<SmallInt>, _>(" AND s.kind = ANY (", kinds)
    // LIMIT keeps it a look-up by the whole key: a join may be planned as a scan of every digest of the tenant.
    .sql(&format!(
        ") CROSS JOIN LATERAL (SELECT FROM {} c WHERE c.kind = s.kind AND c.digest = s.digest \
                                  AND c.client_id = pair.subject_id LIMIT 1) shared \
         GROUP BY pair.actor_id, pair.subject_id) kin \
         CROSS JOIN LATERAL (SELECT coalesce(e.access_id, e.event_id) AS id FROM audit.events e \
                              WHERE e.subject_id = kin.subject_id AND e.actor_id = kin.actor_id",
        kinship.clients
    ))
    .then::<Timestamptz, _>(" AND e.recorded_at >= ", query.from)
    .then::<Timestamptz, _>(" AND e.recorded_at < ", query.to)
    .then::<Array<Text>, _>(" AND e.event_type = ANY (", touching())
    .sql(")) access GROUP BY kin.actor_id) counted ON counted.actor_id = known.subject_id")
    .rows(tx)
    .await?;
    let mut found: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.actor_id, row)).collect();
    for activity in actors {
        if let Some(row) = found.remove(&activity.actor.as_uuid()) {
            activity.kin = Some(Kin {
                self_accesses: count(row.self_accesses)?,
                namesake_accesses: count(row.namesake_accesses)?,
            });
        }
    }
    Ok(())
}
