//! Messages of three classes, each made in its own way, and what a transport is given of them.

use super::address::{Recipient, Sender};
use super::mime;
use super::text::{BodyText, LinkHost, PlainBody, Subject};
use super::{Address, Attachment, MailError};
use bearingwall_core::{Clock, Ctx, CustomerId, IdGen, Phi, RequestId, SubjectId};
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a message is for; a transport keeps the classes apart (with Amazon SES, by configuration set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It holds health information: only over TLS, only by a person.
    Phi,
    /// It belongs to something that somebody has asked for, and holds no health information.
    Plain,
    /// It advertises: with a way out by one click.
    Marketing,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Phi, Self::Plain, Self::Marketing];

    /// The word for tags and names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phi => "phi",
            Self::Plain => "plain",
            Self::Marketing => "marketing",
        }
    }
}

/// Proof that a person is sending, for one message. It is used up with it.
///
/// ```compile_fail,E0382
/// use bearingwall_connectors::mail::{Letter, MailError, Message, OperatorSend, PhiContent};
///
/// fn twice(proof: OperatorSend, letter: &Letter<'_>, one: PhiContent, two: PhiContent) -> Result<(), MailError> {
///     Message::phi(proof, letter, one)?;
///     Message::phi(proof, letter, two)?;
///     Ok(())
/// }
/// ```
///
/// ```compile_fail,E0616
/// use bearingwall_connectors::mail::OperatorSend;
///
/// fn copied(used: &OperatorSend) -> OperatorSend {
///     OperatorSend { subject: used.subject, customer: used.customer, request: used.request }
/// }
/// ```
#[derive(Debug)]
pub struct OperatorSend {
    subject: SubjectId,
    customer: CustomerId,
    request: RequestId,
}

impl OperatorSend {
    /// Says that whoever acts in this context is a person who has pressed the button.
    ///
    /// Banned by `clippy.toml` outside the extractor that has seen a person's session.
    ///
    /// # Errors
    ///
    /// [`MailError::NotAPerson`] when the proof of identity has run out, or a program of ours acts: a job, a probe, a tool.
    pub fn danger_assume_a_person_sends(ctx: &Ctx, now: OffsetDateTime) -> Result<Self, MailError> {
        let programs = [
            SubjectId::OPERATOR,
            SubjectId::ANONYMOUS,
            SubjectId::PROBE,
            SubjectId::WORKER,
        ];
        if ctx.expires_at() <= now || programs.contains(&ctx.subject()) {
            return Err(MailError::NotAPerson);
        }
        Ok(Self {
            subject: ctx.subject(),
            customer: ctx.customer(),
            request: ctx.request(),
        })
    }
}

/// The identity and the time of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    id: Uuid,
    at: OffsetDateTime,
}

impl Stamp {
    /// A new one.
    #[must_use]
    pub fn new(clock: &dyn Clock, ids: &dyn IdGen) -> Self {
        Self {
            id: ids.v7(),
            at: clock.now(),
        }
    }

    pub(super) const fn id(self) -> Uuid {
        self.id
    }

    pub(super) const fn at(self) -> OffsetDateTime {
        self.at
    }
}

/// What every message has.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// Its identity and time.
    pub stamp: Stamp,
    /// The tenant for which it is sent.
    pub customer: CustomerId,
    /// From whom.
    pub from: &'a Sender,
    /// To whom.
    pub to: &'a Recipient,
}

/// The content of a message with health information.
#[derive(Debug)]
pub struct PhiContent {
    /// The subject, which holds none.
    pub subject: Subject,
    /// The text.
    pub text: Phi<BodyText>,
    /// Files, at most ten.
    pub attachments: Vec<Attachment>,
}

/// A kind of message that is sent by itself. What it makes holds no personal data by type.
pub trait Template {
    /// The subject line.
    ///
    /// # Errors
    ///
    /// When its parts make no subject.
    fn subject(&self) -> Result<Subject, MailError>;

    /// The text.
    ///
    /// # Errors
    ///
    /// When its parts make no body.
    fn body(&self) -> Result<PlainBody, MailError>;
}

