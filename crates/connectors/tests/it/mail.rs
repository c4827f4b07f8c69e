//! Mail: what every test of it needs.

mod messages;
mod posture;
mod sending;
mod sns;
mod texts;

use bearingwall_connectors::mail::{
    Address, BodyText, DisplayName, Letter, MailError, Message, OperatorSend, PhiContent, Plain, PlainBody, Recipient,
    Sender, Stamp, Subject, Template,
};
use bearingwall_core::{
    Clock, Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, RoleSet, SubjectId, SystemClock, SystemIds,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What no error, log line or debug print may hold.
const NAME: &str = "Ada Lovelace";
const ADDRESS: &str = "ada.lovelace@example.com";
const BODY: &str = "Your biopsy of 3 March is benign.";

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn sender() -> Sender {
    Sender::new(
        address("desk@clinic.example"),
        DisplayName::parse("Haut & Haar, Köln").unwrap(),
    )
}

fn recipient() -> Recipient {
    Recipient::new(address(ADDRESS)).named(DisplayName::parse(NAME).unwrap())
}

fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::now_v7())
}

fn letter<'a>(customer: CustomerId, from: &'a Sender, to: &'a Recipient) -> Letter<'a> {
    Letter {
        stamp: Stamp::new(&SystemClock, &SystemIds),
        customer,
        from,
        to,
    }
}

fn context(subject: SubjectId, customer: CustomerId, expires_at: OffsetDateTime) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject,
        customer,
        roles: RoleSet::default().with(Role::CustomerAdmin),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at,
        route: None,
    })
}

fn desk() -> SubjectId {
    SubjectId::from_uuid(Uuid::from_u128(0x1993_0000_0000_8000_8000_0000_0000_0099))
}

fn operator(customer: CustomerId) -> OperatorSend {
    let now = SystemClock.now();
    let context = context(desk(), customer, now + Duration::minutes(5));
    OperatorSend::danger_assume_a_person_sends(&context, now).unwrap()
}

fn content() -> PhiContent {
    PhiContent {
        subject: Subject::of(&[&"A message for you"]).unwrap(),
        text: Phi::new(BodyText::parse(BODY).unwrap()),
        attachments: Vec::new(),
    }
}

/// A template of given parts.
struct Of<'a> {
    subject: Vec<&'a dyn Plain>,
    body: Vec<&'a dyn Plain>,
}

impl Template for Of<'_> {
    fn subject(&self) -> Result<Subject, MailError> {
        Subject::of(&self.subject)
    }

    fn body(&self) -> Result<PlainBody, MailError> {
        PlainBody::of(&self.body)
    }
}

fn plain(to: &Recipient) -> Message {
    let template = Of {
        subject: vec![&"Hello"],
        body: vec![&"Hello.\n"],
    };
    Message::plain(&letter(customer(), &sender(), to), &template).unwrap()
}

/// The header block, unfolded, as names and values.
fn headers(raw: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(raw).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ")
        .replace("\r\n\t", " ")
        .split("\r\n")
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}
