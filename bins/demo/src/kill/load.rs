//! The load: callers of both spas who read, list, look up and write, and keep what they were answered.

use super::chance::Chance;
use super::exchange::{self, Came, Way, ids_in};
use crate::api::{self, Api, Call};
use crate::check::bench::{Bench, Tenant, listed};
use crate::check::storage::field;
use crate::stage::items;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Callers of each spa; the last of them reads slowly.
const CALLERS_EACH: u64 = 5;
/// The pause of a caller who was not served.
const PAUSE: Duration = Duration::from_millis(20);
/// Clients that are known from the start, and those of them whose notes are.
const KNOWN: usize = 100;
const NOTES_KNOWN: usize = 20;

/// A client of the sample, as its spa's reader sees it.
#[derive(Clone)]
struct Target {
    id: Uuid,
    last_name: String,
    phone: String,
    email: String,
    notes: Vec<Uuid>,
}

/// What was killed while an answer came, or was about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    Database,
}

/// An answer with personal data or the acknowledgement of a write, of which at least the head was sent.
pub(crate) struct Answered {
    pub(crate) victim: Victim,
    pub(crate) event: &'static str,
    pub(crate) correlation: Uuid,
    pub(crate) customer: CustomerId,
    pub(crate) actor: Uuid,
    /// Whose data it was; of an answer that was cut off, whose data had come.
    pub(crate) persons: BTreeSet<Uuid>,
    pub(crate) whole: bool,
    pub(crate) writes: bool,
    /// When its first byte was here.
    pub(crate) at: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    Note,
}

/// What was acknowledged as stored.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    pub(crate) id: Uuid,
    pub(crate) client: Uuid,
    pub(crate) version: i64,
    pub(crate) sent: Value,
    /// A change after it of which nobody said whether it was stored.
    pub(crate) unsure: Option<Value>,
}

impl Written {
    pub(crate) fn path(&self) -> String {
        match self.kind {
            Kind::Client => format!("/v1/clients/{}", self.id),
            Kind::Note => format!("/v1/chart-notes/{}", self.id),
        }
    }
}

/// How requests ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asked: u64,
    pub(crate) whole: u64,
    pub(crate) part: u64,
    pub(crate) silent: u64,
    /// Answers that say that the service is away.
    pub(crate) unavailable: u64,
    /// What should not have been answered at all.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.whole += other.whole;
        self.part += other.part;
        self.silent += other.silent;
        self.unavailable += other.unavailable;
        self.faults.extend(other.faults.iter().cloned());
    }
}

/// All callers.
pub(crate) struct Load<'a> {
    pub(crate) callers: Vec<Caller<'a>>,
}

impl<'a> Load<'a> {
    /// Looks for whom to ask, and appoints the callers.
    pub(crate) async fn prepare(bench: &'a Bench<'_>, seed: u64) -> anyhow::Result<Self> {
        let mut callers = Vec::new();
        for tenant in [&bench.juniper, &bench.saltmarsh] {
            let targets = targets(bench, tenant).await?;
            for place in 1..=CALLERS_EACH {
                let number = u64::try_from(callers.len())? + 1;
                callers.push(Caller {
                    tenant,
                    number,
                    reads_slowly: place == CALLERS_EACH,
                    chance: Chance::new(seed, number),
                    targets: targets.clone(),
                    answered: Vec::new(),
                    written: Vec::new(),
                    tally: Tally::default(),
                    texts: 0,
                });
            }
        }
        Ok(Self { callers })
    }

    /// Asks until told to stop; everything under way comes to its end.
    pub(crate) async fn run(&mut self, api: &Api, victim: Victim, goes_on: &AtomicBool) {
        let callers = self.callers.iter_mut().map(|caller| caller.run(api, victim, goes_on));
        join_all(callers).await;
    }

    /// How everything ended so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for caller in &self.callers {
            sum.add(&caller.tally);
        }
        sum
    }

    pub(crate) fn answered(&self) -> impl Iterator<Item = &Answered> {
        self.callers.iter().flat_map(|caller| &caller.answered)
    }
}