/// Where one click ends the advertising (RFC 8058): `https://<host>/unsubscribe/<token>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    host: LinkHost,
    token: Uuid,
}

impl Unsubscribe {
    /// The token is random and says nothing by itself; whoever knows it ends the advertising and does nothing else.
    #[must_use]
    pub const fn new(host: LinkHost, token: Uuid) -> Self {
        Self { host, token }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}/unsubscribe/{}", self.host.as_str(), self.token.simple())
    }
}

/// A finished message: the bytes have been checked against what was meant. It is sent once, and so it cannot be copied.
pub struct Message {
    class: Class,
    id: Uuid,
    customer: CustomerId,
    sent_by: Option<(SubjectId, RequestId)>,
    from: Address,
    to: Address,
    raw: Zeroizing<Vec<u8>>,
}

impl Message {
    /// With health information, by a person.
    ///
    /// # Errors
    ///
    /// [`MailError::NotAPerson`] if the person acts for another tenant than the letter's; [`MailError::Body`],
    /// [`MailError::Finished`].
    // CONTROL: MAI-2
    #[expect(
        clippy::disallowed_methods,
        reason = "a message to the person themself or to whom the operator chose: the operator's own act opens it"
    )]
    pub fn phi(operator: OperatorSend, letter: &Letter<'_>, content: PhiContent) -> Result<Self, MailError> {
        if operator.customer != letter.customer {
            return Err(MailError::NotAPerson);
        }
        let parts = mime::Parts {
            subject: &content.subject,
            text: content.text.disclose(),
            attachments: &content.attachments,
            unsubscribe: None,
        };
        let mut message = Self::finish(Class::Phi, letter, &parts)?;
        message.sent_by = Some((operator.subject, operator.request));
        Ok(message)
    }

    /// Without health information, by a template.
    ///
    /// # Errors
    ///
    /// What the template answers; [`MailError::Finished`].
    pub fn plain(letter: &Letter<'_>, template: &dyn Template) -> Result<Self, MailError> {
        Self::from_template(Class::Plain, letter, template, None)
    }

    /// Advertising, by a template, with the way out of it.
    ///
    /// # Errors
    ///
    /// As [`Message::plain`].
    pub fn marketing(
        letter: &Letter<'_>,
        template: &dyn Template,
        unsubscribe: &Unsubscribe,
    ) -> Result<Self, MailError> {
        Self::from_template(Class::Marketing, letter, template, Some(unsubscribe))
    }

    fn from_template(
        class: Class,
        letter: &Letter<'_>,
        template: &dyn Template,
        unsubscribe: Option<&Unsubscribe>,
    ) -> Result<Self, MailError> {
        let (subject, body) = (template.subject()?, template.body()?);
        let parts = mime::Parts {
            subject: &subject,
            text: body.text(),
            attachments: &[],
            unsubscribe,
        };
        Self::finish(class, letter, &parts)
    }

    fn finish(class: Class, letter: &Letter<'_>, parts: &mime::Parts<'_>) -> Result<Self, MailError> {
        Ok(Self {
            class,
            id: letter.stamp.id(),
            customer: letter.customer,
            sent_by: None,
            from: letter.from.address.clone(),
            to: letter.to.address.clone(),
            raw: mime::compose(letter, parts)?,
        })
    }

    /// Its class.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Its id, which stands in its Message-ID.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The tenant for which it is sent.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// The person who sends it and the request in which they do, where it takes one.
    #[must_use]
    pub const fn sent_by(&self) -> Option<(SubjectId, RequestId)> {
        self.sent_by
    }

    /// The sender of the envelope.
    #[must_use]
    pub const fn from(&self) -> &Address {
        &self.from
    }

    /// The one recipient of the envelope.
    #[must_use]
    pub const fn to(&self) -> &Address {
        &self.to
    }

    /// The bytes as they go out (RFC 5322). They may be personal: not for logs.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("class", &self.class)
            .field("id", &self.id)
            .field("customer", &self.customer)
            .field("bytes", &self.raw.len())
            .finish_non_exhaustive()
    }
}
