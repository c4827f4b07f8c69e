//! Arbitrary SQL on the application's own connection yields no foreign row and no personal data.

use super::Report;
use super::bench::Bench;
use super::session::{Actor, End, Seen, Session};
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use uuid::Uuid;

/// Attempts of one kind; `{a}` is the tenant to be reached, `{id}` a client of it.
struct Kind {
    tried: &'static str,
    statements: &'static [&'static str],
}

const KINDS: [Kind; 4] = [
    Kind {
        tried: "switching the tenant's variable inside Saltmarsh's transaction",
        statements: &[
            "SELECT set_config('app.current_customer_id', '{a}', true)",
            "SELECT set_config('app.current_customer_id', '{a}', false)",
            "SET LOCAL app.current_customer_id = '{a}'",
            "SET app.current_customer_id = '{a}'",
            "SELECT set_config('app.current_customer_id', '', true)",
            "SELECT set_config('app.current_customer_id', '{a}'' OR true --', true)",
            "SELECT set_config('app.current_request_id', '{a}', true), set_config('app.current_customer_id', '{a}', true)",
        ],
    },
    Kind {
        tried: "forging the seal or the entry",
        statements: &[
            "SELECT set_config('app.current_customer_id', '{a}', true), set_config('app.tenant_seal', repeat('0', 64), true)",
            "SELECT set_config('app.current_customer_id', '{a}', true), set_config('app.tenant_seal', '', true)",
            "SELECT set_config('app.current_customer_id', '{a}', true), set_config('app.tenant_seal', encode(sha256('{a}'::bytea), 'hex'), true)",
            "SELECT set_config('app.tenant_seal', '', true), tenancy.enter('{a}', '{a}', '{a}', 9999999999999, '{a}', 1::smallint, '{us-east-1,eu-west-1}', decode(repeat('00', 32), 'hex'))",
            "SELECT set_config('app.tenant_seal', '', true), tenancy.enter('{a}', '{a}', '{a}', (extract(epoch FROM now()) * 1000)::bigint + 10000, '{a}', 1::smallint, '{us-east-1}', NULL)",
            "SELECT tenancy.seal_context('{a}', '{a}', '{a}')",
            "SELECT tenancy.enter_migration('{a}')",
            "SELECT tenancy.install_enter_key(1::smallint, decode(repeat('00', 32), 'hex'))",
            "SELECT tenancy.renew_seal_key()",
            "SELECT * FROM tenancy.seal_key",
            "SELECT * FROM tenancy.enter_keys",
        ],
    },
    Kind {
        tried: "DROP POLICY, ALTER TABLE, SET ROLE and the like",
        statements: &[
            "DROP POLICY tenant_isolation ON crm.clients",
            "ALTER POLICY tenant_isolation ON crm.clients USING (true)",
            "CREATE POLICY mine ON crm.clients USING (true)",
            "ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY",
            "SET LOCAL row_security = off",
            "SET LOCAL session_replication_role = replica",
            "SET LOCAL ROLE bearingwall_owner",
            "SET LOCAL ROLE bearingwall_admin",
            "SET SESSION AUTHORIZATION bearingwall_admin",
            "ALTER ROLE bearingwall_app BYPASSRLS",
            "GRANT bearingwall_owner TO bearingwall_app",
            "CREATE OR REPLACE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql AS $$ SELECT '{a}'::uuid $$",
            "DROP FUNCTION tenancy.current_customer_id() CASCADE",
            "CREATE TEMP TABLE clients AS SELECT 1",
            "DO $$ BEGIN PERFORM set_config('app.current_customer_id', '{a}', true); END $$",
            "DROP OWNED BY CURRENT_USER",
        ],
    },
    Kind {
        tried: "writing into Juniper from Saltmarsh's transaction",
        statements: &[
            "INSERT INTO crm.clients (customer_id, id) VALUES ('{a}', gen_random_uuid())",
            "UPDATE crm.clients SET customer_id = '{a}'",
            "UPDATE crm.clients SET version = version + 1 WHERE id = '{id}'",
            "DELETE FROM crm.chart_notes WHERE client_id = '{id}'",
            "INSERT INTO crm.clients (customer_id, id) VALUES ('{a}', '{id}') ON CONFLICT (customer_id, id) DO UPDATE SET version = 99",
            "TRUNCATE crm.clients CASCADE",
        ],
    },
];

