//! A declared access: which persons, which resources, which commands, and the transaction that it opens.

use bearingwall_core::{ClientId, ConversationId, MessageId};
use bearingwall_events::EventType;
use bearingwall_tenancy::TenantTx;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel_async::{AsyncConnectionCore, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// What an access may do to the rows of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
}

impl Command {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// An access to be put on record before it happens. It covers exactly what it names:
/// row security shows no row of another person, another resource or to another command.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) event: EventType,
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) resources: Vec<(&'static str, &'static [Command])>,
    pub(crate) fields: &'static [&'static str],
    pub(crate) recipient: Option<String>,
}

/// What an access came to, for the event that completes it: names and digests, never values.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The one thing that was made, read or changed.
    pub resource_id: Option<Uuid>,
    /// Its version afterwards.
    pub resource_version: Option<i64>,
    /// The names of the fields that were changed.
    pub fields: Vec<&'static str>,
    /// A keyed digest of what was asked.
    pub query_digest: Option<[u8; 32]>,
    /// A keyed digest of the content before.
    pub before_digest: Option<[u8; 32]>,
    /// A keyed digest of the content after.
    pub after_digest: Option<[u8; 32]>,
}

impl Access {
    /// Persons that one access may declare.
    pub const SUBJECTS_MAX: usize = 1_000;

    /// An access to the data of these persons.
    #[must_use]
    pub fn to(event: EventType, subjects: impl IntoIterator<Item = ClientId>) -> Self {
        Self {
            event,
            subjects: subjects.into_iter().map(ClientId::as_uuid).collect(),
            resources: Vec::new(),
            fields: &[],
            recipient: None,
        }
    }

    /// An access to what a conversation's placeholders stand for. Whose data that is, the system does not know.
    #[must_use]
    pub fn to_conversation(event: EventType, conversation: ConversationId) -> Self {
        Self {
            event,
            subjects: vec![conversation.as_uuid()],
            resources: Vec::new(),
            fields: &[],
            recipient: None,
        }
    }

    /// And to a message of which it is not known whose it is.
    #[must_use]
    pub fn and_unmatched(mut self, message: MessageId) -> Self {
        self.subjects.push(message.as_uuid());
        self
    }

    /// Covers a table (`schema.name`) and what may be done to its rows.
    #[must_use]
    pub fn covering(mut self, resource: &'static str, commands: &'static [Command]) -> Self {
        self.resources.push((resource, commands));
        self
    }

    /// The names of the fields that it shows.
    #[must_use]
    pub const fn showing(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    /// To whom the data is disclosed: the id of a connector or an organisation, of `a-z`, `0-9`, `_`, `.`, `:` and `-`.
    #[must_use]
    pub fn disclosed_to(mut self, recipient: impl Into<String>) -> Self {
        self.recipient = Some(recipient.into());
        self
    }
}

/// A tenant transaction under an access that is durably on record. Only [`AuditLog`](crate::AuditLog) makes one, and
/// a store function that touches personal data takes one.
pub struct PhiTx<'t, 'c> {
    tx: &'t mut TenantTx<'c>,
    found: Option<usize>,
    details: Details,
}

impl<'t, 'c> PhiTx<'t, 'c> {
    pub(crate) fn new(tx: &'t mut TenantTx<'c>) -> Self {
        Self {
            tx,
            found: None,
            details: Details::default(),
        }
    }

    /// Says how many things came of the access; without it, the event that completes it says nothing about that.
    pub const fn found(&mut self, count: usize) {
        self.found = Some(count);
    }

    /// Says what the access came to.
    pub fn details(&mut self, details: Details) {
        self.details = details;
    }

    pub(crate) fn into_account(self) -> (Option<usize>, Details) {
        (self.found, self.details)
    }

    /// The transaction itself, for the tables that hold no personal data.
    pub fn tenant(&mut self) -> &mut TenantTx<'c> {
        self.tx
    }
}

/// The trait demands a batch; a transaction that must not commit has none.
impl SimpleAsyncConnection for PhiTx<'_, '_> {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.tx.batch_execute(query).await
    }
}

impl<'c> AsyncConnectionCore for PhiTx<'_, 'c> {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Self::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = <TenantTx<'c> as AsyncConnectionCore>::Stream<'conn, 'query>;
    type Row<'conn, 'query> = <TenantTx<'c> as AsyncConnectionCore>::Row<'conn, 'query>;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Pg> + QueryId + 'query,
    {
        self.tx.load(source)
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        self.tx.execute_returning_count(source)
    }
}
