//! The credential scan against the environments in which people really start programs.

use bearingwall_core::Classified as _;
use bearingwall_secrets::scan::{
    CredentialKind, Place, ScanError, refuse, scan_arguments, scan_document, scan_environment,
};

fn environment(text: &str) -> Vec<String> {
    let variables = text.lines().filter_map(|line| line.trim().split_once('='));
    let findings = scan_environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    findings
        .into_iter()
        .map(|finding| match finding.place {
            Place::Variable { name } => name,
            other => panic!("{other}"),
        })
        .collect()
}

const WORKSTATION: &str = r#"
    SHELL=/bin/bash
    PWD=/home/ada/src/spa
    OLDPWD=/home/ada
    HOME=/home/ada
    LANG=en_US.UTF-8
    LS_COLORS=rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01:cd=40;33;01:or=40;31;01:*.tar=01;31
    PATH=/home/ada/.cargo/bin:/home/ada/.nvm/versions/node/v22.3.0/bin:/nix/store/9krlzvny65gdc8s7kpb6lkx8cd02c25b-bash-5.2/bin:/usr/bin
    XDG_SESSION_ID=2
    XDG_RUNTIME_DIR=/run/user/1000
    XDG_ACTIVATION_TOKEN=gnome-shell/Terminal/2817-0-host_TIME1234567
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus,guid=5c4f9d1b0b1c7e3f8a6d2c4b6501e9aa
    SSH_AUTH_SOCK=/run/user/1000/keyring/ssh
    SSH_CLIENT=10.1.2.3 52144 22
    SSH_CONNECTION=10.1.2.3 52144 10.1.2.4 22
    SSH_ASKPASS=/usr/lib/ssh/askpass
    GIT_ASKPASS=/usr/share/code/resources/app/extensions/git/dist/askpass.sh
    VSCODE_GIT_ASKPASS_NODE=/usr/share/code/code
    VSCODE_GIT_IPC_HANDLE=/run/user/1000/vscode-git-2f1a5b1c3d.sock
    VSCODE_GIT_IPC_AUTH_TOKEN=0f8b6c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b
    CARGO_HOME=/home/ada/.cargo
    CARGO_MANIFEST_DIR=/home/ada/src/spa/crates/secrets
    CARGO_PKG_VERSION=0.1.0
    CARGO_TARGET_DIR=/home/ada/target
    RUSTUP_HOME=/home/ada/.rustup
    RUSTUP_TOOLCHAIN=1.95.0-x86_64-unknown-linux-gnu
    RUSTFLAGS=-C link-arg=-fuse-ld=mold
    JAVA_HOME=/usr/lib/jvm/java-21-openjdk
    GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D
    PYTHON_SHA256=bdc0a93c3d9a5ea4b8f0e9d7aa1f6b2f7c9b7fdf0a8d1a6fb3ad0f0a2d9a7d3a
    PIP_INDEX_URL=https://pypi.example.org/simple
    PIP_CERT=/etc/ssl/certs/ca.crt
    NPM_CONFIG_CACHE=/home/ada/.npm
    npm_config_user_agent=npm/10.8.1 node/v22.3.0 linux x64
    DOCKER_HOST=unix:///var/run/docker.sock
    KUBECONFIG=/home/ada/.kube/config
    GOOGLE_APPLICATION_CREDENTIALS=/home/ada/.config/gcloud/application_default_credentials.json
    DATABASE_URL=postgres://app@localhost/spa
    INVOCATION_ID=4b7f6c1d2e3f4a5b9c7d8e9f0a1b2c3d
    JOURNAL_STREAM=8:29381
    WINDOWID=41943047
    TERM_SESSION_ID=w0t0p0:6F1D8E0C-7E37-4A9A-93A7-0B6A2C1E5D4F
    PS1=\u@\h:\w\$
    BASH_FUNC_which%%=() { password=$1; echo "$password"; }
    MAX_TOKEN=4096
    LESSOPEN=| /usr/bin/lesspipe %s
    _=/usr/bin/cargo
"#;

