//! The server starts on what it was built for, and on nothing else.

use crate::site::Site;
use bearingwall_secrets::FileStore;
use bearingwall_testkit::database::Login;

#[test]
fn ten_5_a_database_or_role_that_breaks_the_promise_is_refused_with_every_reason() {
    let site = Site::new();
    let config = site.config();

    site.execute(
        "GRANT TRUNCATE ON crm.clients TO bearingwall_app; ALTER TABLE crm.chart_notes NO FORCE ROW LEVEL SECURITY",
    );
    let (code, text) = site.refused_start(&config, |_| ());
    assert_eq!(code, 3, "{text}");
    for reason in [
        "the role may TRUNCATE on crm.clients",
        "row security is not forced on crm.chart_notes",
    ] {
        let line = text
            .lines()
            .find(|line| line.contains(reason))
            .unwrap_or_else(|| panic!("{reason}: {text}"));
        assert!(line.starts_with("bearingwall-server: refused: "), "{line}");
    }
    site.execute(
        "REVOKE TRUNCATE ON crm.clients FROM bearingwall_app; ALTER TABLE crm.chart_notes FORCE ROW LEVEL SECURITY",
    );

    site.execute("INSERT INTO public.__diesel_schema_migrations (version) VALUES ('99999999999999')");
    let (code, text) = site.refused_start(&config, |_| ());
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("the schema stands at 99999999999999, this program was built for"),
        "{text}"
    );
    site.execute("DELETE FROM public.__diesel_schema_migrations WHERE version = '99999999999999'");

    let store = FileStore::open(site.secrets()).unwrap();
    store
        .put(
            "superuser",
            site.database.password(Login::Superuser).expose().as_bytes(),
        )
        .unwrap();
    let as_superuser = config
        .replace(&site.database.url(Login::App), &site.database.url(Login::Superuser))
        .replace("#app\"", "#superuser\"");
    let (code, text) = site.refused_start(&as_superuser, |_| ());
    assert_eq!(code, 3, "{text}");
    for reason in [
        "the role has SUPERUSER",
        "the role has BYPASSRLS",
        "the role may CREATE in the database",
    ] {
        assert!(text.lines().any(|line| line.contains(reason)), "{reason}: {text}");
    }

    let mut server = site.serve(&config);
    server.stop();
    assert!(server.wait().success());
}

#[test]
fn ten_1_a_server_whose_enter_key_the_database_does_not_know_does_not_start() {
    let site = Site::new();
    let (code, text) = site.refused_start(&site.config().replace("enter_kid = 1", "enter_kid = 2"), |_| ());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("the database refused the tenant context"), "{text}");
}

#[test]
fn sec_1_a_credential_in_environment_arguments_or_file_stops_the_start() {
    let site = Site::new();
    let config = site.config();
    let secret = "correct-horse-battery";
    let (code, text) = site.refused_start(&config, |command| {
        command
            .env("PGPASSWORD", secret)
            .env("STRIPE_KEY", concat!("sk_", "live_51H8abcdefghijklmnopqrs"));
    });
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("environment variable `PGPASSWORD`") && text.contains("`STRIPE_KEY`"),
        "{text}"
    );
    assert!(!text.contains(secret) && !text.contains("sk_live"), "{text}");

    let (code, text) = site.refused_start(&config, |command| {
        command.arg(format!("--password={secret}"));
    });
    assert_eq!(
        (code, text.contains("argument 3"), text.contains(secret)),
        (2, true, false),
        "{text}"
    );

    let inside = config.replace("[tenancy]", &format!("# password was {secret}\n[tenancy]"));
    let inside = inside.replace("@127.0.0.1", &format!(":{secret}@127.0.0.1"));
    let (code, text) = site.refused_start(&inside, |_| ());
    assert_eq!(
        (code, text.contains("setting `database.url`"), text.contains(secret)),
        (2, true, false),
        "{text}"
    );
}

#[test]
fn a_configuration_with_a_mistake_is_refused_by_its_line() {
    let site = Site::new();
    let config = site.config();
    for (from, to, told) in [
        ("workers = 2", "worker = 2", "unknown field `worker`"),
        ("enter_kid = 1", "enter_kid = \"one\"", "expected i16"),
        ("version = 1", "version = 7", "version 7"),
        ("regions = [\"us-east\"]", "regions = []", "no tenant could be served"),
    ] {
        let (code, text) = site.refused_start(&config.replacen(from, to, 1), |_| ());
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(told), "{told}: {text}");
    }
    let (code, text) = site.refused_start(&config, |command| {
        command.arg("--check-config");
    });
    assert_eq!((code, text.as_str()), (0, "the configuration is sound\n"));
    let missing = site.refused_start(&config, |command| {
        command.arg("--nonsense");
    });
    assert_eq!(missing.0, 2, "{}", missing.1);
}

#[test]
fn sec_1_a_store_without_a_compiled_in_adapter_is_a_start_up_error() {
    let site = Site::new();
    let store = format!("file+sealed://{}#app", site.secrets().display());
    let vault = site.config().replace(&store, "azure-kv://spa-prod/db-app");
    let (code, text) = site.refused_start(&vault, |command| {
        command.arg("--check-config");
    });
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("`database.password`: no adapter for `azure-kv` references is compiled in and set up"),
        "{text}"
    );
    // With its section it is one, and what is missing there is told.
    let (code, text) = site.refused_start(
        &format!("{vault}[vaults.azure]\nidentity = \"workload\"\n"),
        |command| {
            command.arg("--check-config");
        },
    );
    assert_eq!(
        (code, text.contains("workload identity needs `tenant`")),
        (2, true),
        "{text}"
    );
    let (code, text) = site.refused_start(&format!("{vault}[vaults.azure]\nidentity = \"managed\"\n"), |command| {
        command.arg("--check-config");
    });
    assert_eq!((code, text.as_str()), (0, "the configuration is sound\n"));
}

#[test]
fn aut_2_a_server_without_signing_keys_does_not_start() {
    let site = Site::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = site.config().replace(site.issuer.issuer(), &format!("http://{silent}"));
    let (code, text) = site.refused_start(&config, |_| ());
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("the signing keys of issuer") && text.contains("are not available"),
        "{text}"
    );
}
