//! Global channels: what one server shares between all its sessions.

use super::attack::Attack;
use super::attack::Judge::{Allows, Answers, Stops};
use super::attack::Step::{AsB, AsBBound, Sql};

pub(crate) const ACTIVITY: &[Attack] = &[
    Attack::new(
        "G01",
        "literals in another session's statement: pg_stat_activity",
        &[
            AsB("SELECT 'SALTMARSH-LITERAL'"),
            Sql("SELECT query FROM pg_catalog.pg_stat_activity"),
        ],
    )
    .residual("query-text"),
    Attack::new(
        "G02",
        "bind parameters in another session's statement, as the server sends them",
        &[
            AsBBound("SELECT $1::text"),
            // Of this database: the tests beside this one run their own literals (G01) under the same login.
            Sql("SELECT query FROM pg_catalog.pg_stat_activity WHERE datname = current_database()"),
        ],
    ),
    Attack::new(
        "G03",
        "literals in another session's statement: pg_stat_get_activity",
        &[
            AsB("SELECT 'SALTMARSH-LITERAL'"),
            Sql("SELECT query FROM pg_catalog.pg_stat_get_activity(NULL)"),
        ],
    )
    .residual("query-text"),
    Attack::new(
        "G04",
        "literals in another session's statement: pg_stat_get_backend_activity",
        &[
            AsB("SELECT 'SALTMARSH-LITERAL'"),
            Sql("SELECT pg_stat_get_backend_activity(s) FROM pg_stat_get_backend_idset() s"),
        ],
    )
    .residual("query-text"),
    Attack::new(
        "G05",
        "what another session locks: pg_locks",
        &[
            AsB("SELECT pg_advisory_xact_lock(424242)"),
            Sql("SELECT objid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = {pid_b}"),
        ],
    )
    .judge(Answers("424242"))
    .residual("query-text"),
    Attack::new(
        "G06",
        "what another session locks: pg_lock_status",
        &[
            AsB("SELECT pg_advisory_xact_lock(424243)"),
            Sql("SELECT objid FROM pg_catalog.pg_lock_status() WHERE locktype = 'advisory' AND pid = {pid_b}"),
        ],
    )
    .judge(Answers("424243"))
    .residual("query-text"),
    Attack::new(
        "G07",
        "another session's memory",
        &[Sql("SELECT * FROM pg_catalog.pg_backend_memory_contexts")],
    ),
    Attack::new(
        "G08",
        "another session's memory, into the log",
        &[AsB("SELECT 1"), Sql("SELECT pg_log_backend_memory_contexts({pid_b})")],
    ),
    Attack::new(
        "G09",
        "everybody's statements, kept by an extension",
        &[Sql("CREATE EXTENSION pg_stat_statements")],
    ),
    Attack::new(
        "G10",
        "the server's log",
        &[Sql("SELECT pg_read_file(pg_current_logfile())")],
    ),
];

pub(crate) const MESSAGES: &[Attack] = &[
    Attack::new(
        "G20",
        "listen to what B tells its own workers",
        &[
            Sql("COMMIT"),
            Sql("LISTEN gossip"),
            AsB("NOTIFY gossip, 'SALTMARSH-PAYLOAD'"),
            AsB("COMMIT"),
            Sql("SELECT 1"),
        ],
    )
    .residual("notify"),
    Attack::new(
        "G21",
        "the same, sent by pg_notify",
        &[
            Sql("COMMIT"),
            Sql("LISTEN gossip"),
            AsB("SELECT pg_notify('gossip', 'SALTMARSH-PAYLOAD')"),
            AsB("COMMIT"),
            Sql("SELECT 1"),
        ],
    )
    .residual("notify"),
    Attack::new(
        "G22",
        "B's large object",
        &[
            AsB("SELECT lo_from_bytea(4711, 'SALTMARSH-OBJECT'); COMMIT"),
            Sql("SELECT convert_from(lo_get(4711), 'UTF8')"),
        ],
    )
    .residual("large-objects"),
    Attack::new(
        "G23",
        "B's large object, by its descriptor",
        &[
            AsB("SELECT lo_from_bytea(4712, 'SALTMARSH-OBJECT'); COMMIT"),
            Sql("SELECT convert_from(loread(lo_open(4712, 262144), 100), 'UTF8')"),
        ],
    )
    .residual("large-objects"),
    Attack::new(
        "G24",
        "take B's large object away",
        &[
            AsB("SELECT lo_from_bytea(4713, 'x'); COMMIT"),
            Sql("SELECT lo_unlink(4713); COMMIT"),
        ],
    )
    .judge(Stops("SELECT lo_get(4713)"))
    .residual("large-objects"),
    Attack::new(
        "G25",
        "the pages of all large objects",
        &[Sql("SELECT * FROM pg_catalog.pg_largeobject")],
    ),
    Attack::new(
        "G26",
        "a publication of everything",
        &[Sql("CREATE PUBLICATION p FOR ALL TABLES")],
    ),
    Attack::new(
        "G27",
        "a publication of one table",
        &[Sql("CREATE PUBLICATION p FOR TABLE crm.clients")],
    ),
    Attack::new(
        "G28",
        "a subscription to a server of one's own",
        &[Sql(
            "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false)",
        )],
    ),
    Attack::new(
        "G29",
        "a comment for the next tenant to read",
        &[Sql("COMMENT ON TABLE crm.clients IS 'left here'")],
    ),
];

