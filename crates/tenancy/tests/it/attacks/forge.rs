//! Forge the context: make the database believe in another tenant.

use super::attack::Attack;
use super::attack::Judge::Answers;
use super::attack::Step::{CopyOut, Each, Sql};

const READ: &str = "SELECT * FROM crm.clients; SELECT * FROM crm.chart_notes";

pub(crate) const SETTING: &[Attack] = &[
    Attack::new("F01", "set the tenant and read in one statement", &[Sql(
        "WITH s AS MATERIALIZED (SELECT set_config('app.current_customer_id', '{b}', true)) SELECT c.* FROM s CROSS JOIN LATERAL (SELECT c.* FROM crm.clients c) c",
    )]),
    Attack::new("F02", "set_config for the transaction, then read", &[Sql("SELECT set_config('app.current_customer_id', '{b}', true)"), Sql(READ)]),
    Attack::new("F03", "set_config for the session, then read", &[Sql("SELECT set_config('app.current_customer_id', '{b}', false)"), Sql(READ)]),
    Attack::new("F04", "SET LOCAL, then read", &[Sql("SET LOCAL app.current_customer_id = '{b}'"), Sql(READ)]),
    Attack::new("F05", "SET, then read", &[Sql("SET app.current_customer_id = '{b}'"), Sql(READ)]),
    Attack::new("F06", "swap the tenant and put zeros for a seal", &[
        Sql("SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', repeat('0', 64), true)"),
        Sql(READ),
    ]),
    Attack::new("F07", "swap the tenant and empty the seal", &[
        Sql("SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', '', true)"),
        Sql(READ),
    ]),
    Attack::new("F08", "swap the tenant and put nonsense for a seal", &[
        Sql("SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', 'zz', true)"),
        Sql(READ),
    ]),
    Attack::new("F09", "SQL inside the setting's value", &[Sql("SELECT set_config('app.current_customer_id', '{b}'' OR true --', true)"), Sql(READ)])
        .by(&["22P02"])
        .note("the tutorial's cast to uuid refuses it"),
    Attack::new("F10", "the same id in capitals", &[Sql("SET LOCAL app.current_customer_id = '{B}'"), Sql(READ)]),
    Attack::new("F11", "the same id in braces", &[Sql("SET LOCAL app.current_customer_id = '{{b}}'"), Sql(READ)]),
    Attack::new("F12", "the same id without hyphens", &[Sql("SET LOCAL app.current_customer_id = '{bare_b}'"), Sql(READ)]),
    Attack::new("F13", "swap the tenant row by row, inside WHERE", &[Sql(
        "SELECT * FROM crm.clients WHERE set_config('app.current_customer_id', '{b}', true) IS NOT NULL; SELECT * FROM crm.clients",
    )]),
    Attack::new("F14", "swap the tenant between DECLARE and FETCH", &[
        Sql("DECLARE c CURSOR FOR SELECT * FROM crm.clients"),
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("FETCH ALL FROM c"),
    ]),
    Attack::new("F15", "swap the tenant in the middle of a cursor", &[
        Sql("DECLARE c SCROLL CURSOR FOR SELECT * FROM crm.clients; FETCH 1 FROM c"),
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("FETCH ALL FROM c; FETCH ABSOLUTE 1 FROM c"),
    ]).note("what a cursor compares with is settled when its scan begins"),
    Attack::new("F16", "swap the tenant between two runs of a prepared statement", &[
        Sql("PREPARE q AS SELECT * FROM crm.clients; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q"),
        Sql("SET LOCAL app.current_customer_id = '{b}'; SET LOCAL plan_cache_mode = force_generic_plan"),
        Sql("EXECUTE q"),
    ]),
    Attack::new("F17", "swap the tenant under a savepoint and roll back to it", &[
        Sql("SAVEPOINT s; SET LOCAL app.current_customer_id = '{b}'; ROLLBACK TO s"),
        Sql(READ),
    ]),
    Attack::new("F18", "swap the tenant and read with parallel workers", &[
        Sql("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off"),
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F19", "swap the tenant under another time zone and date style", &[
        Sql("SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'German'; SET LOCAL IntervalStyle = 'sql_standard'; SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F20", "swap the tenant under another syntax of literals", &[
        Sql("SET LOCAL bytea_output = 'escape'; SET LOCAL standard_conforming_strings = off; SET LOCAL transform_null_equals = on; SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F21", "become another actor of the own tenant", &[
        Sql("SET LOCAL app.current_subject_id = '{nobody}'"),
        Sql("SELECT tenancy.current_subject_id()"),
    ]).judge(Answers("{nobody}")).ours(),
    Attack::new("F22", "become another request of the own tenant", &[
        Sql("SET LOCAL app.current_request_id = '{nobody}'"),
        Sql("SELECT tenancy.current_request_id()"),
    ]).judge(Answers("{nobody}")).ours(),
    Attack::new("F23", "clear the tenant and hope that nothing means everything", &[
        Sql("SET LOCAL app.current_customer_id = ''"),
        Sql(READ),
    ]).by(&["22P02"]),
    Attack::new("F24", "RESET the context and read", &[Sql("RESET app.current_customer_id"), Sql(READ)]).by(&["22P02"]),
    Attack::new("F25", "RESET ALL and read", &[Sql("RESET ALL"), Sql(READ)]).by(&["22P02"]),
    Attack::new("F26", "ask for the verified tenant in a swapped context", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("SELECT tenancy.current_customer_id()"),
    ]).judge(Answers("{b}")).ours(),
    Attack::new("F27", "carry one's own seal into the next transaction of the same message", &[
        Sql("ROLLBACK"),
        Sql("BEGIN; SELECT {enter_a};
             SELECT count(set_config('keep.' || s, current_setting('app.' || s, true), false)) FROM unnest(ARRAY['current_customer_id', 'current_subject_id', 'current_request_id', 'tenant_seal']) s;
             COMMIT; BEGIN;
             SELECT count(set_config('app.' || s, current_setting('keep.' || s), true)) FROM unnest(ARRAY['current_customer_id', 'current_subject_id', 'current_request_id', 'tenant_seal']) s;
             SELECT tenancy.current_customer_id()"),
    ]).judge(Answers("{a}")).ours().residual("carry"),
    Attack::new("F28", "replay B's captured seal in the next transaction of its backend", &[
        Sql("ROLLBACK; BEGIN"),
        Sql("SELECT {enter_b}"),
        Sql("SELECT count(set_config('keep.' || s, current_setting('app.' || s, true), false)) FROM unnest(ARRAY['current_customer_id', 'current_subject_id', 'current_request_id', 'tenant_seal']) s"),
        Sql("COMMIT"),
        Sql("BEGIN"),
        Sql("SELECT count(set_config('app.' || s, current_setting('keep.' || s), true)) FROM unnest(ARRAY['current_customer_id', 'current_subject_id', 'current_request_id', 'tenant_seal']) s"),
        Sql(READ),
    ]).ours(),
];

pub(crate) const GUARDED: &[Attack] = &[
    Attack::new(
        "F30",
        "SET the guarded setting to B",
        &[
            Sql("SET LOCAL backtrace_functions = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}'"),
            Sql(READ),
        ],
    ),
    Attack::new(
        "F31",
        "set_config on the guarded setting",
        &[
            Sql("SELECT set_config('backtrace_functions', 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}', true)"),
            Sql(READ),
        ],
    ),
    Attack::new(
        "F32",
        "the guarded setting for the session",
        &[
            Sql("SET SESSION backtrace_functions = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}'"),
            Sql(READ),
        ],
    ),
    Attack::new(
        "F33",
        "the guarded setting as a stored setting of the role",
        &[Sql(
            "ALTER ROLE bearingwall_app SET backtrace_functions = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}'",
        )],
    )
    .judge(super::attack::Judge::Allows)
    .undone(),
    Attack::new(
        "F34",
        "the guarded setting as a stored setting of the database",
        &[Sql(
            "ALTER DATABASE {database} SET backtrace_functions = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}'",
        )],
    )
    .judge(super::attack::Judge::Allows)
    .undone(),
    Attack::new(
        "F35",
        "the guarded setting in a function's SET clause",
        &[
            Sql(
                "CREATE FUNCTION pg_temp.f() RETURNS SETOF crm.clients LANGUAGE sql SET backtrace_functions = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}' AS 'SELECT * FROM crm.clients'",
            ),
            Sql("SELECT * FROM pg_temp.f()"),
        ],
    ),
    Attack::new(
        "F36",
        "UPDATE pg_settings",
        &[
            Sql(
                "UPDATE pg_catalog.pg_settings SET setting = 'bw1_{bare_b}_{bare_nobody}_{bare_nobody}' WHERE name = 'backtrace_functions'",
            ),
            Sql(READ),
        ],
    ),
    Attack::new(
        "F37",
        "grant oneself the guarded setting",
        &[Sql("GRANT SET ON PARAMETER backtrace_functions TO bearingwall_app")],
    )
    .judge(super::attack::Judge::Allows)
    .undone(),
    Attack::new(
        "F38",
        "RESET ALL, which spares no setting, then swap the tenant",
        &[Sql("RESET ALL; SET LOCAL app.current_customer_id = '{b}'"), Sql(READ)],
    ),
    Attack::new(
        "F39",
        "unset the guarded setting alone",
        &[
            Sql("RESET backtrace_functions; SET LOCAL app.current_customer_id = '{b}'"),
            Sql(READ),
        ],
    ),
];

pub(crate) const TOKEN: &[Attack] = &[
    Attack::new("F40", "clear the seal and enter B with a MAC of zeros", &[
        Sql("SELECT set_config('app.tenant_seal', '', true)"),
        Sql("SELECT {enter_b_zero}"),
        Sql(READ),
    ]).ours(),
    Attack::new("F41", "enter B with an empty MAC", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_empty}"), Sql(READ)]).ours(),
    Attack::new("F42", "enter B with NULL for a MAC", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_null}"), Sql(READ)]).ours(),
    Attack::new("F43", "enter B with a MAC that lacks its last byte", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_short}"), Sql(READ)]).ours(),
    Attack::new("F44", "enter B with one's own MAC twice", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_doubled}"), Sql(READ)]).ours(),
    Attack::new("F45", "enter B with NULL for an expiry", &[
        Sql("ROLLBACK; BEGIN; SELECT tenancy.enter('{b}', '{b}', '{b}', NULL, '{b}', 1::smallint, '{us-east-1,eu-west-1}', decode(repeat('00', 32), 'hex'))"),
        Sql(READ),
    ]).ours(),
    Attack::new("F46", "enter B with an expiry at the end of time", &[
        Sql("ROLLBACK; BEGIN; SELECT tenancy.enter('{b}', '{b}', '{b}', 9223372036854775807, '{b}', 1::smallint, '{us-east-1,eu-west-1}', decode(repeat('00', 32), 'hex'))"),
        Sql(READ),
    ]).ours(),
    Attack::new("F47", "enter B without a key id", &[
        Sql("ROLLBACK; BEGIN; SELECT tenancy.enter('{b}', '{b}', '{b}', 9999999999999, '{b}', NULL, '{us-east-1,eu-west-1}', decode(repeat('00', 32), 'hex'))"),
        Sql(READ),
    ]).ours(),
    Attack::new("F48", "enter B with NULL for everything else", &[
        Sql("ROLLBACK; BEGIN; SELECT tenancy.enter('{b}', NULL, NULL, NULL, NULL, 1::smallint, NULL, NULL)"),
        Sql(READ),
    ]).ours(),
    Attack::new("F49", "use an expired token of B", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_expired}"), Sql(READ)]).ours(),
    Attack::new("F50", "use a token of B that lives longer than allowed", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_long}"), Sql(READ)]).ours(),
    Attack::new("F51", "use a token of B that was made for another backend", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_elsewhere}"), Sql(READ)]).ours(),
    Attack::new("F52", "use a token of B that was made for a pooler, without a backend", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_poolers}"), Sql(READ)]).ours(),
    Attack::new("F53", "use a token of B under an unknown key id", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_unknown_kid}"), Sql(READ)]).ours(),
    Attack::new("F54", "use a token of B that another key signed", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_other_key}"), Sql(READ)]).ours(),
    Attack::new("F55", "put B into one's own token", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_retargeted}"), Sql(READ)]).ours(),
    Attack::new("F56", "put another actor into a token of B", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b_actor}"), Sql(READ)]).ours(),
    Attack::new("F57", "enter B on top of one's own tenant, with a valid token", &[Sql("SELECT {enter_b}"), Sql(READ)]).ours(),
    Attack::new("F58", "the same after clearing the readable context", &[
        Sql("SELECT set_config('app.current_customer_id', '', true), set_config('app.current_subject_id', '', true)"),
        Sql("SELECT {enter_b}"),
        Sql(READ),
    ]).ours(),
    Attack::new("F59", "the same after clearing the seal", &[Sql("SELECT set_config('app.tenant_seal', '', true)"), Sql("SELECT {enter_b}"), Sql(READ)])
        .ours()
        .residual("replay")
        .note("needs a token of B that is alive and was made for this very backend"),
    Attack::new("F60", "the same under a savepoint, rolled back over the seal", &[
        Sql("SAVEPOINT s; SELECT set_config('app.tenant_seal', '', true); RELEASE s"),
        Sql("SELECT {enter_b}"),
        Sql(READ),
    ])
    .ours()
    .residual("replay"),
    Attack::new("F61", "replay a captured token of B on its backend within its time to live", &[Sql("ROLLBACK; BEGIN; SELECT {enter_b}"), Sql(READ)])
        .ours()
        .residual("replay"),
    Attack::new("F72", "the same after RESET ALL, which takes the context away and forges none", &[Sql("RESET ALL"), Sql("SELECT {enter_b}"), Sql(READ)])
        .ours()
        .residual("replay"),
    Attack::new("F62", "enter the platform's tenant with a MAC of zeros", &[Sql("ROLLBACK; BEGIN; SELECT {enter_platform_zero}"), Sql(READ)]).ours(),
    Attack::new("F63", "enter B through the migrations' door", &[Sql("SELECT set_config('app.tenant_seal', '', true); SELECT tenancy.enter_migration('{b}')"), Sql(READ)]).ours(),
    Attack::new("F64", "call the function that seals", &[Sql("SELECT tenancy.seal_context('{b}', '{b}', '{b}')"), Sql(READ)]).ours(),
    Attack::new("F65", "install one's own key", &[Sql("SELECT tenancy.install_enter_key(1::smallint, decode(repeat('00', 32), 'hex'))")]).ours(),
    Attack::new("F66", "renew the seal key under everybody", &[Sql("SELECT tenancy.renew_seal_key()")]).ours(),
    Attack::new("F67", "take every region out of service", &[Sql("SELECT tenancy.serve_regions('{}')")]).ours(),
    Attack::new("F68", "create a tenant", &[Sql("SELECT tenancy.create_tenant('{nobody}', 'forged', 'forged', 'us-east-1')")]).ours(),
    Attack::new("F69", "list every tenant's id", &[Sql("SELECT tenancy.tenant_ids()")]).ours(),
    Attack::new("F70", "list every tenant's name", &[Sql("SELECT * FROM tenancy.tenants()")]).ours(),
    Attack::new("F71", "read the registry through its function", &[Sql("SELECT * FROM tenancy.registry()")]).ours(),
];

pub(crate) const SHADOW: &[Attack] = &[
    Attack::new("F80", "an own sha256() first in the search path", &[
        Sql("CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'"),
        Sql("SET LOCAL search_path = public, pg_catalog; SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F81", "an own = for uuid", &[
        Sql("CREATE FUNCTION public.yes(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'"),
        Sql("CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.yes)"),
        Sql("SET LOCAL search_path = public, pg_catalog"),
        Sql("SELECT * FROM crm.clients"),
    ]),
    Attack::new("F82", "an own current_setting()", &[
        Sql("CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT ''{b}''::text'"),
        Sql("SET LOCAL search_path = public, pg_catalog"),
        Sql("SELECT * FROM crm.clients"),
    ]),
    Attack::new("F83", "a temporary function that shadows", &[
        Sql("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'"),
        Sql("SET LOCAL search_path = pg_temp, pg_catalog; SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F84", "a temporary table that shadows the keys", &[
        Sql("CREATE TEMP TABLE seal_key AS SELECT true AS one, decode(repeat('00', 64), 'hex') AS ipad, decode(repeat('00', 64), 'hex') AS opad"),
        Sql("SET LOCAL search_path = pg_temp, pg_catalog; SET LOCAL app.current_customer_id = '{b}'"),
        Sql(READ),
    ]),
    Attack::new("F85", "replace the function that the policies call", &[Sql(
        "CREATE OR REPLACE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql AS 'SELECT ''{b}''::uuid'",
    )]).ours(),
    Attack::new("F86", "take the pinned search path off a function", &[Sql("ALTER FUNCTION tenancy.current_customer_id() RESET search_path")]).ours(),
    Attack::new("F87", "drop the function that the policies call", &[Sql("DROP FUNCTION tenancy.current_customer_id() CASCADE")]).ours(),
];

pub(crate) const KEYS: &[Attack] = &[
    Attack::new("F90", "SELECT the enter keys", &[Sql("SELECT * FROM tenancy.enter_keys")]).ours(),
    Attack::new("F91", "SELECT the seal key as a whole row", &[Sql("SELECT k FROM tenancy.seal_key k")]).ours(),
    Attack::new("F92", "COPY the seal key out", &[CopyOut("COPY tenancy.seal_key TO STDOUT")]).ours(),
    Attack::new("F93", "the seal key as XML", &[Sql("SELECT table_to_xml('tenancy.seal_key', true, false, '')")]).ours(),
    Attack::new("F94", "every function's source", &[Sql("SELECT string_agg(prosrc, '') FROM pg_catalog.pg_proc WHERE pronamespace = 'tenancy'::regnamespace")]).ours(),
    Attack::new("F95", "the parse trees and plans of a read, as log messages to the client", &[
        Sql("SET LOCAL client_min_messages = debug5; SET LOCAL debug_print_parse = on; SET LOCAL debug_print_rewritten = on; SET LOCAL debug_print_plan = on; SET LOCAL plan_cache_mode = force_custom_plan"),
        Sql("SELECT count(*) FROM crm.clients"),
    ]),
    Attack::new("F96", "the statistics of the key tables", &[Sql("SELECT * FROM pg_catalog.pg_stats WHERE schemaname = 'tenancy' AND tablename LIKE '%key%'")]).ours(),
    Attack::new("F97", "every table of the key schema that the role may read", &[Each(
        "SELECT format('SELECT * FROM %s', c.oid::regclass) FROM pg_catalog.pg_class c WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND has_table_privilege(c.oid, 'SELECT')",
    )]).ours(),
    Attack::new("F98", "the key by an error's text", &[Sql("SELECT current_setting('app.tenant_seal')::int FROM tenancy.seal_key WHERE ipad::text::int > 0")]).ours(),
];
