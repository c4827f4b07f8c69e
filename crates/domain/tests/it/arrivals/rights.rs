//! What the worker and the application may do by SQL of their own, whatever the program says.

use super::*;
use bearingwall_testkit::database::Login;
use tokio_postgres::{Client, NoTls};

async fn login(intake: &Intake, login: Login) -> Client {
    let mut config: tokio_postgres::Config = intake.spas.database.url(login).parse().unwrap();
    config.password(intake.spas.database.password(login).expose());
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The job of the event that waits, leased by a worker who writes its own SQL: what enters its tenant.
async fn leased(intake: &Intake, worker: &Client) -> String {
    intake.later().await;
    let lease =
        "SELECT job::text, lease::text FROM tenancy.job_lease('{webhook.process}', '{us-east-1,eu-west-1}', 60)";
    let row = worker.query_one(lease, &[]).await.unwrap();
    let (job, lease): (String, String) = (row.get(0), row.get(1));
    format!("BEGIN; SELECT tenancy.enter_job('{job}', '{lease}', '{{us-east-1,eu-west-1}}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn con_13_the_worker_writes_what_its_event_is_about_and_nothing_else() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    intake.stripe(&event("evt_0", "customer.created", json!({}))).await;
    intake.settled().await;
    intake.stripe(&paid("evt_1", "pi_1", invoice, 500)).await;
    let (old, new) = (intake.id("evt_0").await, intake.id("evt_1").await);
    let worker = login(&intake, Login::Worker).await;
    let enter = leased(&intake, &worker).await;
    let declare = |event_type: &str, resource: &str, subject: &str| {
        format!("SELECT tenancy.arrival_declare(gen_random_uuid(), '{event_type}', '{resource}', {subject})")
    };
    let subject = format!("'{client}'");
    let payment = |amount: i64| {
        format!(
            "INSERT INTO crm.payments (id, invoice_id, client_id, provider, reference, kind, currency, amount_minor, refunded_minor, occurred_at)
             VALUES ('{new}', '{invoice}', '{client}', 'stripe', 'pi_1', 'payment', 'USD', {amount}, 0, now())"
        )
    };
    for (attack, code) in [
        // Records and notes of clients are none of its business, and neither is what it wrote.
        ("SELECT FROM crm.client_records".to_owned(), "42501"),
        ("SELECT FROM crm.chart_notes".to_owned(), "42501"),
        ("SELECT payload FROM crm.invoice_records".to_owned(), "42501"),
        ("SELECT FROM crm.messages".to_owned(), "42501"),
        ("UPDATE crm.payments SET amount_minor = 1".to_owned(), "42501"),
        ("DELETE FROM crm.payments".to_owned(), "42501"),
        ("UPDATE crm.invoice_records SET state = 'paid'".to_owned(), "42501"),
        ("UPDATE connectors.events SET received_at = now()".to_owned(), "42501"),
        ("DELETE FROM connectors.events".to_owned(), "42501"),
        ("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (gen_random_uuid(), 'a.b', 'intended', 'success')".to_owned(), "42501"),
        // It declares what its handlers do.
        (declare("payment.recorded", "crm.client_records", &subject), "42501"),
        (declare("client.read", "crm.invoice_records", &subject), "42501"),
        (declare("message.received", "crm.client_digests", &subject), "42501"),
        (declare("message.received", "crm.messages", "NULL"), "42501"),
        (declare("message.received", "crm.unmatched_messages", &subject), "42501"),
        ("SELECT tenancy.arrival_ended(gen_random_uuid(), 1)".to_owned(), "42501"),
        // Undeclared, or declared in the same transaction, is not visible and not taken.
        (payment(500), "55000"),
        (format!("{}; {}", declare("payment.recorded", "crm.invoice_records", &subject), payment(500)), "55000"),
        (format!("INSERT INTO crm.messages (id, client_id, direction, channel, provider_id, received_at, payload) VALUES ('{new}', '{client}', 'in', 'sms', 'SM1', now(), '')"), "42501"),
        (format!("INSERT INTO crm.unmatched_messages (id, reason, channel, provider_id, received_at, payload) VALUES ('{new}', 'nobody', 'sms', 'SM1', now(), '')"), "42501"),
        // It settles the event that it has, and takes away no content that may still be asked for.
        (format!("UPDATE connectors.events SET state = 'dead', code = 'x-y' WHERE id = '{old}'"), "55000"),
        (format!("UPDATE connectors.events SET state = 'waiting' WHERE id = '{old}'"), "55000"),
        (format!("UPDATE connectors.events SET sealed = NULL, pruned_at = now() WHERE id = '{old}'"), "55000"),
        (format!("UPDATE connectors.events SET sealed = NULL, pruned_at = now() WHERE id = '{new}'"), "55000"),
        (format!("UPDATE connectors.events SET sealed = '' WHERE id = '{new}'"), "55000"),
    ] {
        let failed = worker.batch_execute(&format!("{enter}; {attack}")).await.unwrap_err();
        assert_eq!(failed.code().map(|code| code.code()), Some(code), "{attack}");
        worker.batch_execute("ROLLBACK").await.unwrap();
    }
    let seen = "SELECT (SELECT count(*) FROM crm.client_digests) + (SELECT count(*) FROM crm.payments) + (SELECT count(currency) FROM crm.invoice_records)";
    worker.batch_execute(&enter).await.unwrap();
    assert_eq!(
        worker.query_one(seen, &[]).await.unwrap().get::<_, i64>(0),
        0,
        "nothing is visible undeclared"
    );
    // Declared and committed, what is written is the invoice's own amount, on an invoice that is not void, and pays no other.
    for resource in ["crm.payments", "crm.invoice_records"] {
        worker
            .batch_execute(&declare("payment.recorded", resource, &subject))
            .await
            .unwrap();
    }
    worker.batch_execute("COMMIT").await.unwrap();
    let wrong = worker
        .batch_execute(&format!("{enter}; {}", payment(499)))
        .await
        .unwrap_err();
    assert_eq!(
        wrong.code().map(|code| code.code()),
        Some("23503"),
        "the amount is a foreign key"
    );
    worker.batch_execute("ROLLBACK").await.unwrap();
    let unpaid = format!("{enter}; UPDATE crm.invoice_records SET payments = 7; COMMIT");
    worker.batch_execute(&unpaid).await.unwrap();
    let stands = "SELECT state || ' ' || payments FROM crm.invoice_records";
    assert_eq!(intake.sql(stands).await, "open 0", "it is counted, not said");
    let paid = format!(
        "{enter}; {}; UPDATE crm.invoice_records SET payments = 7; COMMIT",
        payment(500)
    );
    worker.batch_execute(&paid).await.unwrap();
    assert_eq!(intake.sql(stands).await, "paid 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_13_without_the_job_of_an_event_the_worker_declares_and_settles_nothing() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    intake.stripe(&event("evt_1", "customer.created", json!({}))).await;
    let id = intake.id("evt_1").await;
    // Work of another kind in the same tenant.
    let admin = intake.spas.database.admin_client().await;
    let sql = "SELECT tenancy.keys_enqueue('keys.verify', $1)";
    admin.execute(sql, &[&intake.spas.juniper.as_uuid()]).await.unwrap();
    let worker = login(&intake, Login::Worker).await;
    let lease = "SELECT job::text, lease::text FROM tenancy.job_lease('{keys.verify}', '{us-east-1,eu-west-1}', 60)";
    let row = worker.query_one(lease, &[]).await.unwrap();
    let (job, lease): (String, String) = (row.get(0), row.get(1));
    for attack in [
        format!("UPDATE connectors.events SET state = 'ignored', code = 'x-y' WHERE id = '{id}'"),
        format!("SELECT tenancy.arrival_declare(gen_random_uuid(), 'message.received', 'crm.messages', '{client}')"),
        "SELECT tenancy.arrival_declare(gen_random_uuid(), 'message.received', 'crm.client_digests', NULL)".to_owned(),
    ] {
        let entered =
            format!("BEGIN; SELECT tenancy.enter_job('{job}', '{lease}', '{{us-east-1,eu-west-1}}'); {attack}");
        let failed = worker.batch_execute(&entered).await.unwrap_err();
        assert_eq!(failed.code().map(|code| code.code()), Some("42501"), "{attack}");
        worker.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(intake.settled().await, Verdict::Ignored("no-handler"));
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_the_application_makes_no_payment_no_consent_and_no_paid_invoice() {
    let intake = Intake::open().await;
    let juniper = request(intake.spas.juniper);
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    intake.stripe(&event("evt_1", "customer.created", json!({}))).await;
    intake.settled().await;
    let id = intake.id("evt_1").await;
    for attack in [
        "UPDATE crm.invoice_records SET state = 'paid'".to_owned(),
        "UPDATE crm.invoice_records SET payments = 1".to_owned(),
        format!(
            "INSERT INTO crm.payments (id, invoice_id, client_id, provider, reference, kind, currency, amount_minor, refunded_minor, occurred_at)
             VALUES ('{id}', '{invoice}', '{client}', 'stripe', 'pi_1', 'payment', 'USD', 500, 0, now())"
        ),
        format!("INSERT INTO crm.sms_consents (digest, event_id, state, received_at) VALUES (sha256(''), '{id}', 'opted_in', now())"),
        "DELETE FROM crm.sms_consents".to_owned(),
        format!("INSERT INTO crm.unmatched_messages (id, reason, channel, provider_id, received_at, payload) VALUES ('{id}', 'nobody', 'sms', 'SM1', now(), '')"),
        "UPDATE connectors.events SET state = 'done'".to_owned(),
        "UPDATE connectors.events SET state = 'waiting'".to_owned(),
        "UPDATE connectors.events SET sealed = NULL".to_owned(),
        "SELECT tenancy.arrival_declare(gen_random_uuid(), 'message.received', 'crm.client_digests', NULL)".to_owned(),
        "SELECT tenancy.arrivals_prune_again()".to_owned(),
    ] {
        let access = bearingwall_audit::Access::to(bearingwall_audit::EventType::InvoiceRead, [client]).covering(
            "crm.invoice_records",
            &[bearingwall_audit::Command::Select, bearingwall_audit::Command::Update],
        );
        let statement = attack.clone();
        let failed: Result<(), bearingwall_audit::AuditError> = intake
            .spas
            .audit
            .with_access(&juniper, access, async |tx: &mut bearingwall_audit::PhiTx<'_, '_>| {
                let query = diesel::sql_query(statement);
                diesel_async::RunQueryDsl::execute(query, tx)
                    .await
                    .map(drop)
                    .map_err(bearingwall_audit::AuditError::Unwritten)
            })
            .await;
        assert!(failed.is_err(), "{attack}");
    }
    let stands = "SELECT state || ' ' || payments FROM crm.invoice_records";
    assert_eq!(intake.sql(stands).await, "open 0");
}
