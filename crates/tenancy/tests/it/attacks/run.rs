//! Carries one attack out and decides by what can be observed whether it succeeded.

use super::arena::{A, Arena, B, Schema, Truth};
use super::attack::{Attack, Judge, Step};
use super::pooled::Pooled;
use super::session::{PLACE, Refusal, Session};
use std::fmt;
use std::io::Write as _;

/// What the table says of one attack on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Refused with this SQLSTATE, or answered with nothing.
    Blocked(String),
    /// It succeeded, and nobody said that it would.
    Breach(&'static str),
    /// It succeeded, for a reason that is written down.
    Residual(&'static str),
    /// There is nothing of the kind in this schema.
    NotApplicable,
    /// It failed for a reason that is no control: a slip in the attack, which shows nothing.
    Unsound(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked(how) => write!(f, "blocked, {how}"),
            Self::Breach(what) => write!(f, "BREACH, {what}"),
            Self::Residual(key) => write!(f, "residual, {key}"),
            Self::NotApplicable => f.write_str("n/a"),
            Self::Unsound(why) => write!(f, "UNSOUND, {why}"),
        }
    }
}

/// What an attack came to: how it succeeded, if it did, and the refusal that ended it, if one did.
pub(crate) struct Outcome {
    pub(crate) success: Option<&'static str>,
    pub(crate) refusals: Vec<Refusal>,
    /// The discovery of `Step::Each` found nothing to try.
    pub(crate) nothing_found: bool,
    /// What the attack takes for granted of B is refused to B, too.
    denied_to_all: bool,
    pub(crate) transcript: Vec<String>,
}

impl Outcome {
    pub(crate) fn new() -> Self {
        Self {
            success: None,
            refusals: Vec::new(),
            nothing_found: false,
            denied_to_all: false,
            transcript: Vec::new(),
        }
    }
}

/// These refuse by privilege or for want of an authentic context. Any other code must be named by the attack, or a slip in
/// its SQL would pass for a control.
const CONTROLS: [&str; 2] = ["28000", "42501"];

/// What tells tenant B that somebody is in its way: a lock, an ended session, an object that is gone.
const LOST: [&str; 4] = ["55P03", "57P01", "closed", "42704"];

/// Runs the attack on a database of which the truth is known, and returns its verdict, and whether the database must be put back to what it was.
pub(crate) async fn run(arena: &Arena, attack: &Attack, before: &mut Truth) -> (Verdict, bool) {
    if attack.ours_only && arena.schema == Schema::Tutorial {
        return (Verdict::NotApplicable, false);
    }
    let mut outcome = match attack.judge {
        Judge::Infers([right, wrong]) => infer(arena, attack, right, wrong).await,
        Judge::Survives(find) => Pooled::of(arena).await.survives(arena, attack, find).await,
        _ => once(arena, attack).await,
    };
    // DROP OWNED walks over all databases of the cluster, where other tests create and drop theirs.
    while outcome
        .refusals
        .iter()
        .any(|refusal| refusal.code == "XX000" && refusal.message.starts_with("tuple concurrently"))
    {
        outcome = once(arena, attack).await;
    }
    let after = arena.truth().await;
    outcome.success = outcome.success.or_else(|| difference(before, &after));
    let verdict = conclude(attack, &outcome);
    trace(arena, attack, &verdict, &outcome);
    let touched = *before != after;
    *before = after;
    (verdict, touched)
}

fn difference(before: &Truth, after: &Truth) -> Option<&'static str> {
    if before.rows_b != after.rows_b {
        Some("changes rows")
    } else if before.catalog != after.catalog {
        Some("changes the schema")
    } else {
        None
    }
}

fn conclude(attack: &Attack, outcome: &Outcome) -> Verdict {
    if let Some(what) = outcome.success {
        // No reason excuses a change to another tenant or to the schema.
        let excused = attack.residual.filter(|_| !what.starts_with("changes"));
        return excused.map_or(Verdict::Breach(what), Verdict::Residual);
    }
    let slip = outcome.refusals.iter().find(|refusal| {
        let code = refusal.code.as_str();
        !CONTROLS.contains(&code) && !attack.by.contains(&code)
    });
    if let Some(refusal) = slip {
        return Verdict::Unsound(format!("{} {}", refusal.code, refusal.message));
    }
    let how = match outcome.refusals.last() {
        Some(refusal) => refusal.code.clone(),
        None if outcome.nothing_found => "nothing to try".to_owned(),
        None => "no answer".to_owned(),
    };
    Verdict::Blocked(how)
}

/// `BEARINGWALL_ATTACK=F01` shows what one attack was answered.
fn trace(arena: &Arena, attack: &Attack, verdict: &Verdict, outcome: &Outcome) {
    if std::env::var("BEARINGWALL_ATTACK").is_ok_and(|id| id == attack.id) {
        let _ = writeln!(std::io::stderr(), "{} ({}): {verdict}", attack.id, arena.schema.title());
        for line in outcome.transcript.iter().take(20) {
            let _ = writeln!(std::io::stderr(), "    {line}");
        }
    }
}

