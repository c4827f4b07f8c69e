//! Values that standards and authorities print, and what becomes of them when a digit is wrong.

use super::{Validity, check};
use crate::entity::Entity;

/// Published examples: a value, and whether a change of any one digit must be found by its check digit.
const PRINTED: &[(Entity, &str, bool)] = &[
    (Entity::CreditCard, "4111 1111 1111 1111", true),
    (Entity::CreditCard, "3782 822463 10005", true),
    (Entity::CreditCard, "6011111111111117", true),
    (Entity::CreditCard, "5555555555554444", true),
    (Entity::Iban, "GB82 WEST 1234 5698 7654 32", true),
    (Entity::Iban, "DE89370400440532013000", true),
    (Entity::Iban, "FR1420041010050500013M02606", true),
    (Entity::Iban, "NO9386011117947", true),
    (Entity::Imei, "490154203237518", true),
    (Entity::Vin, "1M8GDM9AXKP042788", true),
    (Entity::UsSsn, "536-22-8147", false),
    (Entity::UsItin, "912-90-3456", false),
    (Entity::UsEin, "12-3456789", false),
    (Entity::UsNpi, "1234567893", true),
    (Entity::UsDea, "AP5836727", false),
    (Entity::UsMbi, "1EG4-TE5-MK73", false),
    (Entity::UsAba, "021000021", true),
    (Entity::UkNhs, "943 476 5919", true),
    (Entity::UkNhs, "401 023 2137", true),
    (Entity::UkNino, "AB 12 34 56 C", false),
    (Entity::UkUtr, "1955839661", false),
    (Entity::InAadhaar, "2341 2341 2346", true),
    (Entity::InPan, "ACUPA7085R", false),
    (Entity::CaSin, "130 692 544", true),
    (Entity::AuTfn, "123 456 782", true),
    (Entity::AuAbn, "53 004 085 616", true),
    (Entity::AuAcn, "004 085 616", false),
    (Entity::SgNric, "S0000001I", true),
    (Entity::SgNric, "M5398242L", true),
    (Entity::DeSteuerId, "86095742719", true),
    (Entity::DeVat, "DE136695976", true),
    (Entity::FrVat, "FR40303265045", true),
    (Entity::FrVat, "FRK7399859412", false),
    (Entity::FrNir, "295109912611193", false),
    (Entity::FrNir, "253072B07300470", false),
    (Entity::ItVat, "00743110157", true),
    (Entity::ItFiscalCode, "RCCMNL83S18D969H", false),
    (Entity::EsNif, "54362315K", true),
    (Entity::EsNif, "A13585625", true),
    (Entity::EsNie, "X-2482300-W", true),
    (Entity::EsNss, "28 12345678 40", false),
    (Entity::NlBsn, "111222333", true),
    (Entity::PlPesel, "44051401359", true),
    (Entity::SePersonnummer, "811228-9874", true),
    (Entity::FiHetu, "131052-308T", true),
    (Entity::NoFnr, "15108695088", true),
    (Entity::BeNn, "85.07.30-033.28", false),
    (Entity::PtNif, "501964843", false),
    (Entity::IePps, "6433435F", true),
    (Entity::EuVat, "ATU13585627", true),
    (Entity::EuVat, "BE0428759497", true),
    (Entity::EuVat, "DK13585628", true),
    (Entity::EuVat, "EE100931558", true),
    (Entity::EuVat, "EL094259216", false),
    (Entity::EuVat, "FI20774740", false),
    (Entity::EuVat, "GB980780684", false),
    (Entity::EuVat, "HR33392005961", true),
    (Entity::EuVat, "HU12892312", true),
    (Entity::EuVat, "LU15027442", true),
    (Entity::EuVat, "MT11679112", true),
    (Entity::EuVat, "NL004495445B01", false),
    (Entity::EuVat, "PL8567346215", false),
    (Entity::EuVat, "RO18547290", false),
    (Entity::EuVat, "SI50223054", false),
    (Entity::EuVat, "SK2022749619", true),
    (Entity::BrCpf, "390.533.447-05", false),
    (Entity::BrCnpj, "16.727.230/0001-97", true),
    (Entity::MxCurp, "BOXW310820HNERXN09", false),
    (Entity::ZaId, "7503305044089", true),
    (Entity::KrRrn, "971013-9019902", true),
    (Entity::CnId, "11010519491231002X", true),
];

#[test]
fn what_is_printed_is_valid() {
    let refused: Vec<_> = PRINTED
        .iter()
        .filter(|(entity, value, _)| check(*entity, value) != Validity::Valid)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn every_wrong_digit_is_found_where_a_check_digit_finds_it() {
    let mut missed = Vec::new();
    for (entity, value, _) in PRINTED.iter().filter(|(_, _, checked)| *checked) {
        for (place, digit) in value.char_indices().filter(|(_, ch)| ch.is_ascii_digit()) {
            for other in ('0'..='9').filter(|other| *other != digit) {
                let mut wrong = (*value).to_owned();
                wrong.replace_range(place..=place, &other.to_string());
                if check(*entity, &wrong) == Validity::Valid {
                    missed.push((*entity, wrong));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_has_another_length_or_no_structure_is_refused() {
    for (entity, value, _) in PRINTED {
        let longer = format!("{value}7");
        let (shorter, _) = value.split_at(value.len() - 1);
        for wrong in [longer.as_str(), shorter, "", "--", &"9".repeat(80)] {
            if *entity == Entity::EuVat && wrong.len() > 4 {
                continue;
            }
            assert_eq!(check(*entity, wrong), Validity::Invalid, "{entity} {wrong}");
        }
    }
}

#[test]
fn numbers_that_are_never_issued_are_refused() {
    for value in [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078-05-1120",
    ] {
        assert_eq!(check(Entity::UsSsn, value), Validity::Invalid, "{value}");
    }
    for value in ["BG123456A", "DA123456A", "AO123456A", "AB123456E"] {
        assert_eq!(check(Entity::UkNino, value), Validity::Invalid, "{value}");
    }
    assert_eq!(check(Entity::UsMbi, "1SG4-TE5-MK73"), Validity::Invalid);
    assert_eq!(check(Entity::UsNpi, "8234567893"), Validity::Invalid);
}
