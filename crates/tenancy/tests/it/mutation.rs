//! The mutation proof: every weakening of the migrated schema that its own catalog suggests makes the inventory or an attack go red.

mod arena;
mod attack;
mod body;
mod gates;
mod identity;
mod roles;

use attack::Attacks;
use bearingwall_tenancy::inventory::{Check, Finding, Inspector, InventoryOptions};
use bearingwall_testkit::database::TestDatabase;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;
use tokio_postgres::Client;

const CATALOG: &str = include_str!("mutation/catalog.sql");
const BEGIN: &str = "BEGIN; SET LOCAL bearingwall.audit_ddl = 'on';";

/// One weakening.
struct Mutation {
    kind: String,
    name: String,
    statement: String,
}

impl std::fmt::Display for Mutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.name)
    }
}

async fn of_the_catalog(superuser: &Client) -> Vec<Mutation> {
    superuser
        .batch_execute("SET search_path = pg_catalog, pg_temp")
        .await
        .unwrap();
    let rows = superuser.query(CATALOG, &[]).await.unwrap();
    superuser.batch_execute("RESET search_path").await.unwrap();
    rows.iter()
        .map(|row| Mutation {
            kind: row.get(0),
            name: row.get(1),
            statement: row.get(2),
        })
        .collect()
}

/// Past the test harness's capture: the counts are part of the proof.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "mutation proof: {what}");
}

/// How many of a kind there were, and how many were found.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, usize)>);

impl Tally {
    fn count(&mut self, kind: &str, found: bool) {
        let entry = self.0.entry(kind.to_owned()).or_default();
        entry.0 += 1;
        entry.1 += usize::from(found);
    }

    fn total(&self) -> (usize, usize) {
        self.0
            .values()
            .fold((0, 0), |sum, entry| (sum.0 + entry.0, sum.1 + entry.1))
    }
}

/// The checks that a kind of weakening is about. They are asked first; whatever they don't find is put to all of them.
fn first_asked(kind: &str) -> &'static [Check] {
    match kind {
        "policy" => &[
            Check::TenantPolicy,
            Check::FurtherPolicy,
            Check::PhiPolicy,
            Check::PhiRegister,
        ],
        "row security" => &[Check::RowSecurity, Check::ForcedRowSecurity],
        "table privilege" => &[
            Check::TablePrivileges,
            Check::PublicPrivileges,
            Check::PartitionPrivileges,
        ],
        "owner" | "schema" => &[Check::Ownership, Check::SchemaPrivileges],
        "trigger" => &[Check::Trigger, Check::AppendOnlyTrigger],
        "event trigger" => &[Check::EventTrigger],
        "statistics" => &[Check::ColumnStatistics, Check::ExtendedStatistics],
        "role" => &[Check::RoleAttributes, Check::RoleMembership, Check::RoleSettings],
        "parameter" => &[Check::ParameterPrivileges],
        "database" => &[Check::DatabasePrivileges, Check::RoleSettings],
        "default privilege" => &[Check::DefaultPrivileges],
        _ => &[],
    }
}

/// A database with the inventory prepared on its superuser's connection, as a whole and in parts.
struct Arena {
    _database: TestDatabase,
    superuser: Client,
    all: Inspector,
    /// The comparison with the release, schema by schema.
    release: [(&'static str, Inspector); 3],
    parts: BTreeMap<String, Inspector>,
}

impl Arena {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        let superuser = database.superuser_client().await;
        let options = InventoryOptions::bearingwall();
        let all = Inspector::prepare(&superuser, options.clone()).await.unwrap();
        assert_eq!(all.findings(&superuser).await.unwrap(), []);
        let release = async |schema: &'static str| {
            let mut options = options.clone();
            options.release_schemas = vec![schema.to_owned()];
            let prepared = Inspector::prepare_checks(&superuser, options, &[Check::ReleaseDrift]).await;
            (schema, prepared.unwrap())
        };
        let release = [
            release("tenancy").await,
            release("audit").await,
            release("platform").await,
        ];
        Self {
            _database: database,
            superuser,
            all,
            release,
            parts: BTreeMap::new(),
        }
    }