async fn once(arena: &Arena, attack: &Attack) -> Outcome {
    let mut outcome = Outcome::new();
    let victim = if needs_victim(attack) {
        let victim = arena.entered(B).await;
        victim
            .run("SET LOCAL lock_timeout = '300ms'", &mut Vec::new())
            .await
            .unwrap();
        Some(victim)
    } else {
        None
    };
    let session = if attack.as_worker {
        arena.worker().await
    } else {
        arena.entered(A).await
    };
    steps(arena, attack, &session, victim.as_ref(), "", &mut outcome).await;
    if let (Judge::Stops(sql), Some(victim), false) = (attack.judge, &victim, outcome.denied_to_all) {
        let sql = arena.fill(sql, session.pid, victim.pid);
        let done = victim.run(&sql, &mut outcome.transcript).await;
        match done {
            Ok(()) => {}
            Err(refusal) if LOST.contains(&refusal.code.as_str()) => outcome.success = Some("stops others"),
            Err(refusal) => outcome.refusals.insert(0, refusal),
        }
    } else {
        outcome.success = judge(arena, attack, &session, &outcome).await;
    }
    let end = if attack.undone { "ROLLBACK" } else { "COMMIT" };
    // What was refused has ended the transaction already, or the connection.
    let _ = session.run(end, &mut Vec::new()).await;
    for used in [victim, (!attack.as_worker).then_some(session)].into_iter().flatten() {
        arena.give_back(used).await;
    }
    outcome
}

fn needs_victim(attack: &Attack) -> bool {
    matches!(attack.judge, Judge::Stops(_))
        || attack
            .steps
            .iter()
            .any(|step| matches!(step, Step::AsB(_) | Step::AsBBound(_)))
}

/// Sends the steps until one is refused.
async fn steps(
    arena: &Arena,
    attack: &Attack,
    session: &Session,
    victim: Option<&Session>,
    guess: &str,
    outcome: &mut Outcome,
) {
    let pid_b = victim.map_or(0, |victim| victim.pid);
    let fill = |sql: &str| arena.fill(&sql.replace("{guess}", guess), session.pid, pid_b);
    for step in attack.steps {
        let sent = match step {
            Step::Sql(sql) => session.run(&fill(sql), &mut outcome.transcript).await,
            Step::CopyOut(sql) => session.copy_out(&fill(sql), &mut outcome.transcript).await,
            Step::Each(sql) => each(session, &fill(sql), outcome).await,
            Step::AsB(sql) => victim.unwrap().run(&fill(sql), &mut Vec::new()).await,
            Step::AsBBound(sql) => victim.unwrap().bound(&fill(sql), "SALTMARSH-PARAMETER").await,
        };
        if let Err(refusal) = sent {
            outcome.denied_to_all = matches!(step, Step::AsB(_) | Step::AsBBound(_));
            outcome.refusals.push(refusal);
            return;
        }
    }
}

async fn each(session: &Session, discovery: &str, outcome: &mut Outcome) -> Result<(), Refusal> {
    let mut found = session.column(discovery).await?;
    // The catalog is in no order of its own, and the first refusal is what the table tells.
    found.sort();
    outcome.nothing_found = found.is_empty();
    for statement in found {
        session.run("SAVEPOINT each", &mut Vec::new()).await?;
        let end = match session.run(&statement, &mut outcome.transcript).await {
            Ok(()) => "RELEASE each",
            Err(refusal) => {
                outcome.refusals.push(refusal);
                "ROLLBACK TO each"
            }
        };
        session.run(end, &mut Vec::new()).await?;
    }
    Ok(())
}

async fn judge(arena: &Arena, attack: &Attack, session: &Session, outcome: &Outcome) -> Option<&'static str> {
    if outcome.transcript.iter().any(|line| arena.secret_in(line).is_some()) {
        return Some("reads");
    }
    let says = |told: &str| outcome.transcript.iter().any(|line| line.trim() == told);
    let succeeded = match attack.judge {
        Judge::Answers(text) => says(&arena.fill(text, session.pid, 0)),
        Judge::Counts(sql) => says(&arena.answer(&arena.fill(sql, session.pid, 0)).await),
        Judge::Allows => outcome.refusals.is_empty(),
        Judge::Reads | Judge::Stops(_) | Judge::Infers(_) | Judge::Survives(_) => false,
    };
    succeeded.then_some(match attack.judge {
        Judge::Allows => "allowed",
        _ => "answers",
    })
}

/// What tells nothing about the data: the attacker's own condition in a plan, and where in a file an error happened.
fn is_echo(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches('"');
    let conditions = [
        "Filter",
        "Index Cond",
        "Recheck Cond",
        "TID Cond",
        "Join Filter",
        "One-Time Filter",
    ];
    line.starts_with(PLACE)
        || conditions.iter().any(|condition| {
            line.strip_prefix(condition)
                .is_some_and(|rest| rest.starts_with([':', '"']))
        })
}

/// Asks for the right value, the wrong one, and the right one again: answers that differ anyhow tell nothing.
async fn infer(arena: &Arena, attack: &Attack, right: &str, wrong: &str) -> Outcome {
    let mut answers: Vec<String> = Vec::new();
    let mut last = Outcome::new();
    for guess in [right, wrong, right] {
        let session = arena.entered(A).await;
        let mut outcome = Outcome::new();
        let victim = if needs_victim(attack) {
            Some(arena.entered(B).await)
        } else {
            None
        };
        let guess = arena.fill(guess, 0, 0);
        steps(arena, attack, &session, victim.as_ref(), &guess, &mut outcome).await;
        for used in [victim, Some(session)].into_iter().flatten() {
            arena.give_back(used).await;
        }
        let said: Vec<&str> = outcome
            .transcript
            .iter()
            .map(String::as_str)
            .filter(|line| !is_echo(line))
            .collect();
        answers.push(said.join("\n").replace(&guess, "?"));
        last = outcome;
    }
    if answers[0] != answers[2] {
        last.refusals
            .insert(0, Refusal::new("unstable", answers.swap_remove(2)));
        return last;
    }
    last.success = (answers[0] != answers[1]).then_some("infers");
    if last.success.is_some() {
        last.transcript = answers;
    }
    last
}
