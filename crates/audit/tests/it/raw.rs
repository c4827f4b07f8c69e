//! Free SQL on the application's own connections: what injected statements can do between two tenant transactions.

use crate::fixture::{DIGESTS, Fixture, RECORDS};
use bearingwall_core::ClientId;
use bearingwall_testkit::database::Login;
use futures_util::TryStreamExt;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Begins every secret of the seeded rows; the last thirteen octets of the person's id follow.
const MARK: &str = "5ec7e7";

/// A step that tries a read and two blind writes.
pub(crate) const LOOK: &str = "LOOK";

/// A table of the PHI class, and how its rows are read, changed and made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    secret: &'static str,
    change: &'static str,
    columns: &'static str,
    values: &'static str,
}

pub(crate) const TABLES: [Table; 3] = [
    Table {
        name: "crm.chart_note_records",
        secret: "payload",
        change: "payload = '\\x00'",
        columns: "note_id, client_id, payload",
        values: "(SELECT n.id FROM crm.chart_notes n WHERE n.client_id = '{bare}'), '{bare}', '\\x00'",
    },
    Table {
        name: DIGESTS,
        secret: "digest",
        change: "kind = kind + 1",
        columns: "kind, digest, client_id",
        values: "1, decode(md5('y'), 'hex'), '{bare}'",
    },
    Table {
        name: RECORDS,
        secret: "payload",
        change: "payload = '\\x00'",
        columns: "client_id, payload",
        values: "'{bare}', '\\x00'",
    },
];

/// Two actors and two requests that nobody used before.
pub(crate) struct Ids {
    pub(crate) subject: Uuid,
    pub(crate) request: Uuid,
    pub(crate) other_subject: Uuid,
    pub(crate) other_request: Uuid,
}

impl Ids {
    pub(crate) fn fresh() -> Self {
        Self {
            subject: Uuid::now_v7(),
            request: Uuid::now_v7(),
            other_subject: Uuid::now_v7(),
            other_request: Uuid::now_v7(),
        }
    }
}

/// What a script came to.
pub(crate) struct Outcome {
    /// All that the attacker was told: cells, copied text, and messages of errors.
    pub(crate) told: String,
    /// The codes of the errors.
    pub(crate) errors: Vec<String>,
    /// Whether a row of the table is not as it was.
    pub(crate) changed: bool,
    /// Whether a row of a person who was not declared is not as it was.
    pub(crate) changed_others: bool,
}

impl Outcome {
    /// Whether anything of a row of the PHI class got through, either way.
    pub(crate) fn got_through(&self) -> bool {
        self.changed || self.told.contains(MARK) || self.told.contains("division by zero")
    }

    pub(crate) fn shows(&self, person: ClientId) -> bool {
        self.told.contains(&mark(person))
    }
}

fn mark(person: ClientId) -> String {
    format!("{MARK}{}", &person.as_uuid().simple().to_string()[6..])
}

/// The fixture with a row of each person in every table of the class, and two connections that enter as they like.
pub(crate) struct Arena {
    pub(crate) fixture: Fixture,
    pub(crate) superuser: Client,
    pub(crate) app: Client,
    second: Client,
    /// A person on the spine with no row in the class.
    pub(crate) bare: ClientId,
}

impl Arena {
    pub(crate) async fn create() -> Self {
        let fixture = Fixture::create().await;
        let superuser = fixture.database.superuser_client().await;
        let arena = Self {
            app: fixture.database.app_client().await,
            second: fixture.database.app_client().await,
            bare: ClientId::from_uuid(Uuid::now_v7()),
            superuser,
            fixture,
        };
        arena.superuser.batch_execute(ENTER_AS).await.unwrap();
        let seeds = ["client", "other", "bare", "foreign"].map(|person| {
            let (tenant, id) = (if person == "foreign" { "{b}" } else { "{a}" }, format!("{{{person}}}"));
            format!(
                "INSERT INTO crm.clients (customer_id, id) VALUES ('{tenant}', '{id}') ON CONFLICT DO NOTHING;
                 INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ('{tenant}', gen_random_uuid(), '{id}');"
            )
        });
        let seeds = arena.fill(&seeds.concat(), &TABLES[0], &Ids::fresh());
        arena.superuser.batch_execute(&seeds).await.unwrap();
        let admin = arena.fixture.database.admin_client().await;
        for table in &TABLES {
            let detours = arena.fill(DETOURS, table, &Ids::fresh());
            admin.batch_execute(&detours).await.unwrap();
        }
        arena.seed().await;
        arena
    }

