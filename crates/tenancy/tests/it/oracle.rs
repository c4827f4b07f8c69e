//! What the planner can be made to tell: no question is ever put to a row of another tenant.

use crate::fixture::{Failure, Fixture, ctx};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

#[derive(QueryableByName, Debug)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[diesel(column_name = "QUERY PLAN")]
    line: String,
}

/// Questions about one row of another tenant, cheaper to the planner than a plain comparison; `{guess}` is right or wrong.
///
/// A leak-proof condition may run ahead of a policy that costs more, and whether the policy was then looked at all can be seen.
const QUESTIONS: &[&str] = &[
    "id = ANY ('{{guess}}'::uuid[])",
    "id >= ANY ('{{guess}}'::uuid[])",
    "id <> ALL ('{{guess}}'::uuid[])",
    "NOT (id = ANY ('{{guess}}'::uuid[]))",
    "id = '{guess}'",
    "customer_id = ANY ('{{guess}}'::uuid[])",
];

async fn plan(pool: &TenantPool, fixture: &Fixture, condition: &str) -> String {
    let lines: Result<Vec<Line>, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            let explain = format!(
                "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1 FROM crm.clients WHERE {condition}"
            );
            Ok(diesel::sql_query(explain).load(tx).await?)
        })
        .await;
    let lines: Vec<String> = lines.unwrap().into_iter().map(|line| line.line).collect();
    lines.join("\n")
}

/// Whether the policy was evaluated at all, made visible by a context that fails when it is looked at.
async fn is_loud(pool: &TenantPool, fixture: &Fixture, condition: &str) -> bool {
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            for sql in [
                "SELECT set_config('app.tenant_seal', repeat('0', 64), true)".to_owned(),
                format!("SELECT 1 FROM crm.clients WHERE {condition}"),
            ] {
                diesel::sql_query(sql).execute(tx).await?;
            }
            Ok(())
        })
        .await;
    outcome.is_err()
}

#[tokio::test]
async fn ten_1_no_condition_runs_ahead_of_the_tenant_check() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let superuser = fixture.database.superuser_client().await;
    let position: String = superuser
        .query_one("SELECT ctid::text FROM crm.clients WHERE id = $1", &[&fixture.client_b])
        .await
        .unwrap()
        .get(0);
    let mut told = Vec::new();
    for question in QUESTIONS {
        let [right, wrong] = [fixture.client_b, uuid::Uuid::max()].map(|guess| {
            let right = if question.starts_with("customer_id") && guess == fixture.client_b {
                fixture.b.as_uuid()
            } else {
                guess
            };
            let asked = question.replace("{guess}", &right.to_string());
            format!("ctid = '{position}' AND {asked}")
        });
        let executed = |plan: String| plan.matches("never executed").count();
        let (yes, no) = (
            executed(plan(&pool, &fixture, &right).await),
            executed(plan(&pool, &fixture, &wrong).await),
        );
        if yes != no {
            told.push(format!("EXPLAIN: {question}"));
        }
        if is_loud(&pool, &fixture, &right).await != is_loud(&pool, &fixture, &wrong).await {
            told.push(format!("error: {question}"));
        }
    }
    assert_eq!(told, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_in_key_order_reads_the_index_and_sorts_nothing() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let page = format!("id > '{}' ORDER BY id LIMIT 10", uuid::Uuid::nil());
    let superuser = fixture.database.superuser_client().await;
    let fill = format!(
        "INSERT INTO crm.clients (customer_id, id) SELECT '{}', gen_random_uuid() FROM generate_series(1, 5000)",
        fixture.b
    );
    superuser.batch_execute(&fill).await.unwrap();
    superuser.batch_execute("ANALYZE crm.clients").await.unwrap();
    let plan = plan(&pool, &fixture, &page).await;
    assert!(plan.contains("Index") && !plan.contains("Sort"), "{plan}");
}

#[tokio::test]
async fn a_read_by_key_uses_the_key_whatever_else_begins_with_the_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let superuser = fixture.database.superuser_client().await;
    // Statistics on no column: what the policy says of the tenant must not make every index look as good as the right one.
    let fill = format!(
        "INSERT INTO crm.clients (customer_id, id) SELECT '{}', gen_random_uuid() FROM generate_series(1, 10000)",
        fixture.a
    );
    superuser.batch_execute(&fill).await.unwrap();
    superuser.batch_execute("ANALYZE crm.clients").await.unwrap();
    let plan = plan(&pool, &fixture, &format!("id = '{}'", fixture.client_a)).await;
    assert!(
        plan.contains("clients_pkey") && !plan.contains("Rows Removed"),
        "{plan}"
    );
}

#[tokio::test]
async fn ten_1_the_planners_estimates_know_no_value_of_another_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(&format!(
            "INSERT INTO crm.clients (customer_id, id) SELECT '{b}', gen_random_uuid() FROM generate_series(1, 3000);
             INSERT INTO audit.events (customer_id, actor_id, request_id, subject_id, event_id, event_type, phase, outcome)
             SELECT '{b}', '{b}', gen_random_uuid(), '{id}', gen_random_uuid(), 'client.read', 'completed', 'success' FROM generate_series(1, 3000);
             ANALYZE",
            b = fixture.b,
            id = fixture.client_b
        ))
        .await
        .unwrap();
    let estimate = async |relation: &str, condition: String| {
        let lines: Result<Vec<Line>, Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                let explain = format!("EXPLAIN SELECT 1 FROM {relation} WHERE {condition}");
                Ok(diesel::sql_query(explain).load(tx).await?)
            })
            .await;
        lines
            .unwrap()
            .into_iter()
            .map(|line| line.line)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (common, absent) = (fixture.b.to_string(), uuid::Uuid::max().to_string());
    let client = fixture.client_b.to_string();
    for (relation, condition, right, wrong) in [
        (
            "crm.clients",
            "id < '{}'",
            "10000000-0000-4000-8000-000000000000",
            "f0000000-0000-4000-8000-000000000000",
        ),
        ("audit.events", "actor_id = '{}'", common.as_str(), absent.as_str()),
        ("audit.events", "subject_id = '{}'", client.as_str(), absent.as_str()),
        (
            "audit.events",
            "request_id < '{}'",
            "10000000-0000-4000-8000-000000000000",
            "f0000000-0000-4000-8000-000000000000",
        ),
    ] {
        let plan = async |value: &str| {
            estimate(relation, condition.replace("{}", value))
                .await
                .replace(value, "?")
        };
        assert_eq!(plan(right).await, plan(wrong).await, "{relation} {condition}");
    }
}