/// Everything of the other tenant that a row could show.
const FOREIGN: &str = "SELECT count(*)::text AS answer FROM (
    SELECT customer_id FROM crm.clients UNION ALL SELECT customer_id FROM crm.client_keys
    UNION ALL SELECT customer_id FROM crm.tenant_keys UNION ALL SELECT customer_id FROM crm.chart_notes
    UNION ALL SELECT customer_id FROM audit.events) t WHERE t.customer_id = '{a}'";

const DECLARE: &str = "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands)
    VALUES (gen_random_uuid(), 'client.read', 'intended', 'success', '{id}', '{resource}', '{{commands}}')";
const RECORDS: &str = "crm.client_records";
const LOOK: &str = "SELECT count(*)::text AS answer FROM crm.client_records";
const NOTHING: &str = "SELECT NULL::text AS answer";

pub(crate) async fn prove(bench: &Bench<'_>, report: &mut Report<'_>) {
    let session = match Session::open(bench.stage).await {
        Ok(session) => session,
        Err(error) => return report.prove("the application's own login", async { Err(error) }).await,
    };
    let session = &session;
    for kind in &KINDS {
        report.prove(kind.tried, no_foreign_row(bench, session, kind)).await;
    }
    report
        .prove(
            "every table of the CRM without entering a tenant",
            without_a_tenant(bench),
        )
        .await;
    prove_access(bench, session, report).await;
}

/// Personal data is out of sight unless its access was declared and committed before.
async fn prove_access(bench: &Bench<'_>, session: &Session, report: &mut Report<'_>) {
    let tried =
        "reading a client's record after a declared and committed access (so that the next lines prove something)";
    report.prove(tried, declared(bench, session)).await;
    report
        .prove(
            "reading personal data without a declared access",
            undeclared(bench, session),
        )
        .await;
    report
        .prove(
            "declaring an access, rolling back, then reading",
            rolled_back(bench, session),
        )
        .await;
    report
        .prove(
            "declaring and reading in the same transaction",
            same_transaction(bench, session),
        )
        .await;
    report
        .prove("declaring one client and reading all", another_client(bench, session))
        .await;
    report
        .prove(
            "using the declared access of another request, another person, another tenant",
            borrowed(bench, session),
        )
        .await;
    report
        .prove(
            "declaring a read, then changing and deleting",
            read_only(bench, session),
        )
        .await;
    report
        .prove(
            "changing, deleting and adding personal data without a declared access",
            blind_writes(bench, session),
        )
        .await;
    report
        .prove(
            "back-dating or forging the declaration itself",
            forged_events(bench, session),
        )
        .await;
    report
        .prove(
            "the look-up digests without a declared search, then with one",
            digests(bench, session),
        )
        .await;
}

fn filled(text: &str, tenant: CustomerId, client: Uuid) -> String {
    text.replace("{a}", &tenant.to_string())
        .replace("{id}", &client.to_string())
}

fn declare(client: Uuid, resource: &str, commands: &str) -> String {
    let text = DECLARE.replace("{id}", &client.to_string());
    text.replace("{resource}", resource)
        .replace("{{commands}}", &format!("{{{commands}}}"))
}

fn shows(seen: &Seen) -> &str {
    match seen {
        Seen::Refused(_) => "refused",
        Seen::Answer(answer) => answer.as_deref().unwrap_or("nothing"),
    }
}

async fn no_foreign_row(bench: &Bench<'_>, session: &Session, kind: &Kind) -> anyhow::Result<String> {
    let (target, client) = (bench.juniper.id, bench.juniper.any()?.id);
    let probe = filled(FOREIGN, target, client);
    // The same question from inside: if it saw nothing there either, it would prove nothing.
    let inside = session.attempt(Actor::of(target), &[], &probe, End::RollBack).await?;
    anyhow::ensure!(
        matches!(&inside, Seen::Answer(Some(rows)) if rows.as_str() > "0"),
        "the probe sees nothing at all"
    );
    let before = bench.fingerprint().await?;
    let (mut refused, mut empty) = (0, 0);
    for statement in kind.statements {
        let statement = filled(statement, target, client);
        let attacker = Actor::of(bench.saltmarsh.id);
        match session
            .attempt(attacker, std::slice::from_ref(&statement), &probe, End::Commit)
            .await?
        {
            Seen::Refused(why) => {
                // A statement that is merely wrong would pass for a refused one.
                let wrong = ["syntax error", "does not exist", "invalid input"]
                    .iter()
                    .any(|text| why.contains(text));
                anyhow::ensure!(!wrong, "`{statement}` is no attack: {why}");
                refused += 1;
            }
            Seen::Answer(Some(rows)) if rows == "0" => empty += 1,
            Seen::Answer(other) => anyhow::bail!("`{statement}` shows {} foreign rows", other.unwrap_or_default()),
        }
    }
    anyhow::ensure!(bench.fingerprint().await? == before, "stored rows were changed");
    let ways = kind.statements.len();
    Ok(format!(
        "{ways} ways: {refused} refused, {empty} without effect; 0 foreign rows, nothing changed"
    ))
}