const BUILD_MACHINE: &str = r"
    CI=true
    GITHUB_ACTIONS=true
    GITHUB_ACTOR=ada
    GITHUB_REPOSITORY=spa/bearingwall
    GITHUB_RUN_ID=9876543210
    GITHUB_SHA=ffac537e6cbbf934b08745a378932722df287a53
    GITHUB_WORKFLOW_SHA=ffac537e6cbbf934b08745a378932722df287a53
    GITHUB_SERVER_URL=https://github.com
    GITHUB_ENV=/home/runner/work/_temp/_runner_file_commands/set_env_4f1b5b2e-3d1c-4a8e-8f0a-b1c2d3e4f5a6
    RUNNER_TEMP=/home/runner/work/_temp
    ACTIONS_ID_TOKEN_REQUEST_URL=https://run-actions-1.example.com/83//idtoken/a1b2c3d4-0000-4000-8000-a1b2c3d4e5f6
    ImageVersion=20261101.1.0
    AWS_ROLE_ARN=arn:aws:iam::123456789012:role/spa-deploy
    AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token
    AZURE_CLIENT_ID=6f1d8e0c-7e37-4a9a-93a7-0b6a2c1e5d4f
    AZURE_TENANT_ID=7f1d8e0c-7e37-4a9a-93a7-0b6a2c1e5d4f
    AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token
    DB_PASSWORD_FILE=/run/secrets/db
    DB_PASSWORD=file+sealed:///var/lib/spa/secrets#db/app
    STRIPE_API_KEY=azure-kv://spa-prod/stripe
    NODE_AUTH_TOKEN=${NPM_TOKEN}
    GIT_HTTP_PROXY=http://proxy.example.org:3128
";

#[test]
fn sec_1_ordinary_environments_pass() {
    assert_eq!(environment(WORKSTATION), Vec::<String>::new());
    assert_eq!(environment(BUILD_MACHINE), Vec::<String>::new());
}

#[test]
fn sec_1_credentials_in_the_environment_are_found_by_name_or_shape() {
    let token = ["ghs_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let text = format!(
        "GITHUB_TOKEN={token}
        HARMLESS={token}
        GITLAB_CI_TOKEN=anything
        PGPASSWORD=hunter2
        MYSQL_PWD=hunter2
        DB_PASSWORD=12345678
        DB_PASSWORD_2=/hunter2/and/more
        AWS_SECRET_ACCESS_KEY=/JalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
        AZURE_CLIENT_SECRET=a~b
        clientSecret=a~b
        stripe-api-key=abc
        http_proxy=http://ada:hunter2@proxy:3128
        SIGNED=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
    );
    let found = environment(&text);
    assert_eq!(found.len(), text.lines().count(), "{found:?}");
}