async fn targets(bench: &Bench<'_>, tenant: &Tenant) -> anyhow::Result<Vec<Target>> {
    let call = Call::get(format!("/v1/clients?limit={KNOWN}")).bearer(&tenant.reader.token);
    let list = bench.api.send(call).await?.expect(200)?;
    let mut targets = Vec::new();
    for item in items(&list)? {
        let id = api::id(item, "id")?;
        let mut notes = Vec::new();
        if targets.len() < NOTES_KNOWN {
            let call = Call::get(format!("/v1/clients/{id}/chart-notes")).bearer(&tenant.reader.token);
            let list = bench.api.send(call).await?.expect(200)?;
            notes = listed(&list)?.into_iter().collect();
        }
        targets.push(Target {
            id,
            last_name: field(item, "last_name"),
            phone: field(item, "phone"),
            email: field(item, "email"),
            notes,
        });
    }
    anyhow::ensure!(targets.len() == KNOWN, "{} has too few clients", tenant.name);
    Ok(targets)
}

fn client(external_id: &str, canary: &str) -> Value {
    json!({
        "external_id": external_id,
        "first_name": "Kim",
        "last_name": "Killed",
        "date_of_birth": "1980-01-01",
        "marketing_opt_in": false,
        "labels": {"canary": canary},
    })
}

fn note(body: &str) -> Value {
    json!({"noted_on": "2026-01-01", "author": "Kill, RN", "service": "peel", "body": body})
}

/// Somebody who asks one thing after the other.
pub(crate) struct Caller<'a> {
    pub(crate) tenant: &'a Tenant,
    number: u64,
    /// Lists in small pieces, and does nothing else.
    reads_slowly: bool,
    chance: Chance,
    targets: Vec<Target>,
    answered: Vec<Answered>,
    pub(crate) written: Vec<Written>,
    tally: Tally,
    texts: u64,
}

/// Whose data an answer shows.
enum Persons {
    Named(Uuid),
    /// Whom the items are.
    Listed,
    /// The client that was made.
    Made,
}

enum Write {
    Create(Kind),
    /// The place among those written.
    Change(usize),
}

struct Question {
    way: Way,
    event: &'static str,
    persons: Persons,
    write: Option<(Write, Value)>,
}

