//! What a route says about itself, apart from its handler.

use bearingwall_audit::{EventType, Kind, Phase};
use std::borrow::Cow;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Whether a route gives access to protected health information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhiClass {
    /// It does not.
    None,
    /// It does, in its request or in its response.
    Phi,
}

impl PhiClass {
    /// The word in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Phi => "phi",
        }
    }
}

/// How costly a route is, for whoever limits its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Answers from memory.
    Light,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Works for long.
    Bulk,
    /// Takes in what another system sends, for many tenants from few addresses.
    Webhook,
}

impl RateClass {
    /// The word in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Read => "read",
            Self::Write => "write",
            Self::Bulk => "bulk",
            Self::Webhook => "webhook",
        }
    }
}

/// The schema of a type, as functions, so that a route can be declared without building it.
#[derive(Clone, Copy)]
pub struct SchemaOf {
    pub(crate) name: fn() -> Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) nested: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl SchemaOf {
    /// The schema of `T`.
    #[must_use]
    pub fn of<T: ToSchema + PartialSchema>() -> Self {
        Self {
            name: T::name,
            schema: T::schema,
            nested: T::schemas,
        }
    }
}

/// The media type of answers that are not text.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// The media type of answers that are told line by line: one JSON value a line.
pub(crate) const JSON_LINES: &str = "application/x-ndjson";

/// A body: its media type, and its schema if it is JSON.
#[derive(Clone, Copy)]
pub struct Content {
    pub(crate) media_type: &'static str,
    pub(crate) schema: Option<SchemaOf>,
}

impl Content {
    /// A JSON body.
    #[must_use]
    pub fn json<T: ToSchema + PartialSchema>() -> Self {
        Self {
            media_type: "application/json",
            schema: Some(SchemaOf::of::<T>()),
        }
    }

    /// Newline-delimited JSON, one value of `T` a line.
    #[must_use]
    pub fn json_lines<T: ToSchema + PartialSchema>() -> Self {
        Self {
            media_type: JSON_LINES,
            schema: Some(SchemaOf::of::<T>()),
        }
    }

    /// Text of another kind, or bytes.
    #[must_use]
    pub const fn text(media_type: &'static str) -> Self {
        Self {
            media_type,
            schema: None,
        }
    }
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

/// A parameter beside those in the path.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    pub(crate) required: bool,
    /// The JSON type: `string` or `integer`.
    pub(crate) kind: &'static str,
    pub(crate) description: &'static str,
}

/// The declaration of one route.
#[derive(Clone)]
pub struct RouteSpec {
    pub(crate) name: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) phi: PhiClass,
    pub(crate) announced: &'static [EventType],
    pub(crate) completed: &'static [EventType],
    pub(crate) rate: RateClass,
    pub(crate) streamed: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) request: Option<Content>,
    pub(crate) responses: Vec<(u16, &'static str, Option<Content>)>,
}

impl RouteSpec {
    /// A route named `METHOD /path/{parameter}`, its operation id in snake case, and one sentence about it. A last parameter
    /// `{name*}` takes the rest of the path with its slashes.
    #[must_use]
    pub const fn new(name: &'static str, operation: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            operation,
            summary,
            phi: PhiClass::None,
            announced: &[],
            completed: &[],
            // What says nothing is held to be the costliest.
            rate: RateClass::Bulk,
            streamed: false,
            parameters: Vec::new(),
            request: None,
            responses: Vec::new(),
        }
    }

    /// It gives access to health information, and each of these events is on the record before it happens and once more
    /// when it has ended.
    #[must_use]
    pub const fn phi(mut self, events: &'static [EventType]) -> Self {
        self.phi = PhiClass::Phi;
        self.announced = events;
        self
    }

    /// It leaves these events on the record, written together with what they are about and before the answer.
    #[must_use]
    pub const fn records(mut self, events: &'static [EventType]) -> Self {
        self.completed = events;
        self
    }

    /// How costly it is.
    #[must_use]
    pub const fn rate(mut self, rate: RateClass) -> Self {
        self.rate = rate;
        self
    }

    /// Its body or its answer is a stream, which no deadline for the whole cuts off.
    #[must_use]
    pub const fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// An optional parameter of the query string, of JSON type `string` or `integer`.
    #[must_use]
    pub fn query(mut self, name: &'static str, kind: &'static str, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            name,
            location: Location::Query,
            required: false,
            kind,
            description,
        });
        self
    }

    /// A parameter of the query string that must be there.
    #[must_use]
    pub fn query_required(mut self, name: &'static str, kind: &'static str, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            name,
            location: Location::Query,
            required: true,
            kind,
            description,
        });
        self
    }

    /// A header that must be sent.
    #[must_use]
    pub fn header(mut self, name: &'static str, description: &'static str) -> Self {
        let location = Location::Header;
        self.parameters.push(Parameter {
            name,
            location,
            required: true,
            kind: "string",
            description,
        });
        self
    }

    /// The body that it takes.
    #[must_use]
    pub const fn takes(mut self, content: Content) -> Self {
        self.request = Some(content);
        self
    }

    /// What it answers when all is well.
    #[must_use]
    pub fn answers(mut self, status: u16, description: &'static str, content: Option<Content>) -> Self {
        self.responses.push((status, description, content));
        self
    }

    /// The name, `METHOD /path`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The operation id.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether it gives access to health information.
    #[must_use]
    pub const fn phi_class(&self) -> PhiClass {
        self.phi
    }

    /// Whether it says what it leaves on the record as a route of personal data must: an access that is announced, or else
    /// a look into the record, which shows who saw whom and is recorded in the transaction that looks.
    pub(crate) fn is_accounted_for(&self) -> bool {
        let is_look = |event: &EventType| event.kind() == Kind::AuditLog;
        !self.announced.is_empty() || (!self.completed.is_empty() && self.completed.iter().all(is_look))
    }

    /// Exactly what it leaves on the record when it succeeds: no other event, in no other phase.
    #[must_use]
    pub fn recorded(&self) -> Vec<(EventType, Phase)> {
        let twice = |event: &EventType| [(*event, Phase::Intended), (*event, Phase::Completed)];
        let once = |event: &EventType| (*event, Phase::Completed);
        self.announced
            .iter()
            .flat_map(twice)
            .chain(self.completed.iter().map(once))
            .collect()
    }

    /// How costly it is.
    #[must_use]
    pub const fn rate_class(&self) -> RateClass {
        self.rate
    }
}