    /// What the inventory finds in the weakened schema, of which one finding is enough.
    async fn findings(&mut self, mutation: &Mutation) -> Vec<Finding> {
        // Partitions are no part of the comparison with the release.
        let released = self.release.iter().find(|(schema, _)| {
            mutation.name.contains(&format!("{schema}.")) && !mutation.name.contains("audit.events_2")
        });
        if let Some((_, release)) = released {
            let found = release.findings(&self.superuser).await.unwrap();
            if !found.is_empty() {
                return found;
            }
        }
        if let Some(part) = self.parts.get(&mutation.kind) {
            let found = part.findings(&self.superuser).await.unwrap();
            if !found.is_empty() {
                return found;
            }
        }
        self.all.findings(&self.superuser).await.unwrap()
    }

    /// What the inventory finds in a transaction that is weakened and rolled back.
    async fn weaken(&mut self, mutation: &Mutation, repairs: &Mutex<Repairs>) -> Result<Vec<Finding>, String> {
        let weakened = self
            .superuser
            .batch_execute(&format!("{BEGIN} {}", mutation.statement))
            .await;
        let found = match weakened {
            Ok(()) => {
                let found = self.findings(mutation).await;
                let is_new = repairs.lock().unwrap().is_new(mutation, &found);
                if is_new {
                    let left = self.repair().await;
                    repairs.lock().unwrap().left(mutation, left);
                }
                Ok(found)
            }
            Err(error) => Err(error.as_db_error().unwrap().message().to_owned()),
        };
        self.superuser.batch_execute("ROLLBACK").await.unwrap();
        found
    }

    /// Runs every repair of everything that is found, and answers what is left; `None` where a repair is for a person.
    async fn repair(&self) -> Option<Vec<String>> {
        let found = self.all.findings(&self.superuser).await.unwrap();
        if found.iter().any(|finding| !finding.is_mechanical()) {
            return None;
        }
        for finding in &found {
            if let Err(error) = self.superuser.batch_execute(&finding.fix).await {
                let why = error.as_db_error().unwrap().message();
                return Some(vec![format!("{finding}: {}: {why}", finding.fix)]);
            }
        }
        let left = self.all.findings(&self.superuser).await.unwrap();
        Some(left.iter().map(ToString::to_string).collect())
    }
}

/// The repairs that were tried: one of each kind of weakening and of finding.
#[derive(Default)]
struct Repairs {
    seen: BTreeSet<String>,
    tried: usize,
    by_hand: usize,
    failed: Vec<String>,
}

impl Repairs {
    fn is_new(&mut self, mutation: &Mutation, found: &[Finding]) -> bool {
        let shape: BTreeSet<String> = found
            .iter()
            .map(|finding| {
                let words = finding
                    .fix
                    .split(' ')
                    .filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()));
                format!("{} {}", finding.check, words.collect::<Vec<_>>().join(" "))
            })
            .collect();
        !found.is_empty() && self.seen.insert(format!("{}: {shape:?}", mutation.kind))
    }

    fn left(&mut self, mutation: &Mutation, left: Option<Vec<String>>) {
        match left {
            None => self.by_hand += 1,
            Some(left) => {
                self.tried += 1;
                if !left.is_empty() {
                    self.failed.push(format!("{mutation}: {left:?}"));
                }
            }
        }
    }
}

/// What came of a list of weakenings.
#[derive(Default)]
struct Proof {
    tally: Tally,
    survivors: Vec<String>,
    invalid: Vec<String>,
}

