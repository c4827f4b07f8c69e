//! `mail posture` as a process, against a name server on loopback.

use crate::site::Done;
use hickory_proto::op::{Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{CNAME, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;

const KEY: [&str; 2] = [
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ij",
    "Ssq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB",
];

type Zone = Vec<(&'static str, RData)>;

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn txt(parts: &[&str]) -> RData {
    RData::TXT(TXT::new(parts.iter().map(|part| (*part).to_owned()).collect()))
}

fn good() -> Zone {
    let alias = |text| RData::CNAME(CNAME(name(text)));
    vec![
        ("clinic.example", txt(&["v=spf1 ", "-all"])),
        ("clinic.example", txt(&["another=1"])),
        ("bounce.clinic.example", txt(&["v=spf1 include:amazonses.com ~all"])),
        (
            "bounce.clinic.example",
            RData::MX(MX::new(10, name("feedback-smtp.eu-central-1.amazonses.com"))),
        ),
        ("amazonses.com", txt(&["v=spf1 ip4:199.255.192.0/22 -all"])),
        (
            "_dmarc.clinic.example",
            txt(&["v=DMARC1; p=reject; rua=mailto:dmarc@clinic.example"]),
        ),
        ("one._domainkey.clinic.example", alias("one.dkim.amazonses.com")),
        ("one.dkim.amazonses.com", txt(&KEY)),
        ("two._domainkey.clinic.example", alias("two.dkim.amazonses.com")),
        ("two.dkim.amazonses.com", txt(&KEY)),
    ]
}

/// Answers from the zone, as a resolver that follows aliases does; names that begin with `broken` fail.
fn serve(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 1_500];
        while let Ok((length, peer)) = socket.recv_from(&mut bytes) {
            let asked = Message::from_vec(&bytes[..length]).unwrap();
            let answer = answer(&zone, &asked);
            socket.send_to(&answer.to_vec().unwrap(), peer).unwrap();
        }
    });
    address
}

fn answer(zone: &Zone, asked: &Message) -> Message {
    let query: &Query = &asked.queries[0];
    let mut answer = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
    let metadata: &mut Metadata = &mut answer.metadata;
    metadata.recursion_desired = true;
    metadata.recursion_available = true;
    answer.add_query(query.clone());
    let mut at = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
    if at.starts_with("broken") {
        answer.metadata.response_code = ResponseCode::ServFail;
        return answer;
    }
    loop {
        let here: Vec<_> = zone.iter().filter(|(owner, _)| *owner == at).collect();
        if here.is_empty() {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        for (owner, data) in &here {
            if data.record_type() == query.query_type() {
                answer.add_answer(Record::from_rdata(name(owner), 60, data.clone()));
            }
        }
        let alias = here.iter().find_map(|(_, data)| match data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        match alias {
            Some(target) if query.query_type() != RecordType::CNAME => {
                answer.add_answer(Record::from_rdata(name(&at), 60, RData::CNAME(CNAME(target.clone()))));
                at = target.to_ascii().trim_end_matches('.').to_owned();
            }
            _ => return answer,
        }
    }
}

fn posture(server: SocketAddr, arguments: &[&str]) -> Done {
    Command::new(env!("CARGO_BIN_EXE_bearingwall-ctl"))
        .args(["mail", "posture", "--server", &server.to_string()])
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

const ASKED: [&str; 7] = [
    "clinic.example",
    "--mail-from",
    "bounce.clinic.example",
    "--dkim",
    "one",
    "--dkim",
    "two",
];

#[test]
fn mai_5_a_domain_as_it_must_be_passes_over_the_wire() {
    let server = serve(good());
    let done = posture(server, &ASKED);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(
        done.out.lines().filter(|line| line.starts_with("ok ")).count(),
        14,
        "{}",
        done.out
    );
    let done = posture(server, &[&ASKED[..], &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(
        (&document["passed"], &document["domain"]),
        (&true.into(), &"clinic.example".into())
    );
    let at = document["checked_at"].as_str().unwrap();
    let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).unwrap();
    assert!((time::OffsetDateTime::now_utc() - at).whole_seconds().abs() < 120);
}

#[test]
fn mai_5_what_is_missing_or_does_not_answer_is_refused_over_the_wire() {
    let mut weak = good();
    weak.retain(|(owner, _)| *owner != "_dmarc.clinic.example" && *owner != "two.dkim.amazonses.com");
    weak.push(("clinic.example", txt(&["v=spf1 +all"])));
    let done = posture(serve(weak), &ASKED);
    assert_eq!(done.code, 3, "{}", done.err);
    let failed: Vec<&str> = done
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("FAIL ")?.split(' ').next())
        .collect();
    assert_eq!(failed, ["spf-record", "dkim", "dmarc-record", "alignment"]);
    let done = posture(serve(good()), &["broken.example", "--dkim", "one"]);
    assert_eq!(done.code, 3);
    assert!(
        done.out.contains("spf-record broken.example: the DNS does not answer"),
        "{}",
        done.out
    );
}

#[test]
fn mai_5_what_the_dns_says_does_not_steer_a_terminal() {
    let mut zone = good();
    zone.retain(|(owner, _)| *owner != "clinic.example");
    zone.push(("clinic.example", txt(&["v=spf1 include:\u{1b}[2J\u{7}x.example -all"])));
    let done = posture(serve(zone), &ASKED);
    assert_eq!(done.code, 3);
    assert!(!done.out.contains(['\u{1b}', '\u{7}']), "{:?}", done.out);
}

#[test]
fn tokens_of_ses_are_not_taken_for_credentials() {
    // As Amazon SES makes them: 32 random letters and digits.
    let token = "vvjuipp74whm76gqoni7qmwwn4w4qusj";
    let done = posture(serve(good()), &["clinic.example", "--dkim", token]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.out.contains(token), "{}", done.out);
}

#[test]
fn a_domain_that_is_none_is_wrong_usage() {
    let server = serve(good());
    for domain in ["clinic", "a b.example", "clinic.example."] {
        assert_eq!(posture(server, &[domain]).code, 2, "{domain}");
    }
}
