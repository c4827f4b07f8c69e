//! What one permission decision costs: the compiled table that requests use, casbin, which holds the policy and is asked
//! at start only, and Cedar.
//!
//! `cargo run --release --locked --manifest-path crates/rbac-casbin/benches/policy/Cargo.toml`; behind `-- --check` it only compares answers.

mod cedar;

use bearingwall_core::{CustomerId, Principal, Role, RoleSet, SubjectId};
use bearingwall_rbac::{PermissionId, PermissionSet, PolicyEngine, PolicyTable, ReadClient};
use bearingwall_rbac_casbin::CasbinEngine;
use cedar::Cedar;
use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Turns of each variant, interleaved.
const TURNS: usize = 15;
/// Processor time that a turn takes, about.
const TURN: Duration = Duration::from_millis(200);
/// What casbin's figure is called, to which the ratios refer.
const BASELINE: &str = "casbin, one role";

type Question = (Role, PermissionId);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let casbin = runtime.block_on(CasbinEngine::shipped()).unwrap();
    let table = PolicyTable::compile(&casbin).unwrap();
    let role_sets: Vec<RoleSet> = (0..8_u8).map(role_set).collect();
    let cedar = Cedar::shipped(&role_sets);
    compare(&table, &casbin, &cedar, &role_sets);
    if std::env::args().any(|word| word == "--check") {
        return;
    }
    measure(&table, &casbin, &cedar);
}

fn role_set(bits: u8) -> RoleSet {
    let held = Role::ALL.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    held.map(|(_, role)| role).collect()
}

/// Nothing is timed before all three have given the same answer to every question there is.
fn compare(table: &PolicyTable, casbin: &CasbinEngine, cedar: &Cedar, role_sets: &[RoleSet]) {
    let (mut asked, mut allowed) = (0, 0);
    for &roles in role_sets {
        for &permission in PermissionId::ALL {
            let answer = table.allows(roles, permission);
            let by_casbin = roles.iter().any(|role| casbin.allows(role, permission).unwrap());
            let by_cedar = cedar.allows(&cedar::question(roles, permission));
            assert_eq!((by_casbin, by_cedar), (answer, answer), "{roles:?} {permission}");
            asked += 1;
            allowed += usize::from(answer);
        }
    }
    println!("the compiled table, casbin and Cedar agree on {asked} questions, of which they allow {allowed}");
}

/// A variant, and the processor time of one decision in each of its turns.
struct Variant<'a> {
    name: &'static str,
    /// Asks so many questions and answers how many were allowed.
    ask: Box<dyn Fn(u64) -> u64 + 'a>,
    ns: Vec<f64>,
}

fn variant<'a>(name: &'static str, ask: impl Fn(u64) -> u64 + 'a) -> Variant<'a> {
    Variant {
        name,
        ask: Box::new(ask),
        ns: Vec::new(),
    }
}

fn measure(table: &PolicyTable, casbin: &CasbinEngine, cedar: &Cedar) {
    let questions = questions();
    let cedar_questions: Vec<_> = questions
        .iter()
        .map(|&(role, permission)| cedar::question(single(role), permission))
        .collect();
    let principals = Role::ALL.map(principal);
    let at = |asked: u64| usize::try_from(asked).unwrap() % questions.len();
    let mut variants = [
        variant(BASELINE, |count| {
            allowed(count, |asked| {
                let (role, permission) = questions[at(asked)];
                casbin.allows(role, permission).unwrap()
            })
        }),
        variant("Cedar, the request at hand", |count| {
            allowed(count, |asked| cedar.allows(&cedar_questions[at(asked)]))
        }),
        variant("Cedar, the request made", |count| {
            allowed(count, |asked| {
                let (role, permission) = questions[at(asked)];
                cedar.allows(&cedar::question(single(role), permission))
            })
        }),
        variant("the compiled table, one question", |count| {
            allowed(count, |asked| {
                let (role, permission) = questions[at(asked)];
                black_box(table).allows(single(role), permission)
            })
        }),
        variant("the compiled table, a permit", |count| {
            allowed(count, |asked| {
                let (role, _) = questions[at(asked)];
                black_box(table)
                    .permit::<ReadClient>(&principals[role as usize], PermissionSet::EMPTY)
                    .is_ok()
            })
        }),
    ];
    let counts: Vec<u64> = variants.iter().map(|variant| count_for_a_turn(&variant.ask)).collect();
    for _ in 0..TURNS {
        for (variant, &count) in variants.iter_mut().zip(&counts) {
            let taken = timed(|| (variant.ask)(count));
            variant.ns.push(taken.as_secs_f64() * 1e9 / count as f64);
        }
    }
    report(&mut variants);
}

/// Every question about one role, in an order that no branch predictor learns quickly.
fn questions() -> Vec<Question> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        // Knuth's MMIX generator; its upper bits are good enough for an order.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..4096)
        .map(|_| {
            (
                Role::ALL[next(Role::ALL.len())],
                PermissionId::ALL[next(PermissionId::ALL.len())],
            )
        })
        .collect()
}

fn single(role: Role) -> RoleSet {
    RoleSet::EMPTY.with(role)
}

fn principal(role: Role) -> Arc<Principal> {
    Arc::new(Principal {
        subject: SubjectId::from_uuid(Uuid::from_u128(5)),
        customer: Some(CustomerId::from_uuid(Uuid::from_u128(7))),
        roles: single(role),
        expires_at: OffsetDateTime::UNIX_EPOCH,
        names: None,
        strong: false,
        signed_in: false,
    })
}

fn allowed(count: u64, ask: impl Fn(u64) -> bool) -> u64 {
    (0..count)
        .map(|asked| u64::from(black_box(ask(black_box(asked)))))
        .sum()
}

fn count_for_a_turn(ask: &dyn Fn(u64) -> u64) -> u64 {
    let mut count = 64;
    loop {
        let taken = timed(|| ask(count));
        if taken >= TURN / 10 {
            return (count as f64 * TURN.as_secs_f64() / taken.as_secs_f64()) as u64;
        }
        count *= 4;
    }
}

/// The processor time of this thread: what else the machine does, does not count.
fn timed(work: impl FnOnce() -> u64) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = now();
    black_box(work());
    now() - start
}

fn report(variants: &mut [Variant<'_>]) {
    let baseline = median(&mut variants[0].ns);
    println!("{:<36} {:>10} {:>10} {:>10}  {:>9}", "", "ns", "least", "most", "ratio");
    for Variant { name, ns, .. } in variants {
        let median = median(ns);
        println!(
            "{name:<36} {median:>10.1} {:>10.1} {:>10.1}  {:>9.5}",
            ns[0],
            ns[ns.len() - 1],
            median / baseline
        );
    }
}

/// Of sorted figures, which it leaves behind.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
