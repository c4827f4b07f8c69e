//! One turn of one variant: closed loops over connections, their latencies, and the processor time of the backends.

use crate::client::{self, Entry, Fixed, Statement, Work};
use crate::micro::cpu_ns;
use crate::stage::{ROWS, SUM, Stage, TENANTS, customer, row};
use crate::token::Issuer;
use bearingwall_core::{Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, SubjectId};
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// How a tenant is entered.
#[derive(Clone)]
pub(crate) enum Opening {
    /// Not at all.
    None,
    /// With the tutorial's setting.
    Setting,
    /// With an entry that the server signs.
    Key(Arc<[u8]>),
    /// With a ticket that is at hand.
    Ticket(Arc<[u8]>),
    /// With a ticket that a token is exchanged for first, in a round trip of its own.
    Login(Arc<Issuer>),
    /// By the pool, with a statement whose text follows from its type.
    Pool(TenantPool),
    /// By the pool, with free text, after which it cleans the session.
    PoolFreeText(TenantPool),
}

pub(crate) struct Connections {
    pub(crate) open: Vec<(Arc<AsyncPgConnection>, i32)>,
}

/// What one turn measured.
pub(crate) struct Turn {
    latencies: Vec<u32>,
    elapsed: Duration,
    cpu_ns: Option<u64>,
}

/// The turns of one variant.
#[derive(Default)]
pub(crate) struct Figures {
    latencies: Vec<u32>,
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
}

/// Medians over turns, and percentiles over all transactions.
pub(crate) struct Summary {
    pub(crate) per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) cpu_us: Option<f64>,
}

impl Figures {
    pub(crate) fn add(&mut self, turn: Turn) {
        let count = turn.latencies.len() as f64;
        self.rates.push(count / turn.elapsed.as_secs_f64());
        self.cpu_us.extend(turn.cpu_ns.map(|ns| ns as f64 / 1_000.0 / count));
        self.latencies.extend(turn.latencies);
    }

    pub(crate) fn summary(&mut self) -> Summary {
        self.latencies.sort_unstable();
        self.rates.sort_by(f64::total_cmp);
        self.cpu_us.sort_by(f64::total_cmp);
        let percentile = |share: usize| f64::from(self.latencies[(self.latencies.len() - 1) * share / 100]);
        Summary {
            per_s: self.rates[self.rates.len() / 2],
            p50_us: percentile(50),
            p99_us: percentile(99),
            cpu_us: self.cpu_us.get(self.cpu_us.len() / 2).copied(),
        }
    }
}

pub(crate) async fn run(
    stage: &Stage,
    connections: &Connections,
    opening: &Opening,
    work: Work,
    loops: usize,
    length: Duration,
) -> Turn {
    let before = account(stage).await;
    let begun = Instant::now();
    let tasks: Vec<_> = connections.open[..loops]
        .iter()
        .enumerate()
        .map(|(index, (connection, pid))| {
            let (connection, pid, opening) = (Arc::clone(connection), *pid, opening.clone());
            tokio::spawn(
                async move { closed_loop(&connection, pid, &opening, work, index as u64, begun + length).await },
            )
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = begun.elapsed();
    if matches!(opening, Opening::PoolFreeText(_)) {
        // The last sessions are cleaned after their answers.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = account(stage).await;
    let spent = after
        .iter()
        .filter_map(|(pid, ns)| before.get(pid).map(|before| ns - before))
        .sum();
    Turn {
        latencies,
        elapsed,
        cpu_ns: (!after.is_empty()).then_some(spent),
    }
}

/// Processor time of each of the application's backends; empty where the system keeps no such account.
async fn account(stage: &Stage) -> HashMap<i32, u64> {
    stage
        .backends()
        .await
        .into_iter()
        .filter_map(|pid| Some((pid, cpu_ns(pid)?)))
        .collect()
}

async fn closed_loop(
    connection: &AsyncPgConnection,
    pid: i32,
    opening: &Opening,
    work: Work,
    seed: u64,
    until: Instant,
) -> Vec<u32> {
    let mut latencies = Vec::new();
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while Instant::now() < until {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (tenant, index) = (random % TENANTS, random / TENANTS % ROWS);
        let began = Instant::now();
        let answer = transaction(connection, pid, opening, work, (tenant, index)).await;
        latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap());
        // A fast error, or a foreign row, is not a fast answer.
        let expected = match work {
            Work::Point => format!("thing {tenant}/{index}"),
            Work::Scan => SUM.to_owned(),
        };
        assert_eq!(answer, expected);
    }
    latencies
}

pub(crate) async fn transaction(
    connection: &AsyncPgConnection,
    pid: i32,
    opening: &Opening,
    work: Work,
    (tenant, index): (u64, u64),
) -> String {
    let customer = customer(tenant);
    let names_tenant = matches!(opening, Opening::None);
    let query = client::query(work, names_tenant, customer, row(tenant, index));
    if let Opening::Pool(pool) | Opening::PoolFreeText(pool) = opening {
        let is_fixed = matches!(opening, Opening::Pool(_));
        let answer: Result<String, Failure> = pool
            .run(&ctx(customer), async |tx: &mut TenantTx<'_>| {
                Ok(match (is_fixed, work) {
                    (true, Work::Point) => Fixed::<true>(query).get_result(tx).await?,
                    (true, Work::Scan) => Fixed::<false>(query).get_result(tx).await?,
                    (false, _) => query.get_result(tx).await?,
                })
            })
            .await;
        return answer.unwrap();
    }
    let statement = statement(connection, pid, opening, customer).await;
    client::transaction(connection, statement, query).await
}

async fn statement(connection: &AsyncPgConnection, pid: i32, opening: &Opening, customer: Uuid) -> Option<Statement> {
    match opening {
        Opening::None | Opening::Pool(_) | Opening::PoolFreeText(_) => None,
        Opening::Setting => Some(client::set_tenant(customer)),
        Opening::Key(key) => Some(Entry::signed(key, customer, pid).statement()),
        Opening::Ticket(key) => Some(Entry::ticket(key, customer).statement()),
        Opening::Login(issuer) => {
            let mut connection = connection;
            let login = client::login(&issuer.token(customer), customer);
            let ticket: String = login.get_result(&mut connection).await.unwrap();
            Some(Entry::minted(&ticket, customer).statement())
        }
    }
}

/// What the work in a pool's transaction fails with.
#[derive(Debug)]
#[allow(dead_code, reason = "shown when the measurement fails")]
enum Failure {
    Tenancy(TenancyError),
    Query(diesel::result::Error),
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Tenancy(error)
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Query(error)
    }
}

fn ctx(customer: Uuid) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(7)),
        customer: CustomerId::from_uuid(customer),
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::MINUTE,
        route: None,
    })
}