#[test]
fn sec_1_findings_name_the_place_and_never_the_value() {
    let findings = scan_environment([("PGPASSWORD".to_owned(), "hunter2".to_owned())].into_iter());
    let error = refuse(findings).unwrap_err();
    assert_eq!(error.code(), "SEC-030");
    let text = format!("{error} {error:?}");
    assert!(text.contains("environment variable `PGPASSWORD`"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(refuse(Vec::new()).is_ok());
}

#[test]
fn sec_1_credentials_in_arguments_are_found() {
    let places = |line: &str| -> Vec<usize> {
        let findings = scan_arguments(line.split(' ').map(str::to_owned));
        findings
            .into_iter()
            .map(|finding| match finding.place {
                Place::Argument { index } => index,
                other => panic!("{other}"),
            })
            .collect()
    };
    assert_eq!(
        places("server --config /etc/spa/server.toml --port 8080 -v serve"),
        Vec::<usize>::new()
    );
    assert_eq!(
        places("server --admin-password file+sealed:///var/lib/spa#db --token-file /run/t"),
        Vec::<usize>::new()
    );
    assert_eq!(places("server --password=hunter2"), [1]);
    assert_eq!(places("server --db-password hunter2 serve"), [2]);
    assert_eq!(places("server --api-key abc --database postgres://a:b@c/d"), [2, 4]);
}

const CONFIGURATION: &str = r##"
version = 1
regions = ["us-east-1", "eu-central-1"]
listen = "127.0.0.1:8080"
public_url = "https://crm.spa.example/v1"

[database]
url = "postgres://bearingwall_app@bearingwall-prod.cluster-c9akciq32rbr.us-east-1.rds.amazonaws.com:5432/bearingwall"
password = "azure-kv://spa-prod/db-app"  # the login of the server
enter_key = "file+sealed:///var/lib/bearingwall/secrets#tenancy/enter-key"
ca_sha256 = "bdc0a93c3d9a5ea4b8f0e9d7aa1f6b2f7c9b7fdf0a8d1a6fb3ad0f0a2d9a7d3a"
role_arn = "arn:aws:iam::123456789012:role/BearingwallProductionServer"

[[issuers]]
issuer = "https://login.microsoftonline.com/7f1d8e0c-7e37-4a9a-93a7-0b6a2c1e5d4f/v2.0"
audience = "api://6f1d8e0c-7e37-4a9a-93a7-0b6a2c1e5d4f"
customer = "0190d6f0-0000-7000-8000-000000000001"
algorithms = ["RS256", "ES256"]
jwks_uri = "https://login.example/keys"

[telemetry]
level = "info,bearingwall_http=debug"
service_name = "bearingwall-server-us-east-1-blue"
max_token = 4096
"##;

#[test]
fn sec_1_a_configuration_of_references_passes() {
    assert_eq!(scan_document(CONFIGURATION), []);
}

#[test]
fn sec_1_credentials_in_a_configuration_are_found_with_path_and_line() {
    let planted = [
        ("password = \"hunter2\"", CredentialKind::NamedCredential),
        ("password = 4815162342", CredentialKind::NamedCredential),
        ("clientSecret = 'correct horse'", CredentialKind::NamedCredential),
        ("url = \"postgres://app:hunter2@db/spa\"", CredentialKind::UrlPassword),
        ("dsn = \"host=db password=hunter2\"", CredentialKind::ConnectionString),
        (
            "pem = \"\"\"-----BEGIN PRIVATE KEY-----\nMC4\n\"\"\"",
            CredentialKind::PrivateKey,
        ),
        (
            "value = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"",
            CredentialKind::HighEntropy,
        ),
        (
            "value = \"9f86d081884c7d659a2feaa0c55ad015\"",
            CredentialKind::HighEntropy,
        ),
        ("value = \"x, Kq8vTz1mYw4Rb7Ns2Lp9\"", CredentialKind::HighEntropy),
        ("value = \"k3j9x2m7q4w8z1v6b5n0c3l7p2\"", CredentialKind::HighEntropy),
    ];
    for (line, kind) in planted {
        let document = format!("version = 1\n[outer.inner]\nharmless = true\n{line}\n");
        let findings = scan_document(&document);
        assert_eq!(findings.len(), 1, "{line}: {findings:?}");
        assert_eq!(findings[0].kind, kind, "{line}");
        let key = line.split_once(' ').unwrap().0;
        let place = Place::Setting {
            path: format!("outer.inner.{key}"),
            line: 4,
        };
        assert_eq!(findings[0].place, place, "{line}");
    }
}

#[test]
fn sec_1_lists_tables_comments_and_broken_documents_are_scanned_too() {
    let token = ["sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
    let in_list = scan_document(&format!(
        "[[vendors]]\nname = \"a\"\n[[vendors]]\nkeys = [\"x\", \"{token}\"]\n"
    ));
    assert_eq!(
        in_list[0].place,
        Place::Setting {
            path: "vendors[1].keys[1]".to_owned(),
            line: 4
        }
    );
    let in_comment = scan_document(&format!("version = 1\n# old: {token}\n"));
    assert_eq!(in_comment[0].place, Place::Line { line: 2 });
    let broken = scan_document(&format!("version = 1\nkey {token}\n"));
    assert!(
        broken.iter().any(|finding| finding.place == Place::Line { line: 2 }),
        "{broken:?}"
    );
    let Err(ScanError::CredentialsFound { findings, .. }) = refuse(in_list) else {
        panic!("must be refused")
    };
    assert_eq!(findings.len(), 1);
}
