//! The gate's own conditions: an event that is wrong in one respect opens nothing, and a gate that lacks one condition is found.

use crate::raw::{Arena, Ids, TABLES, Table};
use bearingwall_testkit::database::Login;
use tokio_postgres::Client;
use uuid::Uuid;

const OPERATOR: &str = "00000000-0000-8000-8000-000000000002";

/// One of the three functions that the policies ask.
struct Gate {
    function: &'static str,
    table: Table,
    /// Commands of an event that opens it for reading, and such that open something else.
    commands: &'static str,
    other_commands: &'static [&'static str],
    operator: bool,
}

const GATES: [Gate; 5] = [
    Gate {
        function: "declared_subjects",
        table: TABLES[0],
        commands: "SELECT",
        other_commands: &["INSERT,UPDATE,DELETE", "SEARCH", ""],
        operator: false,
    },
    Gate {
        function: "declared_subjects",
        table: TABLES[1],
        commands: "SELECT",
        other_commands: &["INSERT,UPDATE,DELETE", ""],
        operator: false,
    },
    Gate {
        function: "declared_subjects",
        table: TABLES[2],
        commands: "SELECT",
        other_commands: &["INSERT,UPDATE,DELETE", "SEARCH", ""],
        operator: false,
    },
    Gate {
        function: "search_declared",
        table: TABLES[1],
        commands: "SEARCH",
        other_commands: &["INSERT,UPDATE,DELETE", ""],
        operator: false,
    },
    Gate {
        function: "sweep_declared",
        table: TABLES[2],
        commands: "SELECT,SWEEP",
        other_commands: &["SELECT", "UPDATE,SWEEP", "SEARCH", ""],
        operator: true,
    },
];

