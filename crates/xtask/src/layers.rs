//! Dependencies between our crates go down only, and what must stay out of reach is out of reach.

use crate::report::Report;
use crate::repository::{Dependency, Metadata, Package, Repository, run};
use std::collections::BTreeSet;

const PREFIX: &str = "bearingwall-";

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A library crate; it may use any library crate of a lower number.
    Level(u8),
    /// One vendor behind one port; it may use the crate of its port and what lies below that.
    Adapter(&'static str),
    /// A program: it may use libraries and adapters.
    Binary,
    /// Tests and tools: reachable through dev-dependencies, from other tools, and where [`DECLARED`] says so.
    Tool,
}

/// The layers, top of the list at the bottom of the building. A new crate gets its line here first.
pub const LAYERS: &[(&str, Layer)] = &[
    ("core", Layer::Level(0)),
    ("pii", Layer::Level(1)),
    ("controls", Layer::Level(1)),
    ("events", Layer::Level(1)),
    ("tlog", Layer::Level(1)),
    ("tenancy", Layer::Level(2)),
    ("authn", Layer::Level(2)),
    ("rbac", Layer::Level(2)),
    ("secrets", Layer::Level(2)),
    ("telemetry", Layer::Level(2)),
    ("program", Layer::Level(3)),
    ("vaults", Layer::Level(3)),
    ("audit", Layer::Level(3)),
    ("sealing", Layer::Level(3)),
    ("gates", Layer::Level(4)),
    ("outbox", Layer::Level(5)),
    ("connectors", Layer::Level(6)),
    ("domain", Layer::Level(7)),
    ("reasoning", Layer::Level(8)),
    ("rbac-casbin", Layer::Adapter("rbac")),
    ("authn-oidc", Layer::Adapter("authn")),
    ("connector-ses", Layer::Adapter("connectors")),
    ("secrets-azure", Layer::Adapter("secrets")),
    ("secrets-aws", Layer::Adapter("secrets")),
    ("witness-s3", Layer::Adapter("sealing")),
    ("http", Layer::Level(9)),
    ("server", Layer::Binary),
    ("ctl", Layer::Binary),
    ("demo", Layer::Binary),
    ("verify", Layer::Binary),
    ("sealer", Layer::Binary),
    ("worker", Layer::Binary),
    ("migrations", Layer::Tool),
    ("testkit", Layer::Tool),
    ("interop", Layer::Tool),
    ("xtask", Layer::Tool),
];

/// Edges that the layers alone would refuse, each with its reason.
pub const DECLARED: &[(&str, &str, &str)] = &[
    (
        "vaults",
        "secrets-aws",
        "the wiring of vaults that all programs share; behind a feature that a program sets",
    ),
    (
        "vaults",
        "secrets-azure",
        "the wiring of vaults that all programs share; behind a feature that a program sets",
    ),
    ("ctl", "migrations", "the operator's tool is what migrates"),
    ("demo", "migrations", "the demo bootstraps a database of its own"),
    (
        "demo",
        "testkit",
        "the demo runs the embedded cluster and the development issuer",
    ),
    ("demo", "ctl", "the demo makes tenants in the way an operator does"),
    ("demo", "server", "the demo runs the real server"),
    ("demo", "sealer", "the demo runs the real sealer"),
    ("interop", "sealer", "its checkpoints are left with real peers"),
    ("interop", "worker", "programs are watched as processes"),
    ("interop", "ctl", "programs are watched as processes"),
    ("testkit", "migrations", "a test database is a migrated one"),
    ("interop", "server", "real peers are tried against the real server"),
];

/// Programs that hold secrets and begin otherwise, each with its reason.
pub const BEGINS_OTHERWISE: &[(&str, &str)] = &[(
    "demo",
    "it makes all secrets itself, for nobody else, and the server that it starts begins as it must",
)];

/// What the resolved normal dependencies of a package must not hold: package, name or prefix ending in `*`, reason.
pub const UNREACHABLE: &[(&str, &str, &str)] = &[
    (
        "server",
        "bearingwall-migrations",
        "a server never holds migration code",
    ),
    ("server", "diesel_migrations", "a server never holds migration code"),
    (
        "server",
        "bearingwall-testkit",
        "the development issuer and the embedded cluster are not for production",
    ),
    ("verify", "tokio*", "an auditor's program has no network and no runtime"),
    ("verify", "diesel*", "an auditor's program has no database"),
    ("tenancy", "actix*", "isolation is usable without the web framework"),
    ("tenancy", "casbin", "isolation is usable without the policy engine"),
    ("tenancy", "aws-sdk*", "isolation is usable without a cloud"),
    ("tenancy", "azure*", "isolation is usable without a cloud"),
];

