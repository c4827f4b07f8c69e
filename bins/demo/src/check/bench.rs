//! What the proofs share: the stage, who asks, and the ledger of every read and refusal that was made.

use crate::api::{self, Answer, Api, Call};
use crate::identity::Tokens;
use crate::sample::Spa;
use crate::stage::{Stage, items};
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;
use uuid::Uuid;

/// One spa as the proofs know it.
pub(crate) struct Tenant {
    pub(crate) id: CustomerId,
    pub(crate) name: String,
    pub(crate) reader: Person,
    pub(crate) writer: Person,
    pub(crate) admin: Person,
    /// The clients that were read back, by the id that the file gave them.
    pub(crate) clients: BTreeMap<String, Known>,
}

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    /// Who the record says it was; nil until introduced.
    pub(crate) subject: Uuid,
}

/// A client that was read back.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) item: Value,
    pub(crate) notes: Vec<Value>,
}

/// A read that was answered, and the access that must stand on the record for it.
pub(crate) struct Read {
    pub(crate) what: String,
    pub(crate) correlation: Uuid,
    pub(crate) customer: CustomerId,
    pub(crate) actor: Uuid,
    pub(crate) event: &'static str,
    /// Whose data it was; empty for a look-up that found nobody.
    pub(crate) subjects: BTreeSet<Uuid>,
    pub(crate) at: OffsetDateTime,
}

/// A request that was refused, and the code under which that must stand on the record.
pub(crate) struct Refusal {
    pub(crate) what: String,
    pub(crate) correlation: Uuid,
    pub(crate) event: &'static str,
    /// `None` where any code will do.
    pub(crate) code: Option<&'static str>,
}

pub(crate) struct Bench<'a> {
    pub(crate) stage: &'a Stage,
    /// Moves when the server is started anew.
    pub(crate) api: Api,
    pub(crate) juniper: Tenant,
    pub(crate) saltmarsh: Tenant,
    reads: Mutex<Vec<Read>>,
    refusals: Mutex<Vec<Refusal>>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Self {
        let person = |token: &str| Person {
            token: token.to_owned(),
            subject: Uuid::nil(),
        };
        let [first, second] = &stage.spas;
        let [first_tokens, second_tokens] = &stage.tokens;
        let make = |spa: &Spa, tokens: &Tokens| Tenant {
            id: spa.id,
            name: spa.name.clone(),
            reader: person(&tokens.reader),
            writer: person(&tokens.writer),
            admin: person(&tokens.admin),
            clients: BTreeMap::new(),
        };
        Self {
            stage,
            api: stage.api.clone(),
            juniper: make(first, first_tokens),
            saltmarsh: make(second, second_tokens),
            reads: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    /// Asks for every token who it speaks for, as the record will name that person.
    pub(crate) async fn introduce(&mut self) -> anyhow::Result<String> {
        let api = self.api.clone();
        for tenant in [&mut self.juniper, &mut self.saltmarsh] {
            for (person, roles) in [
                (&mut tenant.reader, vec!["authenticated"]),
                (&mut tenant.writer, vec!["customer_admin"]),
                (&mut tenant.admin, vec!["authenticated", "customer_admin"]),
            ] {
                let me = api.send(Call::get("/v1/me").bearer(&person.token)).await?.expect(200)?;
                let said = me.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
                let customer = api::id(&me, "customer_id")?;
                anyhow::ensure!(
                    said == roles && customer == tenant.id.as_uuid(),
                    "/v1/me says otherwise"
                );
                person.subject = api::id(&me, "subject_id")?;
            }
        }
        Ok("6 tokens, each with its own subject, tenant and roles in /v1/me".to_owned())
    }

    /// Reads, expects success, and notes the access that must be on record.
    pub(crate) async fn read(
        &self,
        tenant: &Tenant,
        call: Call,
        event: &'static str,
        subjects: impl FnOnce(&Value) -> anyhow::Result<BTreeSet<Uuid>>,
    ) -> anyhow::Result<(Value, Answer)> {
        let person = &tenant.reader;
        let answer = self.api.send(call.bearer(&person.token)).await?;
        let value = answer.expect(200)?;
        let subjects = subjects(&value)?;
        self.note_read(tenant, person, &answer, event, subjects);
        Ok((value, answer))
    }

    /// Notes a read that was made otherwise.
    pub(crate) fn note_read(
        &self,
        tenant: &Tenant,
        person: &Person,
        answer: &Answer,
        event: &'static str,
        subjects: BTreeSet<Uuid>,
    ) {
        let read = Read {
            what: format!("{event} by {}", tenant.name),
            correlation: answer.correlation,
            customer: tenant.id,
            actor: person.subject,
            event,
            subjects,
            at: answer.at,
        };
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    }

    /// Notes a refusal.
    pub(crate) fn note_refusal(&self, what: &str, answer: &Answer, event: &'static str, code: Option<&'static str>) {
        let refusal = Refusal {
            what: what.to_owned(),
            correlation: answer.correlation,
            event,
            code,
        };
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(refusal);
    }

    pub(crate) fn reads(&self) -> std::sync::MutexGuard<'_, Vec<Read>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refusals(&self) -> std::sync::MutexGuard<'_, Vec<Refusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A digest of everything that the CRM stores, over both tenants: equal before and after means nothing changed.
    pub(crate) async fn fingerprint(&self) -> anyhow::Result<String> {
        let client = self.stage.as_superuser().await?;
        let tables = client
            .query(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = 'crm' AND c.relkind = 'r' ORDER BY 1",
                &[],
            )
            .await?;
        anyhow::ensure!(tables.len() >= 7, "the schema crm has fewer tables than it should");
        let mut fingerprint = String::new();
        for table in tables {
            let table: String = table.get(0);
            let digest = format!("SELECT coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '-') FROM {table} t");
            fingerprint.push_str(client.query_one(&digest, &[]).await?.get(0));
        }
        Ok(fingerprint)
    }
}

impl Tenant {
    /// Some client that was read back.
    pub(crate) fn any(&self) -> anyhow::Result<&Known> {
        self.nth(0)
    }

    pub(crate) fn nth(&self, index: usize) -> anyhow::Result<&Known> {
        self.clients.values().nth(index).context("no client was read back")
    }
}

/// The ids of a list answer.
pub(crate) fn listed(list: &Value) -> anyhow::Result<BTreeSet<Uuid>> {
    items(list)?.iter().map(|item| api::id(item, "id")).collect()
}

/// One person.
pub(crate) fn only(id: Uuid) -> BTreeSet<Uuid> {
    BTreeSet::from([id])
}