pub(crate) const POWER: &[Attack] = &[
    Attack::new(
        "G40",
        "end another tenant's session",
        &[
            AsB("SELECT 1"),
            Sql("SELECT pg_terminate_backend({pid_b})"),
            Sql("SELECT pg_sleep(0.2)"),
        ],
    )
    .judge(Stops("SELECT 1"))
    .residual("signals"),
    Attack::new(
        "G41",
        "cancel another tenant's statement",
        &[AsB("SELECT 1"), Sql("SELECT pg_cancel_backend({pid_b})")],
    )
    .judge(Answers("t"))
    .residual("signals"),
    Attack::new(
        "G42",
        "LOCK TABLE",
        &[Sql("LOCK TABLE crm.clients IN ACCESS EXCLUSIVE MODE")],
    )
    .judge(Stops("SELECT 1 FROM crm.clients LIMIT 1"))
    .residual("locks"),
    Attack::new(
        "G43",
        "an advisory lock that B needs",
        &[Sql("SELECT pg_advisory_xact_lock(77)")],
    )
    .judge(Stops("SELECT pg_advisory_xact_lock(77)"))
    .residual("locks"),
    Attack::new(
        "G44",
        "lock B's row",
        &[Sql("SELECT 1 FROM crm.clients WHERE id = '{id_b}' FOR UPDATE")],
    )
    .judge(Stops("SELECT 1 FROM crm.clients WHERE id = '{id_b}' FOR UPDATE")),
    Attack::new(
        "G45",
        "no limit of time on one's own statements",
        &[Sql(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0",
        )],
    )
    .judge(Allows)
    .residual("resources"),
    Attack::new(
        "G46",
        "as much memory as one likes",
        &[Sql("SET work_mem = '2GB'; SET hash_mem_multiplier = 1000")],
    )
    .judge(Allows)
    .residual("resources"),
    Attack::new(
        "G47",
        "prepare a transaction that holds its locks for ever",
        &[Sql(
            "LOCK TABLE crm.clients IN ACCESS SHARE MODE; PREPARE TRANSACTION 'bearingwall-attack'",
        )],
    )
    .judge(Stops("SELECT 1"))
    .by(&["55000"])
    .note("off unless an operator turns max_prepared_transactions on"),
    Attack::new("G48", "reload the configuration", &[Sql("SELECT pg_reload_conf()")]),
    Attack::new(
        "G49",
        "read the rules of who may connect",
        &[Sql("SELECT * FROM pg_catalog.pg_hba_file_rules")],
    ),
    Attack::new(
        "G50",
        "read the password verifiers",
        &[Sql("SELECT rolname, rolpassword FROM pg_catalog.pg_authid")],
    ),
    Attack::new(
        "G51",
        "read the password verifiers through the view",
        &[Sql("SELECT * FROM pg_catalog.pg_shadow")],
    ),
    Attack::new("G52", "load a library", &[Sql("LOAD 'auto_explain'")]),
    Attack::new(
        "G53",
        "write parameters of statements to the log",
        &[Sql("SET LOCAL log_statement = 'all'")],
    ),
    Attack::new(
        "G54",
        "a database of one's own",
        &[Sql("COMMIT"), Sql("CREATE DATABASE bearingwall_attack")],
    ),
    Attack::new(
        "G55",
        "a language that can do anything",
        &[Sql("CREATE LANGUAGE evil HANDLER pg_catalog.plpgsql_call_handler")],
    ),
    Attack::new("G56", "a checkpoint after every statement", &[Sql("CHECKPOINT")]),
];