/// Checks the workspace.
pub fn check(repository: &Repository) -> anyhow::Result<Report> {
    let metadata = Metadata::load(repository.root())?;
    let mut report = Report::default();
    check_edges(&metadata, &mut report);
    check_beginnings(&metadata, &mut report);
    for package in &metadata.packages {
        check_lints(&metadata, package, repository, &mut report);
    }
    for (package, forbidden, reason) in UNREACHABLE {
        let full = format!("{PREFIX}{package}");
        if metadata.packages.iter().any(|candidate| candidate.name == full) {
            // `cargo tree -p` resolves the features of that package alone; the workspace's own graph would unify
            // features of test code into it.
            let arguments = [
                "tree", "-p", &full, "-e", "normal", "--prefix", "none", "--target", "all", "--locked",
            ];
            check_reach(
                &full,
                &run(repository.root(), "cargo", &arguments)?,
                forbidden,
                reason,
                &mut report,
            );
        }
    }
    report.looked_at(metadata.packages.len(), "crates");
    Ok(report)
}

fn short(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

fn layer(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn check_edges(metadata: &Metadata, report: &mut Report) {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        let Some((from, from_layer)) = short(&package.name).and_then(|from| Some((from, layer(from)?))) else {
            report.at(
                &package.name,
                "has no layer: name it `bearingwall-…` and give it a line in `LAYERS` of xtask",
            );
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            // A crate may depend on itself in its tests, to switch a feature on.
            .filter(|dependency| ours.contains(dependency.name.as_str()) && dependency.name != package.name)
        {
            let Some((to, to_layer)) = short(&dependency.name).and_then(|to| Some((to, layer(to)?))) else {
                continue;
            };
            let dev = dependency.kind.as_deref() == Some("dev");
            if let Err(reason) = edge(from, from_layer, to, to_layer, dev) {
                report.at(
                    &metadata.folder(package),
                    format!("must not depend on `{to}`: {reason}"),
                );
            }
        }
    }
}

/// Whether a crate may depend on another; if not, why.
fn edge(from: &str, from_layer: Layer, to: &str, to_layer: Layer, dev: bool) -> Result<(), String> {
    if DECLARED
        .iter()
        .any(|(known_from, known_to, _)| (*known_from, *known_to) == (from, to))
    {
        return Ok(());
    }
    match (from_layer, to_layer) {
        // A test may stand on test tools and on a real adapter; neither reaches what is built from the crate.
        (_, Layer::Tool | Layer::Adapter(_)) if dev => Ok(()),
        (_, Layer::Tool) => Err("tests and tools are for dev-dependencies; or declare the edge in `DECLARED`".into()),
        (Layer::Binary | Layer::Tool, Layer::Adapter(_) | Layer::Level(_)) => Ok(()),
        (_, Layer::Adapter(port)) => Err(format!("use its port in `{port}`; only binaries know adapters")),
        (_, Layer::Binary) => Err("nothing stands on a program".into()),
        (Layer::Level(above), Layer::Level(below)) if below < above => Ok(()),
        (Layer::Level(same), Layer::Level(other)) if same == other => {
            Err(format!("both stand in layer {same}; compose them one layer up"))
        }
        (Layer::Level(below), Layer::Level(above)) => Err(format!(
            "it stands in layer {above}, above layer {below}; edges go down only"
        )),
        (Layer::Adapter(port), Layer::Level(level)) => match layer(port) {
            Some(Layer::Level(port_level)) if to == port || level < port_level => Ok(()),
            _ => Err(format!("an adapter uses its port `{port}` and what lies below it")),
        },
    }
}

/// A program that holds secrets begins with the search for credentials, or does not build.
// CONTROL: SEC-1
fn check_beginnings(metadata: &Metadata, report: &mut Report) {
    for package in &metadata.packages {
        let depends_on = |name: &str| {
            let is = |dependency: &Dependency| short(&dependency.name) == Some(name) && dependency.kind.is_none();
            package.dependencies.iter().any(is)
        };
        let is_program = short(&package.name).and_then(layer) == Some(Layer::Binary);
        let is_exempt = BEGINS_OTHERWISE
            .iter()
            .any(|(name, _)| short(&package.name) == Some(name));
        if is_program && !is_exempt && depends_on("secrets") && !depends_on("program") {
            report.at(
                &metadata.folder(package),
                "holds secrets and must begin with `bearingwall_program::begin`",
            );
        }
    }
}

fn check_lints(metadata: &Metadata, package: &Package, repository: &Repository, report: &mut Report) {
    let folder = metadata.folder(package);
    let path = format!("{folder}/Cargo.toml");
    let inherits = repository
        .text(&path)
        .and_then(|text| text.parse::<toml::Table>().ok())
        .is_some_and(|manifest| {
            let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
            lints.and_then(toml::Value::as_bool) == Some(true)
        });
    if !inherits {
        report.at(&path, "lacks `[lints] workspace = true`");
    }
}

/// Looks for a forbidden name in what `cargo tree --prefix none` printed.
fn check_reach(package: &str, tree: &str, forbidden: &str, reason: &str, report: &mut Report) {
    let reached: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    if !reached.contains(package) {
        report.at(
            package,
            "`cargo tree` shows nothing of it, so its reach could not be checked",
        );
    }
    for name in reached {
        let hit = match forbidden.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == forbidden,
        };
        if hit {
            report.at(
                package,
                format!("reaches `{name}`: {reason}; `cargo tree -p {package} -e normal -i {name}` says how"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(edges: &[(&str, &str, Option<&str>)]) -> Metadata {
        let mut names: Vec<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        names.sort_unstable();
        names.dedup();
        let packages: Vec<_> = names
            .iter()
            .map(|name| {
                let dependencies: Vec<_> = edges
                    .iter()
                    .filter(|(from, ..)| from == name)
                    .map(|(_, to, kind)| serde_json::json!({"name": format!("bearingwall-{to}"), "kind": kind}))
                    .collect();
                serde_json::json!({
                    "name": format!("bearingwall-{name}"),
                    "description": "x",
                    "dependencies": dependencies,
                    "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
                })
            })
            .collect();
        serde_json::from_value(serde_json::json!({"packages": packages, "workspace_root": "/w"})).unwrap()
    }

    fn findings(edges: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let mut report = Report::default();
        check_edges(&workspace(edges), &mut report);
        report.findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sec_1_a_program_that_holds_secrets_and_begins_otherwise_is_found() {
        let found = |edges: &[(&str, &str, Option<&str>)]| {
            let mut report = Report::default();
            check_beginnings(&workspace(edges), &mut report);
            report.findings().len()
        };
        assert_eq!(found(&[("sealer", "secrets", None)]), 1);
        assert_eq!(
            found(&[("sealer", "secrets", None), ("sealer", "program", Some("dev"))]),
            1
        );
        assert_eq!(found(&[("sealer", "secrets", None), ("sealer", "program", None)]), 0);
        assert_eq!(
            found(&[("sealer", "secrets", Some("dev")), ("demo", "secrets", None)]),
            0
        );
        assert_eq!(found(&[("audit", "secrets", None)]), 0);
    }

    #[test]
    fn edges_down_are_clean() {
        let edges = [
            ("audit", "tenancy", None),
            ("http", "core", None),
            ("rbac-casbin", "rbac", None),
            ("rbac-casbin", "core", None),
            ("server", "rbac-casbin", None),
            ("ctl", "migrations", None),
            ("audit", "testkit", Some("dev")),
            ("http", "rbac-casbin", Some("dev")),
            ("xtask", "authn", None),
        ];
        assert_eq!(findings(&edges), Vec::<String>::new());
    }

    #[test]
    fn edges_up_and_sideways_are_found() {
        let cases = [
            (("tenancy", "audit", None), "edges go down only"),
            (("core", "controls", Some("build")), "edges go down only"),
            (("tenancy", "secrets", None), "compose them one layer up"),
            (("tenancy", "secrets", Some("dev")), "compose them one layer up"),
            (("http", "rbac-casbin", None), "only binaries know adapters"),
            (("rbac-casbin", "tenancy", None), "uses its port `rbac`"),
            (("server", "testkit", None), "dev-dependencies"),
            (("server", "migrations", None), "dev-dependencies"),
            (("http", "server", Some("dev")), "nothing stands on a program"),
            (("server", "ctl", None), "nothing stands on a program"),
        ];
        for (case, expected) in cases {
            let found = findings(&[case]);
            assert!(
                matches!(&found[..], [only] if only.contains(expected)),
                "{case:?}: {found:?}"
            );
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        let found = findings(&[("novelty", "core", None)]);
        assert!(
            matches!(&found[..], [only] if only.contains("has no layer")),
            "{found:?}"
        );
    }

    #[test]
    fn the_layers_name_each_crate_once_and_ports_are_levels() {
        let names: BTreeSet<_> = LAYERS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), LAYERS.len());
        for (name, place) in LAYERS {
            if let Layer::Adapter(port) = place {
                assert!(matches!(layer(port), Some(Layer::Level(_))), "{name}");
            }
        }
        for (from, to, reason) in DECLARED {
            assert!(layer(from).is_some() && layer(to).is_some() && !reason.is_empty());
        }
    }

    #[test]
    fn a_crate_that_does_not_take_the_lints_is_found() {
        let metadata = workspace(&[("audit", "core", None)]);
        let repository = Repository::of(&[
            (
                "crates/audit/Cargo.toml",
                "[package]\nname = \"x\"\n[lints]\nworkspace = true\n",
            ),
            (
                "crates/core/Cargo.toml",
                "[package]\nname = \"x\"\n# [lints]\n# workspace = true\n",
            ),
        ]);
        let mut report = Report::default();
        for package in &metadata.packages {
            check_lints(&metadata, package, &repository, &mut report);
        }
        assert_eq!(report.findings().len(), 1);
        assert!(report.mentions("crates/core/Cargo.toml: lacks"));
    }

    #[test]
    fn what_must_stay_out_of_reach_is_found() {
        let tree = "bearingwall-tenancy v0.1.0\ntokio v1.0.0\nactix-web v4.0.0 (*)\n";
        let mut report = Report::default();
        check_reach("bearingwall-tenancy", tree, "actix*", "because", &mut report);
        check_reach("bearingwall-tenancy", tree, "casbin", "because", &mut report);
        assert_eq!(report.findings().len(), 1);
        assert!(report.mentions("reaches `actix-web`"));
        check_reach("bearingwall-server", "", "casbin", "because", &mut report);
        assert!(report.mentions("could not be checked"));
    }
}
