//! Messages of each class: what is in them, and what is not.

use super::{
    ADDRESS, BODY, NAME, Of, content, context, customer, desk, headers, letter, operator, plain, recipient, sender,
};
use bearingwall_connectors::mail::{
    AppointmentReminder, AppointmentTime, Attachment, Class, ClinicName, ContentType, DisplayName, LinkHost, MailError,
    Message, OperatorSend, Unsubscribe,
};
use bearingwall_core::{Clock as _, Phi, SubjectId, SystemClock};
use time::{Duration, macros::datetime};
use uuid::Uuid;

fn value(message: &Message, name: &str) -> Option<String> {
    let found = headers(message.raw());
    found
        .into_iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value)
}

#[test]
fn mai_1_the_header_names_the_envelopes_addresses_and_our_own_id() {
    let customer = customer();
    let (from, to) = (sender().replies_to(super::address("front@clinic.example")), recipient());
    let message = Message::phi(operator(customer), &letter(customer, &from, &to), content()).unwrap();
    assert_eq!(value(&message, "To").unwrap(), format!("\"{NAME}\" <{ADDRESS}>"));
    assert!(value(&message, "From").unwrap().ends_with(" <desk@clinic.example>"));
    assert_eq!(value(&message, "Reply-To").unwrap(), "<front@clinic.example>");
    let id = format!("<{}@clinic.example>", message.id().simple());
    assert_eq!(value(&message, "Message-ID").unwrap(), id);
    assert_eq!(value(&message, "List-Unsubscribe"), None);
    assert_eq!((message.to().wire(), message.class()), (ADDRESS, Class::Phi));
}

#[test]
fn mai_2_health_information_goes_out_by_a_person_of_that_tenant_alone() {
    let now = SystemClock.now();
    let (from, to) = (sender(), recipient());
    let (ours, theirs) = (customer(), customer());
    let run_out = OperatorSend::danger_assume_a_person_sends(&context(desk(), ours, now), now);
    assert!(matches!(run_out, Err(MailError::NotAPerson)), "{run_out:?}");
    for program in [
        SubjectId::OPERATOR,
        SubjectId::ANONYMOUS,
        SubjectId::PROBE,
        SubjectId::WORKER,
    ] {
        let context = context(program, ours, now + Duration::minutes(1));
        let refused = OperatorSend::danger_assume_a_person_sends(&context, now);
        assert!(matches!(refused, Err(MailError::NotAPerson)), "{program}");
    }
    let foreign = Message::phi(operator(theirs), &letter(ours, &from, &to), content());
    assert!(matches!(foreign, Err(MailError::NotAPerson)), "{foreign:?}");
    let context = context(desk(), ours, now + Duration::minutes(1));
    let proof = OperatorSend::danger_assume_a_person_sends(&context, now).unwrap();
    let sent = Message::phi(proof, &letter(ours, &from, &to), content()).unwrap();
    assert_eq!(sent.sent_by(), Some((context.subject(), context.request())));
    assert_eq!(plain(&to).sent_by(), None);
}

#[test]
fn mai_2_the_reminder_says_who_when_and_where_and_nothing_else() {
    let reminder = AppointmentReminder {
        clinic: ClinicName::parse("Haut & Haar").unwrap(),
        at: AppointmentTime::at(datetime!(2026-12-03 14:05 +1)),
        host: LinkHost::parse("my.clinic.example").unwrap(),
    };
    let to = bearingwall_connectors::mail::Recipient::new(super::address(ADDRESS));
    let message = Message::plain(&letter(customer(), &sender(), &to), &reminder).unwrap();
    assert_eq!(value(&message, "Subject").unwrap(), "Appointment at Haut & Haar");
    let text = std::str::from_utf8(message.raw()).unwrap().replace("=\r\n", "");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body.trim_end(),
        "You have an appointment at Haut & Haar:\r\n\r\n    Thursday, 3 December 2026, 14:05\r\n\r\n\
         To see or change it, sign in at https://my.clinic.example/\r\n\r\n\
         Please do not answer with anything about your health: this address is not read by your care team."
    );
}

#[test]
fn mai_1_only_advertising_has_a_way_out_by_one_click() {
    let token = Uuid::new_v4();
    let unsubscribe = Unsubscribe::new(LinkHost::parse("my.clinic.example").unwrap(), token);
    let template = Of {
        subject: vec![&"News"],
        body: vec![&"News.\n"],
    };
    let message = Message::marketing(&letter(customer(), &sender(), &recipient()), &template, &unsubscribe).unwrap();
    // RFC 8058, section 3.1.
    let url = format!("<https://my.clinic.example/unsubscribe/{}>", token.simple());
    assert_eq!(value(&message, "List-Unsubscribe").unwrap(), url);
    assert_eq!(
        value(&message, "List-Unsubscribe-Post").unwrap(),
        "List-Unsubscribe=One-Click"
    );
    let to = recipient();
    assert_eq!(value(&plain(&to), "List-Unsubscribe"), None);
    assert_eq!(value(&plain(&to), "List-Unsubscribe-Post"), None);
}

#[test]
fn attachments_are_bounded_in_number_and_size() {
    let customer = customer();
    let (from, to) = (sender(), recipient());
    let send = |count: usize, bytes: usize| {
        let mut content = content();
        content.attachments = (0..count)
            .map(|_| Attachment::new("a.pdf", ContentType::Pdf, Phi::new(vec![7; bytes])).unwrap())
            .collect();
        Message::phi(operator(customer), &letter(customer, &from, &to), content)
    };
    assert!(send(10, 1).is_ok());
    assert!(matches!(send(11, 1), Err(MailError::Body { .. })));
    assert!(send(7, 1_000_000).is_ok());
    assert!(matches!(send(8, 1_000_000), Err(MailError::Body { .. })));
}

#[test]
fn every_type_of_attachment_passes_the_last_look() {
    let customer = customer();
    let (from, to) = (sender(), recipient());
    let mut content = content();
    content.attachments = [
        (
            "Einwilligung Müller, \"Köln\"".replace('"', "'") + ".pdf",
            ContentType::Pdf,
        ),
        ("x.png".to_owned(), ContentType::Png),
        ("x.jpg".to_owned(), ContentType::Jpeg),
        (format!("{}.csv", "名".repeat(100)), ContentType::Csv),
    ]
    .map(|(name, kind)| Attachment::new(&name, kind, Phi::new(b"--bw_\r\n\r\n--\r\n.\r\n".to_vec())).unwrap())
    .into();
    assert_eq!(content.attachments.len(), ContentType::ALL.len());
    Message::phi(operator(customer), &letter(customer, &from, &to), content).unwrap();
}

#[test]
fn mai_2_nothing_of_a_person_is_printed() {
    let customer = customer();
    let (from, to) = (sender(), recipient());
    let mut content = content();
    content.attachments =
        vec![Attachment::new(&format!("{NAME}.pdf"), ContentType::Pdf, Phi::new(BODY.into())).unwrap()];
    let letter = letter(customer, &from, &to);
    let mut shown = format!(
        "{to:?} {:?} {content:?} {letter:?} {:?}",
        to.clone(),
        DisplayName::parse(NAME).unwrap()
    );
    let message = Message::phi(operator(customer), &letter, content).unwrap();
    shown.push_str(&format!("{message:?} {:?} {:?}", message.to(), message.from()));
    for held in [NAME, "Lovelace", "lovelace", ADDRESS, "biopsy", "example.com"] {
        assert!(!shown.contains(held), "{held} in {shown}");
    }
}