    /// Puts the rows of the class back as they were in the beginning.
    async fn seed(&self) {
        let seed = format!(
            "DELETE FROM crm.chart_note_records; DELETE FROM crm.client_records; DELETE FROM crm.client_digests;
             CREATE TEMPORARY TABLE IF NOT EXISTS seed AS
                SELECT c.customer_id, c.id, n.id AS note, decode('{MARK}', 'hex') || substr(uuid_send(c.id), 4) AS secret
                  FROM crm.clients c JOIN crm.chart_notes n ON n.client_id = c.id WHERE c.id <> '{}';
             INSERT INTO crm.client_records SELECT customer_id, id, secret FROM seed;
             INSERT INTO crm.client_digests SELECT customer_id, 1, secret, id FROM seed;
             INSERT INTO crm.chart_note_records SELECT customer_id, note, id, secret FROM seed",
            self.bare
        );
        self.superuser.batch_execute(&seed).await.unwrap();
    }

    /// Fills a template; `{declare…}` are the declarations, right and wrong.
    pub(crate) fn fill(&self, template: &str, table: &Table, ids: &Ids) -> String {
        let fixture = &self.fixture;
        let (client, bare) = (format!("'{}'", fixture.client), format!("'{}'", self.bare));
        let all = "SELECT,INSERT,UPDATE,DELETE";
        let elsewhere = TABLES.iter().find(|other| other.name != table.name).unwrap().name;
        let right = declare(table.name, &client, all, "intended", "success");
        let declarations = [
            (
                "{declare}",
                format!("{right}; {}", declare(table.name, &bare, all, "intended", "success")),
            ),
            ("{declare:one}", right),
            (
                "{declare:resource}",
                declare(elsewhere, &client, all, "intended", "success"),
            ),
            (
                "{declare:person}",
                declare(table.name, &bare, all, "intended", "success"),
            ),
            (
                "{declare:nobody}",
                declare(table.name, "NULL", all, "intended", "success"),
            ),
            (
                "{declare:command}",
                declare(table.name, &client, "INSERT", "intended", "success"),
            ),
            (
                "{declare:nothing}",
                declare(table.name, &client, "", "intended", "success"),
            ),
            (
                "{declare:search}",
                declare(table.name, "NULL", "SEARCH", "intended", "success"),
            ),
            (
                "{declare:completed}",
                declare(table.name, &client, all, "completed", "success"),
            ),
            (
                "{declare:denied}",
                declare(table.name, &client, all, "intended", "denied"),
            ),
        ];
        let enter = |tenant, subject, request| format!("SELECT public.enter_as('{tenant}', '{subject}', '{request}')");
        let entries = [
            ("{enter}", enter(fixture.a, ids.subject, ids.request)),
            ("{enter:tenant}", enter(fixture.b, ids.subject, ids.request)),
            ("{enter:actor}", enter(fixture.a, ids.other_subject, ids.request)),
            ("{enter:request}", enter(fixture.a, ids.subject, ids.other_request)),
        ];
        let names = [
            ("{table}", table.name.to_owned()),
            ("{mark:client}", mark(fixture.client)),
            ("{mark:foreign}", mark(fixture.foreign)),
            ("{mark:nobody}", mark(ClientId::from_uuid(ids.other_subject))),
            ("{plain}", table.name.replace('.', "_")),
            ("{secret}", table.secret.to_owned()),
            ("{change}", table.change.to_owned()),
            ("{columns}", table.columns.to_owned()),
            ("{values}", table.values.to_owned()),
            ("{a}", fixture.a.to_string()),
            ("{b}", fixture.b.to_string()),
            ("{client}", fixture.client.to_string()),
            ("{other}", fixture.other.to_string()),
            ("{foreign}", fixture.foreign.to_string()),
            ("{bare}", self.bare.to_string()),
            ("{other_subject}", ids.other_subject.to_string()),
            ("{other_request}", ids.other_request.to_string()),
        ];
        let mut filled = template.to_owned();
        for (name, text) in declarations.iter().chain(&entries).chain(&names) {
            filled = filled.replace(name, text);
        }
        filled
    }

    /// Runs a script step by step, whatever fails, and looks what came of it. `2|` goes ahead of a step of the second
    /// connection.
    pub(crate) async fn run(&self, table: &Table, ids: &Ids, steps: &[&str]) -> Outcome {
        let before = self.rows(table).await;
        let (mut told, mut errors) = (String::new(), Vec::new());
        let look = [
            "SELECT {secret} FROM {table}",
            "UPDATE {table} SET {change}",
            "DELETE FROM {table}",
        ];
        let steps = steps
            .iter()
            .flat_map(|step| if *step == LOOK { look.to_vec() } else { vec![*step] });
        for step in steps {
            let (client, step) = match step.strip_prefix("2|") {
                Some(step) => (&self.second, step),
                None => (&self.app, step),
            };
            match ask(client, &self.fill(step, table, ids)).await {
                Ok(answer) => told.push_str(&answer),
                Err(error) => {
                    let error = error.as_db_error().unwrap();
                    told.push_str(&format!("{} {:?}\n", error.message(), error.detail()));
                    errors.push(error.code().code().to_owned());
                }
            }
        }
        for client in [&self.app, &self.second] {
            client.batch_execute("ROLLBACK").await.unwrap();
            client.batch_execute("DISCARD ALL").await.unwrap();
        }
        let after = self.rows(table).await;
        let changed = before != after;
        if changed {
            self.seed().await;
        }
        Outcome {
            told,
            errors,
            changed,
            changed_others: self.of_others(before) != self.of_others(after),
        }
    }