async fn without_a_tenant(bench: &Bench<'_>) -> anyhow::Result<String> {
    let app = bench.stage.as_role("app").await?;
    let tables = [
        "clients",
        "client_keys",
        "client_records",
        "client_digests",
        "staff_digests",
        "chart_notes",
        "chart_note_records",
    ];
    for table in tables {
        let code = refusal(app.query(&format!("SELECT * FROM crm.{table}"), &[]).await)?;
        anyhow::ensure!(code == "28000", "crm.{table}: {code}");
    }
    Ok(format!("{} tables: SQLSTATE 28000 each", tables.len()))
}

/// The SQLSTATE of a refusal.
pub(crate) fn refusal<T>(outcome: Result<T, tokio_postgres::Error>) -> anyhow::Result<String> {
    match outcome {
        Ok(_) => anyhow::bail!("it was not refused"),
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned());
            code.with_context(|| format!("it failed without an SQLSTATE: {error}"))
        }
    }
}

async fn declared(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    session
        .attempt(actor, &[declare(client, RECORDS, "SELECT")], NOTHING, End::Commit)
        .await?;
    let seen = session.attempt(actor, &[], LOOK, End::Commit).await?;
    anyhow::ensure!(shows(&seen) == "1", "{}", shows(&seen));
    Ok("1 row".to_owned())
}

/// The record must stay out of sight.
fn nothing(seen: &Seen) -> anyhow::Result<()> {
    anyhow::ensure!(shows(seen) == "0", "{} rows", shows(seen));
    Ok(())
}

async fn undeclared(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let actor = Actor::of(bench.juniper.id);
    for table in [RECORDS, "crm.chart_note_records", "crm.client_digests"] {
        let look = LOOK.replace(RECORDS, table);
        nothing(&session.attempt(actor, &[], &look, End::Commit).await?).context(table)?;
    }
    Ok("0 rows of 3 tables in the client's own tenant".to_owned())
}

async fn rolled_back(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    session
        .attempt(actor, &[declare(client, RECORDS, "SELECT")], NOTHING, End::RollBack)
        .await?;
    nothing(&session.attempt(actor, &[], LOOK, End::Commit).await?)?;
    Ok("0 rows".to_owned())
}

async fn same_transaction(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let client = bench.juniper.any()?.id;
    for end in [End::RollBack, End::Commit] {
        let actor = Actor::of(bench.juniper.id);
        let declaration = [declare(client, RECORDS, "SELECT")];
        nothing(&session.attempt(actor, &declaration, LOOK, end).await?)?;
        let nested = [
            "SAVEPOINT s".to_owned(),
            declare(client, RECORDS, "SELECT"),
            "RELEASE s".to_owned(),
        ];
        nothing(&session.attempt(Actor::of(bench.juniper.id), &nested, LOOK, end).await?)?;
    }
    Ok("0 rows, with and without a savepoint, whether it commits or not".to_owned())
}

async fn another_client(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client, other) = (
        Actor::of(bench.juniper.id),
        bench.juniper.any()?.id,
        bench.juniper.nth(1)?.id,
    );
    session
        .attempt(actor, &[declare(client, RECORDS, "SELECT")], NOTHING, End::Commit)
        .await?;
    let look = "SELECT string_agg(client_id::text, ',') AS answer FROM crm.client_records";
    let seen = session.attempt(actor, &[], look, End::Commit).await?;
    anyhow::ensure!(shows(&seen) == client.to_string(), "{}", shows(&seen));
    let direct = format!("{LOOK} WHERE client_id = '{other}'");
    nothing(&session.attempt(actor, &[], &direct, End::Commit).await?)?;
    let notes = LOOK.replace(RECORDS, "crm.chart_note_records");
    nothing(&session.attempt(actor, &[], &notes, End::Commit).await?)?;
    Ok("the declared client's row and no other, and no row of another table".to_owned())
}

