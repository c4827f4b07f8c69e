//! Write-ahead access under attack: every way to touch a row, and every way to have declared it not quite.

use crate::raw::{Arena, Ids, LOOK, TABLES};

/// Ways to read, inside of a transaction.
const READS: &[(&str, &[&str])] = &[
    ("SELECT", &["SELECT {secret} FROM {table}"]),
    ("TABLE", &["TABLE {table}"]),
    ("by key", &["SELECT {secret} FROM {table} WHERE client_id = '{client}'"]),
    ("beside the spine", &["SELECT r.{secret} FROM crm.clients c JOIN {table} r ON r.client_id = c.id"]),
    ("COPY of a table", &["COPY {table} TO STDOUT"]),
    ("COPY of a query", &["COPY (SELECT {secret} FROM {table}) TO STDOUT"]),
    ("the operator's view", &["SELECT {secret} FROM crm.{plain}_view"]),
    ("a view for the invoker", &["SELECT {secret} FROM crm.{plain}_invoker"]),
    ("the operator's function", &["SELECT {secret} FROM crm.{plain}_invoked()"]),
    ("a function with the operator's rights", &["SELECT {secret} FROM crm.{plain}_defined()"]),
    ("a cursor", &["DECLARE c CURSOR FOR SELECT {secret} FROM {table}", "FETCH ALL FROM c"]),
    (
        "a cursor held over the commit",
        &["DECLARE c CURSOR WITH HOLD FOR SELECT {secret} FROM {table}", "COMMIT", "FETCH ALL FROM c"],
    ),
    ("a prepared statement", &["PREPARE p AS SELECT {secret} FROM {table}", "EXECUTE p"]),
    ("FOR UPDATE", &["SELECT {secret} FROM {table} FOR UPDATE"]),
    ("FOR KEY SHARE", &["SELECT {secret} FROM {table} FOR KEY SHARE"]),
    ("a query in a string", &["SELECT query_to_xml('SELECT {secret}::text FROM {table}', true, false, '')"]),
    ("an error's text", &["SELECT encode({secret}, 'hex')::int FROM {table}"]),
    ("an error as the answer", &["SELECT 1 / (get_byte({secret}, 0) - 94) FROM {table}"]),
    (
        "an exception",
        &["SELECT crm.{plain}_raised()"],
    ),
    (
        "INSERT from the table",
        &["INSERT INTO crm.clients (id, import_digest) SELECT gen_random_uuid(), decode(rpad(encode({secret}, 'hex'), 64, '0'), 'hex')
           FROM {table} RETURNING import_digest"],
    ),
    (
        "a subquery in SET",
        &["UPDATE crm.clients SET import_digest = (SELECT decode(rpad(encode({secret}, 'hex'), 64, '0'), 'hex') FROM {table} LIMIT 1)
           WHERE id = '{bare}' RETURNING import_digest"],
    ),
    (
        "a subquery in RETURNING",
        &["UPDATE crm.clients SET version = version RETURNING (SELECT string_agg({secret}::text, ',') FROM {table})"],
    ),
    (
        "MERGE from the table",
        &[
            "MERGE INTO crm.clients c USING {table} r ON c.id = r.client_id
             WHEN MATCHED THEN UPDATE SET import_digest = decode(rpad(encode(r.{secret}, 'hex'), 64, '0'), 'hex')",
            "SELECT import_digest FROM crm.clients",
        ],
    ),
    ("RETURNING of a write", &["UPDATE {table} SET client_id = client_id RETURNING {secret}"]),
];

/// Ways to write. Without WHERE and RETURNING no SELECT policy applies.
const WRITES: &[(&str, &[&str])] = &[
    ("a blind UPDATE", &["UPDATE {table} SET {change}"]),
    ("a blind DELETE", &["DELETE FROM {table}"]),
    (
        "UPDATE by key",
        &["UPDATE {table} SET {change} WHERE client_id = '{client}'"],
    ),
    ("DELETE by key", &["DELETE FROM {table} WHERE client_id = '{client}'"]),
    (
        "DELETE beside the spine",
        &["DELETE FROM {table} r USING crm.clients c WHERE r.client_id = c.id"],
    ),
    (
        "DELETE in a common table",
        &["WITH x AS (DELETE FROM {table}) SELECT 1"],
    ),
    (
        "UPDATE through the operator's view",
        &["UPDATE crm.{plain}_view SET {change}"],
    ),
    (
        "MERGE into the table",
        &["MERGE INTO {table} r USING crm.clients c ON r.client_id = c.id WHEN MATCHED THEN DELETE"],
    ),
    ("INSERT", &["INSERT INTO {table} ({columns}) SELECT {values}"]),
    (
        "a cursor's row",
        &[
            "DECLARE c CURSOR FOR SELECT FROM {table} FOR UPDATE",
            "FETCH c",
            "DELETE FROM {table} WHERE CURRENT OF c",
        ],
    ),
];

/// Ways to have declared, but not this, not so, or not yet. What is looked at last must not be there.
const MISSES: &[(&str, &[&str])] = &[
    ("nothing", &["BEGIN; {enter}", LOOK, "COMMIT"]),
    (
        "in the same transaction",
        &["BEGIN; {enter}", "{declare}", LOOK, "COMMIT"],
    ),
    (
        "in a subtransaction",
        &[
            "BEGIN; {enter}",
            "SAVEPOINT s",
            "{declare}",
            "RELEASE s",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "in an open subtransaction",
        &["BEGIN; {enter}", "SAVEPOINT s", "{declare}", LOOK, "COMMIT"],
    ),
    (
        "looked at in a subtransaction",
        &["BEGIN; {enter}", "{declare}", "SAVEPOINT s", LOOK, "ROLLBACK"],
    ),
    (
        "in a subtransaction that was undone",
        &[
            "BEGIN; {enter}",
            "SAVEPOINT s",
            "{declare}",
            "ROLLBACK TO s",
            LOOK,
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "in a block with a handler",
        &[
            "BEGIN; {enter}",
            "SELECT crm.{plain}_caught($s${declare}$s$, false)",
            LOOK,
            "ROLLBACK",
        ],
    ),
    (
        "in a block that was undone",
        &[
            "BEGIN; {enter}",
            "SELECT crm.{plain}_caught($s${declare}$s$, true)",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "and rolled back",
        &[
            "BEGIN; {enter}",
            "{declare}",
            "ROLLBACK",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "and failed",
        &[
            "BEGIN; {enter}",
            "{declare}",
            "SELECT 'x'::int",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "and rolled back into the next",
        &[
            "BEGIN; {enter}",
            "{declare}",
            "ROLLBACK AND CHAIN",
            "{enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "and read, and rolled back",
        &[
            "BEGIN; {enter}",
            "{declare}",
            LOOK,
            "ROLLBACK",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "on another connection, not committed",
        &[
            "2|BEGIN; {enter}",
            "2|{declare}",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
            "2|ROLLBACK",
        ],
    ),
    (
        "and prepared",
        &[
            "BEGIN; {enter}",
            "{declare}",
            "PREPARE TRANSACTION 'p'",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "by another request",
        &[
            "2|BEGIN; {enter:request}",
            "2|{declare}",
            "2|COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "by another actor",
        &[
            "2|BEGIN; {enter:actor}",
            "2|{declare}",
            "2|COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "by another tenant",
        &[
            "2|BEGIN; {enter:tenant}",
            "2|{declare}",
            "2|COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "by another actor, whose name is claimed",
        &[
            "2|BEGIN; {enter:actor}",
            "2|{declare}",
            "2|COMMIT",
            "BEGIN; {enter}",
            "SELECT set_config('app.current_subject_id', '{other_subject}', true)",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "by another request, whose id is claimed",
        &[
            "2|BEGIN; {enter:request}",
            "2|{declare}",
            "2|COMMIT",
            "BEGIN; {enter}",
            "SELECT set_config('app.current_request_id', '{other_request}', true)",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "another table",
        &[
            "BEGIN; {enter}",
            "{declare:resource}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "another person",
        &[
            "BEGIN; {enter}",
            "{declare:person}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "no person",
        &[
            "BEGIN; {enter}",
            "{declare:nobody}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "another command",
        &[
            "BEGIN; {enter}",
            "{declare:command}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "no command",
        &[
            "BEGIN; {enter}",
            "{declare:nothing}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "as if it were over",
        &[
            "BEGIN; {enter}",
            "{declare:completed}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "as denied",
        &[
            "BEGIN; {enter}",
            "{declare:denied}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ],
    ),
    (
        "and out of every context",
        &["BEGIN; {enter}", "{declare}", "COMMIT", LOOK],
    ),
    (
        "and row security turned off",
        &["SET row_security = off", "BEGIN; {enter}", LOOK, "COMMIT"],
    ),
    (
        "and read as the operator",
        &["BEGIN; {enter}", "SET ROLE bearingwall_admin", LOOK, "COMMIT"],
    ),
];

/// The right way, around a way to touch rows.
fn declared<'s>(steps: &[&'s str]) -> Vec<&'s str> {
    let ahead = ["BEGIN; {enter}", "{declare}", "COMMIT", "BEGIN; {enter}"];
    [&ahead, steps, &["COMMIT"]].concat()
}

fn undeclared<'s>(steps: &[&'s str]) -> Vec<&'s str> {
    [&["BEGIN; {enter}"], steps, &["COMMIT"]].concat()
}

#[tokio::test]
async fn aud_1_no_way_to_read_shows_an_undeclared_person() {
    let arena = Arena::create().await;
    let (client, other, foreign) = (arena.fixture.client, arena.fixture.other, arena.fixture.foreign);
    for table in &TABLES {
        for (way, steps) in READS {
            let attack = arena.run(table, &Ids::fresh(), &undeclared(steps)).await;
            assert!(!attack.got_through(), "{way} of {}: {}", table.name, attack.told);
            let control = arena.run(table, &Ids::fresh(), &declared(steps)).await;
            assert!(
                control.shows(client) || control.told.contains("division by zero"),
                "{way} of {}: {}",
                table.name,
                control.told
            );
            let beyond = control.shows(other) || control.shows(foreign) || control.changed_others;
            assert!(!beyond, "{way} of {}: {}", table.name, control.told);
            // What a read under an access left on the spine is no leak of the next.
            let clean = "UPDATE crm.clients SET import_digest = NULL WHERE import_digest IS NOT NULL";
            arena.superuser.batch_execute(clean).await.unwrap();
        }
    }
}

#[tokio::test]
async fn aud_1_no_way_to_write_touches_an_undeclared_person() {
    let arena = Arena::create().await;
    for table in &TABLES {
        for (way, steps) in WRITES {
            let attack = arena.run(table, &Ids::fresh(), &undeclared(steps)).await;
            assert!(!attack.got_through(), "{way} into {}: {}", table.name, attack.told);
            let control = arena.run(table, &Ids::fresh(), &declared(steps)).await;
            assert!(control.changed, "{way} into {}: {}", table.name, control.told);
            assert!(!control.changed_others, "{way} into {}: {}", table.name, control.told);
        }
        // Whoever was declared for a change does not take rows from others, nor give them away.
        for stolen in [
            "UPDATE {table} SET client_id = '{client}' WHERE client_id = '{other}'",
            "UPDATE {table} SET client_id = '{other}' WHERE client_id = '{client}'",
            "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO NOTHING; UPDATE {table} SET client_id = '{other}'",
        ] {
            let attack = arena.run(table, &Ids::fresh(), &declared(&[stolen])).await;
            assert!(!attack.changed, "{stolen} {}: {}", table.name, attack.told);
        }
        let truncated = arena.run(table, &Ids::fresh(), &declared(&["TRUNCATE {table}"])).await;
        assert!(!truncated.changed);
        assert_eq!(truncated.errors, ["42501"]);
    }
}

#[tokio::test]
async fn aud_1_what_was_not_quite_declared_shows_and_changes_nothing() {
    let arena = Arena::create().await;
    for table in &TABLES {
        for (miss, steps) in MISSES {
            let attack = arena.run(table, &Ids::fresh(), steps).await;
            assert!(!attack.got_through(), "{miss}, {}: {}", table.name, attack.told);
        }
        let control = arena.run(table, &Ids::fresh(), &declared(&[LOOK])).await;
        assert!(control.shows(arena.fixture.client) && control.changed && control.errors.is_empty());
        assert!(!control.shows(arena.fixture.other) && !control.changed_others);
        // A search opens the digests of a table that is made for it, to reading alone; no other table.
        let search = [
            "BEGIN; {enter}",
            "{declare:search}",
            "COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ];
        let searched = arena.run(table, &Ids::fresh(), &search).await;
        let searchable = table.name == crate::fixture::DIGESTS;
        assert_eq!(searched.got_through(), searchable, "{}", table.name);
        assert!(!searched.changed, "{}", table.name);
        assert!(!searched.shows(arena.fixture.foreign), "{}", table.name);
    }
}

#[tokio::test]
async fn aud_1_the_attacks_cover_every_table_of_the_class() {
    let arena = Arena::create().await;
    // Of tables that take much to fill, it is shown that they are held by the same text, word for word, as one that is attacked.
    let asked = "SELECT r.relation, p.polname::text, p.polcmd::text, p.polroles::regrole[]::text,
            regexp_replace(replace(concat_ws(' ~ ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), r.relation, 'a_table'),
                           '\\m' || r.subject_column || '\\M', 'a_subject', 'g')
          FROM audit.phi_tables r JOIN pg_policy p ON p.polrelid = r.relation::regclass ORDER BY 1, 2";
    let rows = arena.superuser.query(asked, &[]).await.unwrap();
    let mut held: std::collections::BTreeMap<String, Vec<[String; 4]>> = std::collections::BTreeMap::new();
    for row in rows {
        let policy = [1, 2, 3, 4].map(|at| row.get(at));
        held.entry(row.get(0)).or_default().push(policy);
    }
    assert!(TABLES.iter().all(|table| held[table.name].len() > 3));
    // What is told by conversation and swept without a person is attacked where it is made: `pii_8_the_vault_is_empty_to_whoever_has_not_declared_the_conversation`.
    held.remove("pii.vault");
    for (relation, policies) in &held {
        let same = |table: &&crate::raw::Table| held[table.name] == *policies;
        assert!(
            TABLES.iter().any(|table| same(&table)),
            "{relation} is held by {policies:#?} and attacked by nobody"
        );
    }
}

#[tokio::test]
async fn aud_1_a_declaration_serves_every_connection_of_its_actor_and_request() {
    let arena = Arena::create().await;
    for table in &TABLES {
        let steps = [
            "2|BEGIN; {enter}",
            "2|{declare:one}",
            "2|COMMIT",
            "BEGIN; {enter}",
            LOOK,
            "COMMIT",
        ];
        let seen = arena.run(table, &Ids::fresh(), &steps).await;
        assert!(seen.shows(arena.fixture.client), "{}: {}", table.name, seen.told);
        // A transaction that began before the declaration was committed sees it with its next statement, as any read does.
        let steps = [
            "BEGIN; {enter}",
            "SELECT 1",
            "2|BEGIN; {enter}",
            "2|{declare:one}",
            "2|COMMIT",
            LOOK,
            "COMMIT",
        ];
        let seen = arena.run(table, &Ids::fresh(), &steps).await;
        assert!(seen.shows(arena.fixture.client), "{}: {}", table.name, seen.told);
    }
}

#[tokio::test]
async fn aud_1_the_application_writes_no_procedures() {
    let arena = Arena::create().await;
    for sql in [
        "DO $$ BEGIN PERFORM 1; END $$",
        "CREATE FUNCTION crm.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TEMPORARY VIEW mine AS SELECT 1",
    ] {
        let attempt = arena
            .run(&TABLES[2], &Ids::fresh(), &["BEGIN; {enter}", sql, "COMMIT"])
            .await;
        assert_eq!(attempt.errors, ["42501"], "{sql}");
    }
}

#[tokio::test]
async fn aud_1_two_phase_commit_is_off_and_keeps_no_declaration_in_the_air() {
    let arena = Arena::create().await;
    let row = arena
        .superuser
        .query_one("SHOW max_prepared_transactions", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "0");
    let steps = ["BEGIN; {enter}", "{declare}", "PREPARE TRANSACTION 'p'"];
    let prepared = arena.run(&TABLES[2], &Ids::fresh(), &steps).await;
    assert_eq!(prepared.errors, ["55000"]);
}

#[tokio::test]
async fn aud_1_a_kept_plan_or_cursor_carries_no_access_into_the_next_request() {
    let arena = Arena::create().await;
    for table in &TABLES {
        let ahead = "PREPARE p AS SELECT {secret} FROM {table}; SET plan_cache_mode = force_generic_plan";
        let steps = [
            ahead,
            "BEGIN; {enter}",
            "{declare}",
            "COMMIT",
            "BEGIN; {enter}",
            "EXECUTE p",
            "COMMIT",
        ];
        let first = arena.run(table, &Ids::fresh(), &steps).await;
        assert!(first.shows(arena.fixture.client), "{}", first.told);
        // The plan is made and used under the access, without telling what it showed.
        let used = "EXPLAIN (ANALYZE, COSTS OFF) EXECUTE p";
        let next = [
            &steps[..5],
            &[used, "COMMIT", "BEGIN; {enter:request}", "EXECUTE p", "COMMIT"],
        ]
        .concat();
        let seen = arena.run(table, &Ids::fresh(), &next).await;
        assert!(
            seen.told.contains("rows=1 loops=1") && seen.errors.is_empty(),
            "{}",
            seen.told
        );
        assert!(!seen.got_through(), "{}: {}", table.name, seen.told);
        // A cursor that was opened before the access keeps the snapshot of that time.
        let early = [
            "BEGIN; {enter}",
            "DECLARE c CURSOR FOR SELECT {secret} FROM {table}",
            "2|BEGIN; {enter}",
            "2|{declare}",
            "2|COMMIT",
            "FETCH ALL FROM c",
            "COMMIT",
        ];
        let seen = arena.run(table, &Ids::fresh(), &early).await;
        assert!(!seen.got_through(), "{}: {}", table.name, seen.told);
    }
}

#[tokio::test]
async fn aud_1_explain_shows_no_row_and_tells_of_ones_own_tenant_that_something_matched() {
    let arena = Arena::create().await;
    for table in &TABLES {
        let explained = async |condition: &str| {
            let sql =
                "EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT {secret} FROM {table} WHERE ";
            let outcome = arena
                .run(
                    table,
                    &Ids::fresh(),
                    &["BEGIN; {enter}", &format!("{sql}{condition}"), "COMMIT"],
                )
                .await;
            assert!(
                outcome.told.contains("actual rows=0") && outcome.errors.is_empty(),
                "{}",
                outcome.told
            );
            // What was asked is repeated; what matters is what was done.
            let done = outcome.told.lines().filter(|line| {
                line.contains("loops=") || line.contains("never executed") || line.contains("Rows Removed")
            });
            (
                outcome.told.lines().nth(1).unwrap().to_owned(),
                done.collect::<Vec<_>>().join("\n"),
            )
        };
        for condition in ["true", "client_id = '{client}'", "{secret} > '\\x00'"] {
            let (scan, _) = explained(condition).await;
            assert!(scan.contains("actual rows=0"), "{condition}: {scan}");
        }
        // Of another tenant's row it tells nothing: the tenant's condition is asked first.
        let foreign = "{secret} = decode('{mark:foreign}', 'hex')";
        let nobodys = "{secret} = decode('{mark:nobody}', 'hex')";
        let nothing = explained(nobodys).await;
        assert_eq!(explained(foreign).await, nothing, "{}", table.name);
        // What remains: a leak-proof comparison runs ahead of the condition on the person, and the plan tells whether it was
        // true of any row of this tenant. Ciphertexts and keyed digests can be guessed at this way, without a record.
        let own = explained("{secret} = decode('{mark:client}', 'hex')").await;
        assert_ne!(
            own, nothing,
            "{}: a residual risk is gone: take it out of the controls, too",
            table.name
        );
    }
}