    async fn rows(&self, table: &Table) -> Vec<(Uuid, String)> {
        let sql = format!("SELECT client_id, t::text FROM {} t ORDER BY 1, 2", table.name);
        let rows = self.superuser.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    fn of_others(&self, mut rows: Vec<(Uuid, String)>) -> Vec<(Uuid, String)> {
        rows.retain(|(person, _)| ![self.fixture.client.as_uuid(), self.bare.as_uuid()].contains(person));
        rows
    }

    pub(crate) async fn client(&self, login: Login) -> Client {
        self.fixture.database.client(login).await.unwrap()
    }
}

fn declare(resource: &str, subject: &str, commands: &str, phase: &str, outcome: &str) -> String {
    format!(
        "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands)
         VALUES (gen_random_uuid(), 'client.read', '{phase}', '{outcome}', {subject}, '{resource}', '{{{commands}}}')"
    )
}

/// Everything that a statement answers, as text.
async fn ask(client: &Client, sql: &str) -> Result<String, tokio_postgres::Error> {
    if sql.starts_with("COPY") {
        let copied: Vec<_> = client.copy_out(sql).await?.try_collect().await?;
        return Ok(String::from_utf8_lossy(&copied.concat()).into_owned());
    }
    let mut told = String::new();
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            for column in 0..row.len() {
                told.push_str(row.get(column).unwrap_or("NULL"));
                told.push('\t');
            }
            told.push('\n');
        }
    }
    Ok(told)
}

/// Enters as the server does, without the server: an attacker has a context, whoever made it.
const ENTER_AS: &str = "
    CREATE FUNCTION public.enter_as(c uuid, s uuid, r uuid) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$
    DECLARE
        k tenancy.enter_keys;
        e bigint := (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 60000;
        n uuid := gen_random_uuid();
    BEGIN
        SELECT * INTO STRICT k FROM tenancy.enter_keys WHERE kid = 1;
        RETURN tenancy.enter(c, s, r, e, n, 1::smallint, '{eu-west-1}', sha256(k.opad || sha256(k.ipad || convert_to('enter.v1', 'UTF8')
            || int2send(1::smallint) || uuid_send(c) || uuid_send(s) || uuid_send(r) || int4send(pg_backend_pid()) || int8send(e)
            || uuid_send(n) || sha256(convert_to('eu-west-1', 'UTF8')))));
    END $f$;
    GRANT EXECUTE ON FUNCTION public.enter_as(uuid, uuid, uuid) TO bearingwall_app;";

/// What the operator's migrations may put beside a table.
const DETOURS: &str = "
    CREATE VIEW crm.{plain}_view AS SELECT * FROM {table};
    CREATE VIEW crm.{plain}_invoker WITH (security_invoker = true) AS SELECT * FROM {table};
    CREATE FUNCTION crm.{plain}_invoked() RETURNS SETOF {table} LANGUAGE sql STABLE AS 'SELECT * FROM {table}';
    CREATE FUNCTION crm.{plain}_defined() RETURNS SETOF {table} LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT * FROM {table}';
    CREATE FUNCTION crm.{plain}_caught(statements text, undone boolean) RETURNS void LANGUAGE plpgsql AS $f$
    BEGIN
        EXECUTE statements;
        IF undone THEN RAISE EXCEPTION 'undone'; END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END $f$;
    CREATE FUNCTION crm.{plain}_raised() RETURNS void LANGUAGE plpgsql AS $f$
    DECLARE
        s text;
    BEGIN
        FOR s IN SELECT {secret}::text FROM {table} LOOP RAISE EXCEPTION '%', s; END LOOP;
    END $f$;
    GRANT SELECT, UPDATE ON crm.{plain}_view TO bearingwall_app;
    GRANT SELECT ON crm.{plain}_invoker TO bearingwall_app;
    GRANT EXECUTE ON FUNCTION crm.{plain}_invoked(), crm.{plain}_defined(), crm.{plain}_caught(text, boolean), crm.{plain}_raised() TO bearingwall_app;";