async fn prove(mut arena: Arena, mutations: Vec<Mutation>, repairs: &Mutex<Repairs>) -> Proof {
    let mut proof = Proof::default();
    for mutation in mutations {
        if !arena.parts.contains_key(&mutation.kind) && !first_asked(&mutation.kind).is_empty() {
            let options = InventoryOptions::bearingwall();
            let part = Inspector::prepare_checks(&arena.superuser, options, first_asked(&mutation.kind)).await;
            arena.parts.insert(mutation.kind.clone(), part.unwrap());
        }
        match arena.weaken(&mutation, repairs).await {
            Ok(found) => {
                proof.tally.count(&mutation.kind, !found.is_empty());
                if found.is_empty() {
                    proof.survivors.push(mutation.to_string());
                }
            }
            Err(why) => proof.invalid.push(format!("{mutation}: {why}")),
        }
    }
    assert_eq!(arena.all.findings(&arena.superuser).await.unwrap(), []);
    proof
}

#[tokio::test]
async fn ten_6_every_weakening_of_the_catalog_is_found_and_its_repairs_work() {
    let started = Instant::now();
    let (one, two) = (Arena::create().await, Arena::create().await);
    // Two at a time; what is stored once for the whole cluster stays together.
    let is_shared = |mutation: &Mutation| matches!(mutation.kind.as_str(), "role" | "parameter" | "database");
    let (mut first, second): (Vec<_>, Vec<_>) = of_the_catalog(&one.superuser).await.into_iter().partition(is_shared);
    let half = (first.len() + second.len()) / 2 - first.len();
    let mut second = second.into_iter();
    first.extend(second.by_ref().take(half));
    let repairs = Mutex::default();
    let (one, two) = tokio::join!(prove(one, first, &repairs), prove(two, second.collect(), &repairs));
    let repairs = repairs.into_inner().unwrap();
    let mut tally = one.tally;
    for (kind, (made, found)) in two.tally.0 {
        let entry = tally.0.entry(kind).or_default();
        *entry = (entry.0 + made, entry.1 + found);
    }
    for (kind, (made, found)) in &tally.0 {
        say(&format!("{kind}: {made}, by inventory: {found}"));
    }
    let (made, found) = tally.total();
    say(&format!(
        "mutations of the catalog: {made}, by inventory: {found}; repairs of {} shapes tried, {} for a person; {:.1} s",
        repairs.tried,
        repairs.by_hand,
        started.elapsed().as_secs_f32()
    ));
    let invalid = [one.invalid, two.invalid].concat();
    assert!(invalid.is_empty(), "{} are no statements: {invalid:#?}", invalid.len());
    let survivors = [one.survivors, two.survivors].concat();
    assert!(survivors.is_empty(), "{} survive: {survivors:#?}", survivors.len());
    assert!(
        repairs.failed.is_empty(),
        "repairs that do not work: {:#?}",
        repairs.failed
    );
    assert!(made > 2_000, "the generator has lost its subject: {made}");
}

/// A function whose text is weakened.
struct Function {
    name: String,
    schema: String,
    definition: String,
    body: String,
    is_boolean: bool,
    /// A login of the running system may call it: the attacks, which go that way, can only try those.
    callable: bool,
}

async fn functions(superuser: &Client) -> Vec<Function> {
    let asked = "SELECT p.oid::regprocedure::text, p.pronamespace::regnamespace::text, pg_get_functiondef(p.oid), p.prosrc, p.prorettype = 'bool'::regtype,
        has_function_privilege('bearingwall_app', p.oid, 'EXECUTE') OR has_function_privilege('bearingwall_worker', p.oid, 'EXECUTE')
        FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('tenancy', 'audit', 'platform') ORDER BY 1";
    let rows = superuser.query(asked, &[]).await.unwrap();
    rows.iter()
        .map(|row| Function {
            name: row.get(0),
            schema: row.get(1),
            definition: row.get(2),
            body: row.get(3),
            is_boolean: row.get(4),
            callable: row.get(5),
        })
        .collect()
}

/// Whether an attack on this database goes red when the function is defined like this.
async fn attacked(attacks: &Attacks, function: &Function, definition: &str) -> Result<bool, String> {
    if !attacks.calls(&function.name) {
        return Ok(false);
    }
    let begun = attacks
        .superuser
        .batch_execute(&format!("{BEGIN} SET LOCAL statement_timeout = '60s'; {definition}"))
        .await;
    let outcome = match begun {
        Ok(()) => Ok(attacks.first_red(&function.name).await.is_some()),
        Err(error) => Err(error.as_db_error().unwrap().message().to_owned()),
    };
    attacks.superuser.batch_execute("ROLLBACK").await.unwrap();
    outcome
}

