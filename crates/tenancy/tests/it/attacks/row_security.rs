//! Switch row security off: by the session, by DDL, by another role, by the catalog.

use super::attack::Attack;
use super::attack::Judge::Allows;
use super::attack::Step::Sql;

const READ: &str = "SELECT * FROM crm.clients";

pub(crate) const SESSION: &[Attack] = &[
    Attack::new(
        "R01",
        "row_security = off",
        &[Sql("SET LOCAL row_security = off"), Sql(READ)],
    ),
    Attack::new(
        "R02",
        "session_replication_role = replica",
        &[Sql("SET LOCAL session_replication_role = replica"), Sql(READ)],
    ),
    Attack::new(
        "R03",
        "allow_system_table_mods",
        &[
            Sql("SET LOCAL allow_system_table_mods = on"),
            Sql("UPDATE pg_catalog.pg_class SET relrowsecurity = false"),
        ],
    ),
    Attack::new(
        "R04",
        "become the owner of the tables",
        &[Sql("SET ROLE {owner}"), Sql(READ)],
    ),
    Attack::new(
        "R05",
        "become the migrations' role",
        &[Sql("SET LOCAL ROLE bearingwall_admin"), Sql(READ)],
    ),
    Attack::new(
        "R06",
        "become the backup role, which passes row security",
        &[Sql("SET ROLE bearingwall_backup"), Sql(READ)],
    ),
    Attack::new(
        "R07",
        "become the superuser by authorization",
        &[Sql("SET SESSION AUTHORIZATION postgres"), Sql(READ)],
    ),
    Attack::new(
        "R08",
        "become the migrations' role by authorization",
        &[Sql("SET SESSION AUTHORIZATION bearingwall_admin"), Sql(READ)],
    ),
    Attack::new(
        "R09",
        "set the role as a setting",
        &[Sql("SELECT set_config('role', 'bearingwall_admin', true)"), Sql(READ)],
    ),
    Attack::new(
        "R10",
        "claim to be a superuser",
        &[Sql("SELECT set_config('is_superuser', 'on', true)"), Sql(READ)],
    )
    .by(&["55P02"]),
    Attack::new(
        "R11",
        "take on pg_read_all_data",
        &[Sql("SET ROLE pg_read_all_data"), Sql(READ)],
    ),
];