impl Caller<'_> {
    async fn run(&mut self, api: &Api, victim: Victim, goes_on: &AtomicBool) {
        while goes_on.load(Ordering::Relaxed) {
            let Some(question) = self.choose() else {
                self.tally.faults.push("there was nothing to ask".to_owned());
                return;
            };
            if !self.ask(api, victim, question, goes_on).await {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn choose(&mut self) -> Option<Question> {
        if self.reads_slowly {
            return self.list_slowly();
        }
        match self.chance.below(100) {
            0..24 => self.read_client(),
            24..38 => self.list_clients(),
            38..54 => self.search(),
            54..66 => self.list_notes(),
            66..76 => self.read_note(),
            76..83 => self.create_client(),
            83..89 => self.change(Kind::Client),
            89..95 => self.create_note(),
            _ => self.change(Kind::Note),
        }
    }

    fn read(&self, call: Call, event: &'static str, persons: Persons) -> Option<Question> {
        Some(Question {
            way: Way::Usual(call.bearer(&self.tenant.reader.token)),
            event,
            persons,
            write: None,
        })
    }

    fn read_client(&mut self) -> Option<Question> {
        let id = self.chance.pick(&self.targets)?.id;
        let call = Call::get(format!("/v1/clients/{id}"));
        self.read(call, "client.read", Persons::Named(id))
    }

    fn list_clients(&mut self) -> Option<Question> {
        let limit = self.chance.pick(&[5, 10, 10, 25, 100])?;
        let mut path = format!("/v1/clients?limit={limit}");
        if self.chance.below(3) > 0 {
            let before = self.chance.pick(&self.targets)?.id;
            path = format!("{path}&before={before}");
        }
        self.read(Call::get(path), "client.listed", Persons::Listed)
    }

    fn list_slowly(&mut self) -> Option<Question> {
        let before = self.chance.pick(&self.targets)?.id;
        Some(Question {
            way: Way::Slow(format!("/v1/clients?limit=100&before={before}")),
            event: "client.listed",
            persons: Persons::Listed,
            write: None,
        })
    }

    fn search(&mut self) -> Option<Question> {
        let kind = self.chance.below(6);
        let target = self.chance.pick(&self.targets)?;
        let query = match kind {
            0..2 => {
                json!({"name_prefix": target.last_name.chars().take(3).collect::<String>(), "limit": 10})
            }
            2..4 if !target.phone.is_empty() => json!({"phone": target.phone}),
            4 if !target.email.is_empty() => json!({"email": target.email}),
            _ => json!({"name_prefix": "zzqx"}),
        };
        let call = Call::post("/v1/clients:search").json(&query);
        self.read(call, "client.searched", Persons::Listed)
    }

    fn list_notes(&mut self) -> Option<Question> {
        let id = self.chance.pick(&self.targets)?.id;
        let call = Call::get(format!("/v1/clients/{id}/chart-notes"));
        self.read(call, "chart_note.listed", Persons::Named(id))
    }

    fn read_note(&mut self) -> Option<Question> {
        let target = self.chance.pick(self.targets.get(..NOTES_KNOWN)?)?;
        let (id, Some(note)) = (target.id, target.notes.first()) else {
            return self.list_notes();
        };
        let call = Call::get(format!("/v1/chart-notes/{note}"));
        self.read(call, "chart_note.read", Persons::Named(id))
    }

    fn create_client(&mut self) -> Option<Question> {
        let text = self.text();
        let sent = client(&format!("kill-{}-{}", self.number, self.texts), &text);
        Some(Question {
            way: Way::Usual(Call::post("/v1/clients").bearer(&self.tenant.admin.token).json(&sent)),
            event: "client.created",
            persons: Persons::Made,
            write: Some((Write::Create(Kind::Client), sent)),
        })
    }

    fn create_note(&mut self) -> Option<Question> {
        let client = self.chance.pick(&self.targets)?.id;
        let sent = note(&self.text());
        let call = Call::post(format!("/v1/clients/{client}/chart-notes"));
        Some(Question {
            way: Way::Usual(call.bearer(&self.tenant.admin.token).json(&sent)),
            event: "chart_note.created",
            persons: Persons::Named(client),
            write: Some((Write::Create(Kind::Note), sent)),
        })
    }

    /// Changes something of its own whose version is known; where there is nothing yet, something is made.
    fn change(&mut self, kind: Kind) -> Option<Question> {
        let own: Vec<usize> = (0..self.written.len())
            .filter(|index| {
                let written = self.written.get(*index);
                written.is_some_and(|written| written.kind == kind && written.unsure.is_none())
            })
            .collect();
        let Some(index) = self.chance.pick(&own).copied() else {
            return match kind {
                Kind::Client => self.create_client(),
                Kind::Note => self.create_note(),
            };
        };
        let text = self.text();
        let written = self.written.get(index)?;
        let mut sent = written.sent.clone();
        let (name, value) = match kind {
            Kind::Client => ("labels", json!({"canary": text})),
            Kind::Note => ("body", json!(text)),
        };
        sent.as_object_mut()?.insert(name.to_owned(), value);
        let call = Call::put(written.path())
            .bearer(&self.tenant.admin.token)
            .header("if-match", format!("\"{}\"", written.version));
        Some(Question {
            way: Way::Usual(call.json(&sent)),
            event: match kind {
                Kind::Client => "client.changed",
                Kind::Note => "chart_note.changed",
            },
            persons: Persons::Named(written.client),
            write: Some((Write::Change(index), sent)),
        })
    }

    /// Another text each time, that would be found wherever it leaks.
    fn text(&mut self) -> String {
        self.texts += 1;
        format!("CANARY-KILL-{}-{}", self.number, self.texts)
    }

    /// Asks, keeps what came, and answers whether it was served.
    async fn ask(&mut self, api: &Api, victim: Victim, question: Question, goes_on: &AtomicBool) -> bool {
        let Question {
            way,
            event,
            persons,
            write,
        } = question;
        self.tally.asked += 1;
        let came = exchange::send(api, way, &self.tenant.reader.token, goes_on).await;
        let acknowledged = match self.keep(api, victim, (event, persons, write.is_some()), came) {
            Ok(acknowledged) => acknowledged,
            Err(error) => {
                self.tally.faults.push(format!("{event}: {error:#}"));
                None
            }
        };
        let served = acknowledged.is_some();
        if let Some((write, sent)) = write
            && let Err(error) = self.settle(write, sent, acknowledged.as_ref())
        {
            self.tally.faults.push(format!("{event}: {error:#}"));
        }
        served
    }

    /// Keeps an answer, and gives its value where all of it came.
    fn keep(
        &mut self,
        api: &Api,
        victim: Victim,
        (event, persons, writes): (&'static str, Persons, bool),
        came: Came,
    ) -> anyhow::Result<Option<Value>> {
        let Came::Answer {
            status,
            correlation,
            at,
            text,
            whole,
        } = came
        else {
            self.tally.silent += 1;
            return Ok(None);
        };
        if !(200..300).contains(&status) {
            self.turned_away(api, victim, status, text)?;
            return Ok(None);
        }
        if correlation.is_none() && !whole && text.is_empty() {
            // Not even the head came to its end.
            self.tally.silent += 1;
            return Ok(None);
        }
        let correlation = correlation.context("an answer without the id of its request")?;
        let value: Option<Value> = if whole {
            self.tally.whole += 1;
            Some(serde_json::from_str(&text).context("a whole answer is not JSON")?)
        } else {
            self.tally.part += 1;
            None
        };
        let persons = match (persons, &value) {
            (Persons::Named(id), _) => BTreeSet::from([id]),
            (Persons::Listed, Some(value)) => listed(value)?,
            (Persons::Made, Some(value)) => BTreeSet::from([api::id(value, "id")?]),
            (Persons::Listed | Persons::Made, None) => ids_in(&text),
        };
        let person = if writes {
            &self.tenant.admin
        } else {
            &self.tenant.reader
        };
        self.answered.push(Answered {
            victim,
            event,
            correlation,
            customer: self.tenant.id,
            actor: person.subject,
            persons,
            whole,
            writes,
            at,
        });
        Ok(value)
    }

    /// While PostgreSQL is away the server says so; a server that is killed says nothing, and every request is sound.
    fn turned_away(&mut self, api: &Api, victim: Victim, status: u16, text: String) -> anyhow::Result<()> {
        let problem = serde_json::from_str::<Value>(&text).unwrap_or_default();
        api.keep_error(text);
        anyhow::ensure!(
            victim == Victim::Database && status >= 500,
            "answered {status} {}",
            api::text(&problem, "code")
        );
        self.tally.unavailable += 1;
        Ok(())
    }

    /// Remembers what a write came to.
    fn settle(&mut self, write: Write, sent: Value, acknowledged: Option<&Value>) -> anyhow::Result<()> {
        match (write, acknowledged) {
            (Write::Create(_), None) => {}
            (Write::Create(kind), Some(answer)) => {
                let id = api::id(answer, "id")?;
                let client = match kind {
                    Kind::Client => id,
                    Kind::Note => self
                        .answered
                        .last()
                        .and_then(|last| last.persons.first().copied())
                        .context("a note about nobody")?,
                };
                self.written.push(Written {
                    kind,
                    id,
                    client,
                    version: version(answer)?,
                    sent,
                    unsure: None,
                });
            }
            (Write::Change(index), answer) => {
                let written = self.written.get_mut(index).context("nothing was written there")?;
                match answer {
                    None => written.unsure = Some(sent),
                    Some(answer) => {
                        written.version = version(answer)?;
                        written.sent = sent;
                    }
                }
            }
        }
        Ok(())
    }
}

fn version(answer: &Value) -> anyhow::Result<i64> {
    answer
        .get("version")
        .and_then(Value::as_i64)
        .context("the answer has no version")
}

/// What differs between what was sent and what is stored, if anything.
pub(crate) fn differs(sent: &Value, stored: &Value) -> Option<String> {
    let Some(sent) = sent.as_object() else {
        return Some("everything".to_owned());
    };
    sent.iter()
        .find(|(name, value)| stored.get(name.as_str()) != Some(*value))
        .map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_was_not_stored_is_named() {
        let sent = json!({"body": "a", "labels": {"canary": "b"}});
        assert_eq!(
            differs(&sent, &json!({"body": "a", "labels": {"canary": "b"}, "version": 1})),
            None
        );
        assert_eq!(
            differs(&sent, &json!({"body": "a", "labels": {}})),
            Some("labels".to_owned())
        );
        assert_eq!(
            differs(&sent, &json!({"labels": {"canary": "b"}})),
            Some("body".to_owned())
        );
    }
}