/// The comparison with the release finds any other text. How much of it behaviour alone would show is counted beside it.
#[tokio::test]
async fn ten_6_every_weakened_function_is_found_and_most_of_them_by_attack() {
    let started = Instant::now();
    let (hardened, plain) = tokio::join!(async { Attacks::prepare(TestDatabase::create().await).await }, async {
        Attacks::prepare(TestDatabase::create_without_platform().await).await
    });
    let inspect = async |schema: &str| {
        let mut options = InventoryOptions::bearingwall();
        options.release_schemas = vec![schema.to_owned()];
        let prepared = Inspector::prepare_checks(&hardened.superuser, options, &[Check::ReleaseDrift]).await;
        (schema.to_owned(), prepared.unwrap())
    };
    let inspectors: BTreeMap<String, Inspector> = [
        inspect("tenancy").await,
        inspect("audit").await,
        inspect("platform").await,
    ]
    .into();
    for inspector in inspectors.values() {
        assert_eq!(inspector.findings(&hardened.superuser).await.unwrap(), []);
    }
    let (mut made, mut by_inventory, mut by_attack) = (0, 0, 0);
    let (mut callable, mut callable_by_attack) = (0, 0);
    let (mut survivors, mut unattacked, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
    for function in functions(&hardened.superuser).await {
        for weakened in body::weakenings(&function.body, function.is_boolean) {
            let name = format!("{}: {}", function.name, weakened.what);
            let definition = function.definition.replace(&function.body, &weakened.body);
            let begun = hardened.superuser.batch_execute(&format!("{BEGIN} {definition}")).await;
            let found = match begun {
                Ok(()) => inspectors[&function.schema]
                    .findings(&hardened.superuser)
                    .await
                    .unwrap(),
                Err(_) => Vec::new(),
            };
            hardened.superuser.batch_execute("ROLLBACK").await.unwrap();
            if let Err(error) = begun {
                invalid.push(format!("{name}: {}", error.as_db_error().unwrap().message()));
                continue;
            }
            made += 1;
            by_inventory += usize::from(!found.is_empty());
            let red = attacked(&hardened, &function, &definition).await.unwrap()
                || attacked(&plain, &function, &definition).await.unwrap();
            by_attack += usize::from(red);
            callable += usize::from(function.callable);
            callable_by_attack += usize::from(red && function.callable);
            if !red {
                unattacked.push(name.clone());
            }
            if found.is_empty() && !red {
                survivors.push(name);
            }
        }
    }
    say(&format!(
        "mutations of functions: {made}, by inventory: {by_inventory}, by attack: {by_attack}; of those that the running system may call, {callable}: {callable_by_attack} (of {} attacks on each of two databases); {:.1} s",
        hardened.count(),
        started.elapsed().as_secs_f32()
    ));
    say(&format!("left to the inventory: {unattacked:#?}"));
    assert!(invalid.is_empty(), "{} are no functions: {invalid:#?}", invalid.len());
    assert!(survivors.is_empty(), "{} survive: {survivors:#?}", survivors.len());
    // SECURITY: once the entries have run out, every attack through them would look red.
    assert!(
        started.elapsed().as_secs() < arena::ENTRIES_LIVE_S.unsigned_abs(),
        "too slow to mean anything"
    );
    assert!(made > 150, "the generator has lost its subject: {made}");
    assert!(
        callable_by_attack * 2 > callable,
        "the attacks have lost their teeth: {callable_by_attack} of {callable}"
    );
    // What the attacks are compared with: refusals, and some successes, or nothing would be shown by a refusal.
    assert!(
        hardened
            .outcomes()
            .filter(|outcome| outcome.starts_with("28000"))
            .count()
            > 40
    );
}