pub(crate) const DDL: &[Attack] = &[
    Attack::new("R20", "DISABLE ROW LEVEL SECURITY", &[Sql("ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY"), Sql(READ)]),
    Attack::new("R21", "NO FORCE ROW LEVEL SECURITY", &[Sql("ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY"), Sql(READ)]),
    Attack::new("R22", "DROP POLICY", &[Sql("DROP POLICY tenant_isolation ON crm.clients"), Sql(READ)]).ours(),
    Attack::new("R23", "ALTER POLICY … USING (true)", &[Sql("ALTER POLICY tenant_isolation ON crm.clients USING (true)"), Sql(READ)]).ours(),
    Attack::new("R24", "CREATE POLICY … USING (true)", &[Sql("CREATE POLICY mine ON crm.clients USING (true)"), Sql(READ)]),
    Attack::new("R25", "take the table", &[Sql("ALTER TABLE crm.clients OWNER TO bearingwall_app"), Sql(READ)]),
    Attack::new("R26", "DISABLE TRIGGER ALL", &[Sql("ALTER TABLE crm.clients DISABLE TRIGGER ALL")]),
    Attack::new("R27", "a rule on the table", &[Sql("CREATE RULE r AS ON UPDATE TO crm.clients DO ALSO SELECT 1")]),
    Attack::new("R28", "a trigger on the table", &[Sql(
        "CREATE TRIGGER t BEFORE UPDATE ON crm.clients FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    )])
    .note("the tutorial grants TRIGGER: it runs in every tenant's statements"),
    Attack::new("R29", "a child of the table", &[Sql("CREATE TEMP TABLE child () INHERITS (crm.clients)")]),
    Attack::new("R30", "a foreign key on the table", &[
        Sql("CREATE TEMP TABLE r (customer_id uuid, id uuid)"),
        Sql("ALTER TABLE pg_temp.r ADD FOREIGN KEY (id) REFERENCES crm.clients"),
    ])
    .by(&["42P16", "42830"]),
    Attack::new("R31", "DROP OWNED BY oneself", &[Sql("DROP OWNED BY CURRENT_USER")])
        .note("it owns nothing, and a role cannot revoke what others have granted to it"),
    Attack::new("R32", "REASSIGN OWNED", &[Sql("REASSIGN OWNED BY bearingwall_admin TO bearingwall_app")]),
    Attack::new("R33", "drop the table", &[Sql("DROP TABLE crm.clients CASCADE")]),
    Attack::new("R34", "move the table to another schema", &[Sql("ALTER TABLE crm.clients SET SCHEMA public")]),
    Attack::new("R35", "grant everything to everybody", &[Sql("GRANT ALL ON crm.clients TO PUBLIC")])
        .note("PostgreSQL warns and grants nothing, or refuses"),
    Attack::new("R36", "an event trigger of one's own", &[Sql("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()")]),
    Attack::new("R37", "a schema of one's own in front", &[Sql("CREATE SCHEMA evil")]),
    Attack::new("R38", "a default privilege for what comes", &[Sql("ALTER DEFAULT PRIVILEGES FOR ROLE bearingwall_admin GRANT ALL ON TABLES TO bearingwall_app")]),
];

pub(crate) const ROLES: &[Attack] = &[
    Attack::new(
        "R50",
        "give oneself BYPASSRLS",
        &[Sql("ALTER ROLE bearingwall_app BYPASSRLS")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R51",
        "give oneself SUPERUSER",
        &[Sql("ALTER ROLE bearingwall_app SUPERUSER")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R52",
        "give oneself CREATEROLE",
        &[Sql("ALTER ROLE bearingwall_app CREATEROLE")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R53",
        "grant oneself the owner",
        &[Sql("GRANT bearingwall_owner TO bearingwall_app")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R54",
        "grant oneself pg_read_all_data",
        &[Sql("GRANT pg_read_all_data TO bearingwall_app")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R55",
        "create a login of one's own",
        &[Sql("CREATE ROLE bearingwall_test_intruder LOGIN SUPERUSER")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R56",
        "let the migrations' role in without a password",
        &[Sql("ALTER ROLE bearingwall_admin PASSWORD NULL")],
    )
    .judge(Allows)
    .undone(),
    Attack::new(
        "R57",
        "store row_security = off on one's own role",
        &[Sql("ALTER ROLE bearingwall_app SET row_security = off")],
    )
    .judge(Allows)
    .undone()
    .residual("own-role"),
    Attack::new(
        "R58",
        "store a search path on one's own role",
        &[Sql("ALTER ROLE bearingwall_app SET search_path = public, pg_catalog")],
    )
    .judge(Allows)
    .undone()
    .residual("own-role"),
    Attack::new(
        "R59",
        "change the password of one's own role",
        &[Sql(
            "ALTER ROLE bearingwall_app PASSWORD 'SCRAM-SHA-256$4096:AAAA$AAAA:AAAA'",
        )],
    )
    .judge(Allows)
    .undone()
    .residual("own-role"),
    Attack::new(
        "R60",
        "store a role for every next session",
        &[Sql("ALTER ROLE bearingwall_app SET role = 'bearingwall_admin'")],
    )
    .judge(Allows)
    .undone()
    .residual("own-role")
    .note("it takes effect only where the role is a member, and nobody made it one"),
    Attack::new(
        "R61",
        "store a setting on the database",
        &[Sql("ALTER DATABASE {database} SET row_security = off")],
    )
    .judge(Allows)
    .undone(),
];

pub(crate) const CATALOG: &[Attack] = &[
    Attack::new(
        "R70",
        "UPDATE pg_class",
        &[
            Sql("UPDATE pg_catalog.pg_class SET relrowsecurity = false WHERE oid = 'crm.clients'::regclass"),
            Sql(READ),
        ],
    ),
    Attack::new(
        "R71",
        "DELETE FROM pg_policy",
        &[Sql("DELETE FROM pg_catalog.pg_policy"), Sql(READ)],
    ),
    Attack::new(
        "R72",
        "UPDATE pg_authid",
        &[Sql(
            "UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname = CURRENT_USER",
        )],
    ),
    Attack::new(
        "R73",
        "INSERT INTO pg_auth_members",
        &[Sql(
            "INSERT INTO pg_catalog.pg_auth_members SELECT m.* FROM pg_catalog.pg_auth_members m",
        )],
    ),
    Attack::new(
        "R74",
        "ALTER SYSTEM",
        &[Sql("COMMIT"), Sql("ALTER SYSTEM SET row_security = off")],
    ),
    Attack::new(
        "R75",
        "replace a built-in function",
        &[Sql(
            "CREATE OR REPLACE FUNCTION pg_catalog.uuid_eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        )],
    ),
];