/// The columns of an event that opens a gate, each of which a deviation replaces.
struct Event(Vec<(&'static str, String)>);

impl Event {
    fn right(arena: &Arena, gate: &Gate, ids: &Ids) -> Self {
        let person = if gate.function == "declared_subjects" {
            format!("'{}'", arena.fixture.client)
        } else {
            "NULL".to_owned()
        };
        Self(vec![
            ("customer_id", format!("'{}'", arena.fixture.a)),
            ("actor_id", format!("'{}'", ids.subject)),
            ("request_id", format!("'{}'", ids.request)),
            ("recorded_at", "clock_timestamp()".to_owned()),
            ("wal_lsn", "'0/1'".to_owned()),
            ("xid", "pg_current_xact_id()".to_owned()),
            (
                "db_role",
                if gate.operator {
                    "'bearingwall_admin'"
                } else {
                    "'bearingwall_app'"
                }
                .to_owned(),
            ),
            ("event_id", "gen_random_uuid()".to_owned()),
            ("event_type", "'client.read'".to_owned()),
            ("phase", "'intended'".to_owned()),
            ("outcome", "'success'".to_owned()),
            ("subject_id", person),
            ("resource", format!("'{}'", gate.table.name)),
            ("commands", format!("'{{{}}}'", gate.commands)),
        ])
    }

    fn but(mut self, column: &str, value: &str) -> Self {
        self.0.iter_mut().find(|(name, _)| *name == column).unwrap().1 = value.to_owned();
        self
    }

    fn insert(&self) -> String {
        let (columns, values): (Vec<_>, Vec<_>) = self.0.iter().map(|(name, value)| (*name, value.as_str())).unzip();
        format!(
            "INSERT INTO audit.events ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        )
    }
}

/// What can be wrong, one thing at a time. `{xid}` is the reading transaction's own.
fn deviations(arena: &Arena, gate: &Gate, ids: &Ids) -> Vec<(&'static str, String)> {
    let elsewhere = TABLES.iter().find(|table| table.name != gate.table.name).unwrap();
    let mut all = vec![
        ("customer_id", format!("'{}'", arena.fixture.b)),
        ("actor_id", format!("'{}'", ids.other_subject)),
        ("request_id", format!("'{}'", ids.other_request)),
        ("recorded_at", "clock_timestamp() - interval '31 seconds'".to_owned()),
        ("recorded_at", "clock_timestamp() + interval '40 seconds'".to_owned()),
        ("wal_lsn", "'FFFFFFFF/0'".to_owned()),
        ("xid", "'{xid}'".to_owned()),
        ("phase", "'completed'".to_owned()),
        ("phase", "'failed'".to_owned()),
        ("phase", "'timed_out'".to_owned()),
        ("outcome", "'denied'".to_owned()),
        ("outcome", "'failure'".to_owned()),
        ("outcome", "'unknown'".to_owned()),
        ("resource", format!("'{}'", elsewhere.name)),
        ("resource", "NULL".to_owned()),
    ];
    all.extend(
        gate.other_commands
            .iter()
            .map(|commands| ("commands", format!("'{{{commands}}}'"))),
    );
    match gate.function {
        "declared_subjects" => all.extend([
            ("subject_id", format!("'{}'", arena.bare)),
            ("subject_id", format!("'{}'", arena.fixture.foreign)),
            ("subject_id", "NULL".to_owned()),
        ]),
        "sweep_declared" => all.push(("db_role", "'bearingwall_app'".to_owned())),
        _ => {}
    }
    all
}

/// Whether anything shows to a transaction that is under way when the event appears, committed by another.
async fn shows(arena: &Arena, reader: &Client, gate: &Gate, ids: &Ids, event: Event, writes: bool) -> bool {
    let enter = if gate.operator {
        format!(
            "SELECT tenancy.enter_migration('{}', '{}')",
            arena.fixture.a, ids.request
        )
    } else {
        arena.fill("{enter}", &gate.table, ids)
    };
    reader.batch_execute(&format!("BEGIN; {enter}")).await.unwrap();
    let xid = if writes {
        "SELECT pg_current_xact_id()::text"
    } else {
        "SELECT '0'"
    };
    let xid: String = reader.query_one(xid, &[]).await.unwrap().get(0);
    arena
        .superuser
        .batch_execute(&event.insert().replace("{xid}", &xid))
        .await
        .unwrap();
    let rows = reader
        .query(&format!("SELECT FROM {}", gate.table.name), &[])
        .await
        .unwrap();
    reader.batch_execute("ROLLBACK").await.unwrap();
    !rows.is_empty()
}

fn ids(gate: &Gate) -> Ids {
    let mut ids = Ids::fresh();
    if gate.operator {
        ids.subject = OPERATOR.parse().unwrap();
    }
    ids
}

/// What a gate lets through that it must not, or keeps out that it must let through.
async fn faults(arena: &Arena, readers: &[Client; 2], gate: &Gate, all: bool) -> Vec<String> {
    let reader = &readers[usize::from(gate.operator)];
    let mut faults = Vec::new();
    for writes in [false, true] {
        let ids = ids(gate);
        let right = Event::right(arena, gate, &ids);
        if !shows(arena, reader, gate, &ids, right, writes).await {
            faults.push(format!(
                "{} {}: a right event shows nothing, writes {writes}",
                gate.function, gate.table.name
            ));
        }
    }
    for number in 0..deviations(arena, gate, &Ids::fresh()).len() {
        if !all && !faults.is_empty() {
            break;
        }
        let ids = ids(gate);
        let (column, value) = deviations(arena, gate, &ids).remove(number);
        let event = Event::right(arena, gate, &ids).but(column, &value);
        if shows(arena, reader, gate, &ids, event, true).await {
            faults.push(format!("{} {}: {column} {value}", gate.function, gate.table.name));
        }
    }
    faults
}

/// The operator's events can be told apart from the application's by the gate alone once the table's constraint is gone.
async fn prepare(arena: &Arena) -> [Client; 2] {
    let unguard = "SET bearingwall.audit_ddl = on; ALTER TABLE audit.events DROP CONSTRAINT sweeps_are_the_operators";
    arena.superuser.batch_execute(unguard).await.unwrap();
    [arena.client(Login::App).await, arena.client(Login::Admin).await]
}

/// The conditions between WHERE and the end of the query over the record, as they stand in the function.
fn conditions(definition: &str) -> Vec<String> {
    let start = definition.find("WHERE e.").unwrap() + "WHERE ".len();
    let end = start + definition[start..].find(';').unwrap();
    let mut query = definition[start..end].trim();
    if query.matches(')').count() > query.matches('(').count() {
        query = query.strip_suffix(')').unwrap();
    }
    let all: Vec<String> = query
        .split("AND ")
        .map(|condition| condition.trim().to_owned())
        .collect();
    assert!(
        all.iter()
            .all(|condition| condition.matches('(').count() == condition.matches(')').count()),
        "{all:?}"
    );
    all
}

#[tokio::test]
async fn aud_1_an_event_that_is_wrong_in_one_respect_opens_no_gate() {
    let arena = Arena::create().await;
    let readers = prepare(&arena).await;
    for gate in &GATES {
        assert_eq!(faults(&arena, &readers, gate, true).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn aud_1_a_gate_without_any_one_of_its_conditions_is_found() {
    let arena = Arena::create().await;
    let readers = prepare(&arena).await;
    let mut survivors = Vec::new();
    let mut count = 0;
    for function in ["declared_subjects", "search_declared", "sweep_declared"] {
        let sql = "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'audit'::regnamespace AND p.proname = $1";
        let original: String = arena.superuser.query_one(sql, &[&function]).await.unwrap().get(0);
        let dropped = conditions(&original).into_iter().map(|condition| (condition, "true"));
        let replaced = [
            (
                "e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()",
                "e.xid <> pg_current_xact_id_if_assigned()",
            ),
            ("e.wal_lsn < v_flushed", "e.wal_lsn > v_flushed"),
            ("v_now + v_ttl", "v_now + 2 * v_ttl"),
            ("v_now - v_ttl", "v_now - 2 * v_ttl"),
            (
                "e.customer_id = v_ids[1]",
                "e.customer_id = tenancy.claimed_customer_id() OR true",
            ),
        ];
        let mutations: Vec<(String, &str)> = dropped
            .chain(replaced.map(|(from, to)| (from.to_owned(), to)))
            .collect();
        for (from, to) in mutations {
            let mutant = original.replacen(&from, to, 1);
            assert_ne!(mutant, original, "{function}: {from}");
            arena.superuser.batch_execute(&mutant).await.unwrap();
            let mut found = Vec::new();
            for gate in GATES.iter().filter(|gate| gate.function == function) {
                if found.is_empty() {
                    found = faults(&arena, &readers, gate, false).await;
                }
            }
            count += 1;
            if found.is_empty() {
                survivors.push(format!("{function}: {from} -> {to}"));
            }
        }
        arena.superuser.batch_execute(&original).await.unwrap();
    }
    assert!(count >= 40, "{count}");
    // NULL is no member of any array of subjects, and hides the row as `false` does: the condition keeps the array short.
    assert_eq!(survivors, ["declared_subjects: e.subject_id IS NOT NULL -> true"]);
}

#[tokio::test]
async fn aud_1_what_is_not_on_the_disk_opens_nothing_until_it_is() {
    let arena = Arena::create().await;
    let readers = prepare(&arena).await;
    for gate in &GATES {
        let (ids, reader) = (ids(gate), &readers[usize::from(gate.operator)]);
        let sql = "SELECT (pg_current_wal_insert_lsn() + 100000)::text";
        let ahead: String = arena.superuser.query_one(sql, &[]).await.unwrap().get(0);
        let event = Event::right(&arena, gate, &ids).but("wal_lsn", &format!("'{ahead}'"));
        let early = shows(&arena, reader, gate, &ids, event, false).await;
        // Others write to the same log: seen is only what is on the disk.
        let flushed = format!("SELECT '{ahead}' < pg_current_wal_flush_lsn()");
        let flushed: bool = arena.superuser.query_one(&flushed, &[]).await.unwrap().get(0);
        assert!(!early || flushed, "{} {}", gate.function, gate.table.name);
        let pass = "SELECT pg_logical_emit_message(true, 'filling', repeat('x', 200000))";
        arena.superuser.batch_execute(pass).await.unwrap();
        let unrelated = Event::right(&arena, gate, &ids).but("request_id", &format!("'{}'", Uuid::now_v7()));
        assert!(
            shows(&arena, reader, gate, &ids, unrelated, false).await,
            "{} {}",
            gate.function,
            gate.table.name
        );
    }
}

#[tokio::test]
async fn aud_1_an_asynchronous_declaration_opens_nothing_before_its_row_is_on_the_disk() {
    let arena = Arena::create().await;
    let app = arena.client(Login::App).await;
    let mut early = 0;
    // Every commit of another test brings the log to the disk, and this row with it: it is tried until it was early enough.
    for _ in 0..1_000 {
        let ids = Ids::fresh();
        let fill = |sql| arena.fill(sql, &TABLES[2], &ids);
        app.batch_execute(&fill(
            "SET synchronous_commit = off; BEGIN; {enter}; {declare:one}; COMMIT; BEGIN; {enter}",
        ))
        .await
        .unwrap();
        let sql = "SELECT (SELECT count(*) FROM crm.client_records) > 0, e.wal_lsn < pg_current_wal_flush_lsn() FROM audit.events e
            WHERE e.request_id = tenancy.current_request_id()";
        let row = app.query_one(sql, &[]).await.unwrap();
        let (seen, flushed): (bool, bool) = (row.get(0), row.get(1));
        assert!(!seen || flushed, "seen before it was on the disk");
        early += usize::from(!seen);
        app.batch_execute("COMMIT").await.unwrap();
        // The control: sooner or later it is there.
        let mut shown = seen;
        while !shown {
            app.batch_execute(&fill("BEGIN; {enter}")).await.unwrap();
            shown = app
                .query_one("SELECT count(*) > 0 FROM crm.client_records", &[])
                .await
                .unwrap()
                .get(0);
            app.batch_execute("COMMIT; SELECT pg_sleep(0.02)").await.unwrap();
        }
        if early >= 3 {
            break;
        }
    }
    assert!(
        early > 0,
        "no declaration was looked at before it was on the disk: nothing was tried"
    );
}