async fn borrowed(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    session
        .attempt(actor, &[declare(client, RECORDS, "SELECT")], NOTHING, End::Commit)
        .await?;
    for thief in [
        Actor {
            request: Uuid::now_v7(),
            ..actor
        },
        Actor {
            subject: Uuid::now_v7(),
            ..actor
        },
        Actor {
            customer: bench.saltmarsh.id,
            ..actor
        },
    ] {
        nothing(&session.attempt(thief, &[], LOOK, End::Commit).await?)?;
    }
    // And a tenant that declares a stranger's client in its own record.
    let stranger = Actor::of(bench.saltmarsh.id);
    session
        .attempt(stranger, &[declare(client, RECORDS, "SELECT")], NOTHING, End::Commit)
        .await?;
    nothing(&session.attempt(stranger, &[], LOOK, End::Commit).await?)?;
    Ok("0 rows each time, also when Saltmarsh declares Juniper's client itself".to_owned())
}

async fn read_only(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    session
        .attempt(actor, &[declare(client, RECORDS, "SELECT")], NOTHING, End::Commit)
        .await?;
    for write in [
        "UPDATE crm.client_records SET payload = payload",
        "DELETE FROM crm.client_records",
    ] {
        let rows = session.touched(actor, write).await?;
        anyhow::ensure!(rows.unwrap_or_default() == 0, "`{write}` touches {rows:?} rows");
    }
    Ok("0 rows touched".to_owned())
}

async fn blind_writes(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let client = bench.juniper.any()?.id;
    let before = bench.fingerprint().await?;
    let mut tried = 0;
    for table in ["crm.client_records", "crm.chart_note_records"] {
        for write in [
            format!("UPDATE {table} SET payload = '\\x00'"),
            format!("UPDATE {table} SET payload = '\\x00' WHERE client_id = '{client}'"),
            format!("DELETE FROM {table}"),
            format!("DELETE FROM {table} WHERE client_id = '{client}'"),
        ] {
            let rows = session.touched(Actor::of(bench.juniper.id), &write).await?;
            anyhow::ensure!(rows.unwrap_or_default() == 0, "`{write}` touches {rows:?} rows");
            tried += 1;
        }
    }
    let insert =
        "INSERT INTO crm.client_digests (kind, digest, client_id) VALUES (1, decode(repeat('00', 16), 'hex'), '{id}')";
    let rows = session
        .touched(
            Actor::of(bench.juniper.id),
            &insert.replace("{id}", &client.to_string()),
        )
        .await?;
    anyhow::ensure!(rows.is_none(), "a digest was added");
    anyhow::ensure!(bench.fingerprint().await? == before, "stored rows were changed");
    Ok(format!("{tried} statements touched 0 rows, the INSERT was refused"))
}

async fn forged_events(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    let forged = declare(client, RECORDS, "SELECT");
    let columns = [
        ("xid", "'3'"),
        ("recorded_at", "now()"),
        ("actor_id", "gen_random_uuid()"),
        ("request_id", "gen_random_uuid()"),
        ("customer_id", "gen_random_uuid()"),
        ("db_role", "'x'"),
    ];
    for (column, value) in columns {
        let forged = forged.replace("commands)", &format!("commands, {column})"));
        let end = forged.rfind(')').context("the statement has no end")?;
        let forged = format!("{}, {value})", forged.get(..end).unwrap_or_default());
        let seen = session.attempt(actor, &[forged], LOOK, End::Commit).await?;
        anyhow::ensure!(
            matches!(&seen, Seen::Refused(why) if why.contains("permission denied")),
            "{column}: {seen:?}"
        );
    }
    Ok(format!("{} columns: permission denied each", columns.len()))
}

async fn digests(bench: &Bench<'_>, session: &Session) -> anyhow::Result<String> {
    let (actor, client) = (Actor::of(bench.juniper.id), bench.juniper.any()?.id);
    let look = "SELECT count(*)::text AS answer FROM crm.client_digests";
    nothing(&session.attempt(actor, &[], look, End::Commit).await?)?;
    let search = declare(client, "crm.client_digests", "SEARCH").replace(&format!("'{client}'"), "NULL");
    nothing(
        &session
            .attempt(actor, std::slice::from_ref(&search), look, End::RollBack)
            .await?,
    )?;
    session.attempt(actor, &[search], NOTHING, End::Commit).await?;
    let seen = session.attempt(actor, &[], look, End::Commit).await?;
    let rows: u64 = shows(&seen).parse().context("the declared search sees nothing")?;
    anyhow::ensure!(rows > 600, "the declared search sees {rows} digests only");
    nothing(&session.attempt(actor, &[], LOOK, End::Commit).await?)?;
    Ok(format!("0 rows, then {rows} digests and still no record"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_names_its_client_resource_and_command() {
        let text = declare(Uuid::nil(), RECORDS, "SELECT");
        assert!(
            text.contains("'00000000-0000-0000-0000-000000000000', 'crm.client_records', '{SELECT}')"),
            "{text}"
        );
    }
}
