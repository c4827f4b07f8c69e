//! Values that a word next to them announces: the nearest cue whose shape fits has the say.

use crate::bytes::{self, Compact, at, before, is_word, part};
use crate::checksums::{Validity, check, check_compact};
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::{Cue, kind};
use crate::recognizers::shape::{Shape, token};
use crate::recognizers::{address, dates, phone, secrets};
use crate::scan::{Scan, Seen};

/// What a cue expects.
enum Expect {
    /// So many digits, however they are grouped.
    Digits(Entity, &'static [usize]),
    /// So many letters and digits, however they are grouped.
    Mixed(Entity, std::ops::RangeInclusive<usize>),
    /// A code with at least so many digits; nobody says what it looks like.
    Free(Entity, usize),
    /// Another recognizer's business.
    Phone,
    Zip,
    Birth,
    Secret,
}

/// The cues that expect something of a number, in the order in which they are asked where one word says several.
#[rustfmt::skip]
const EXPECTED: &[(Cue, Expect, &str)] = &[
    (Cue::Ssn, Expect::Digits(Entity::UsSsn, &[9]), "rule.ssn"),
    (Cue::Itin, Expect::Digits(Entity::UsItin, &[9]), "rule.itin"),
    (Cue::Ein, Expect::Digits(Entity::UsEin, &[9]), "rule.ein"),
    (Cue::Npi, Expect::Digits(Entity::UsNpi, &[10]), "rule.npi"),
    (Cue::Dea, Expect::Mixed(Entity::UsDea, 9..=9), "rule.dea"),
    (Cue::Mbi, Expect::Mixed(Entity::UsMbi, 11..=11), "rule.mbi"),
    (Cue::Aba, Expect::Digits(Entity::UsAba, &[9]), "rule.aba"),
    (Cue::Nhs, Expect::Digits(Entity::UkNhs, &[10]), "rule.nhs"),
    (Cue::Nino, Expect::Mixed(Entity::UkNino, 9..=9), "rule.nino"),
    (Cue::Utr, Expect::Digits(Entity::UkUtr, &[10]), "rule.utr"),
    (Cue::Vin, Expect::Mixed(Entity::Vin, 17..=17), "rule.vin"),
    (Cue::Aadhaar, Expect::Digits(Entity::InAadhaar, &[12]), "rule.aadhaar"),
    (Cue::Pan, Expect::Mixed(Entity::InPan, 10..=10), "rule.pan"),
    (Cue::Sin, Expect::Digits(Entity::CaSin, &[9]), "rule.sin"),
    (Cue::Tfn, Expect::Digits(Entity::AuTfn, &[9, 8]), "rule.tfn"),
    (Cue::Abn, Expect::Digits(Entity::AuAbn, &[11]), "rule.abn"),
    (Cue::Acn, Expect::Digits(Entity::AuAcn, &[9]), "rule.acn"),
    (Cue::AuMedicare, Expect::Digits(Entity::AuMedicare, &[10, 11]), "rule.au_medicare"),
    (Cue::Nric, Expect::Mixed(Entity::SgNric, 9..=9), "rule.nric"),
    (Cue::SteuerId, Expect::Digits(Entity::DeSteuerId, &[11]), "rule.steuer_id"),
    (Cue::Nir, Expect::Mixed(Entity::FrNir, 15..=15), "rule.nir"),
    (Cue::FiscalCode, Expect::Mixed(Entity::ItFiscalCode, 16..=16), "rule.codice_fiscale"),
    (Cue::Nie, Expect::Mixed(Entity::EsNie, 9..=9), "rule.nie"),
    (Cue::Dni, Expect::Mixed(Entity::EsNif, 9..=9), "rule.dni"),
    (Cue::Nss, Expect::Digits(Entity::EsNss, &[12, 11, 10]), "rule.nss"),
    (Cue::Bsn, Expect::Digits(Entity::NlBsn, &[9]), "rule.bsn"),
    (Cue::Pesel, Expect::Digits(Entity::PlPesel, &[11]), "rule.pesel"),
    (Cue::Personnummer, Expect::Digits(Entity::SePersonnummer, &[10, 12]), "rule.personnummer"),
    (Cue::Hetu, Expect::Mixed(Entity::FiHetu, 10..=11), "rule.hetu"),
    (Cue::Cpr, Expect::Digits(Entity::DkCpr, &[10]), "rule.cpr"),
    (Cue::Fnr, Expect::Digits(Entity::NoFnr, &[11]), "rule.fnr"),
    (Cue::BeNn, Expect::Digits(Entity::BeNn, &[11]), "rule.be_nn"),
    (Cue::PtNif, Expect::Digits(Entity::PtNif, &[9]), "rule.pt_nif"),
    (Cue::Pps, Expect::Mixed(Entity::IePps, 8..=9), "rule.pps"),
    (Cue::Cpf, Expect::Digits(Entity::BrCpf, &[11]), "rule.cpf"),
    (Cue::Cnpj, Expect::Digits(Entity::BrCnpj, &[14]), "rule.cnpj"),
    (Cue::Curp, Expect::Mixed(Entity::MxCurp, 18..=18), "rule.curp"),
    (Cue::ZaId, Expect::Digits(Entity::ZaId, &[13]), "rule.za_id"),
    (Cue::Rrn, Expect::Digits(Entity::KrRrn, &[13]), "rule.rrn"),
    (Cue::CnId, Expect::Mixed(Entity::CnId, 18..=18), "rule.cn_id"),
    (Cue::Imei, Expect::Digits(Entity::Imei, &[15]), "rule.imei"),
    (Cue::Card, Expect::Digits(Entity::CreditCard, &[16, 15, 14, 13, 19, 12, 18, 17]), "rule.card"),
    (Cue::CardCode, Expect::Digits(Entity::CardCode, &[3, 4]), "rule.card_code"),
    (Cue::Iban, Expect::Mixed(Entity::Iban, 15..=34), "rule.iban"),
    (Cue::Bic, Expect::Mixed(Entity::Bic, 8..=11), "rule.bic"),
    (Cue::Mrn, Expect::Free(Entity::Mrn, 3), "rule.mrn"),
    (Cue::Plan, Expect::Free(Entity::HealthPlan, 3), "rule.plan"),
    (Cue::Phone, Expect::Phone, "rule.phone"),
    (Cue::Zip, Expect::Zip, "rule.zip"),
    (Cue::Birth, Expect::Birth, "rule.date"),
    (Cue::Secret, Expect::Secret, "rule.secret"),
    (Cue::Passport, Expect::Free(Entity::Passport, 5), "rule.passport"),
    (Cue::Driver, Expect::Free(Entity::DriverLicense, 4), "rule.driver_license"),
    (Cue::Plate, Expect::Free(Entity::LicensePlate, 1), "rule.plate"),
    (Cue::Device, Expect::Free(Entity::DeviceId, 4), "rule.device"),
    (Cue::Account, Expect::Free(Entity::Account, 4), "rule.account"),
    (Cue::License, Expect::Free(Entity::License, 4), "rule.license"),
    (Cue::User, Expect::Free(Entity::Username, 1), "rule.user"),
    (Cue::Id, Expect::Free(Entity::IdOther, 3), "rule.id"),
];

/// Where each cue stands in [`EXPECTED`], by its bit; behind the end if it expects nothing.
const PLACES: [u8; 64] = {
    let mut places = [u8::MAX; 64];
    let mut index = 0;
    while index < EXPECTED.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            places[EXPECTED[index].0 as usize] = index as u8;
        }
        index += 1;
    }
    places
};

/// The cues in [`EXPECTED`].
const EXPECTED_SET: u64 = {
    let mut set = 0;
    let mut index = 0;
    while index < EXPECTED.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            set |= EXPECTED[index].0.bit();
        }
        index += 1;
    }
    set
};

/// Takes the cue out of `left` that is asked first: what it expects.
fn next_expected(left: &mut u64) -> Option<(&'static Expect, &'static str)> {
    let mut first = u8::MAX;
    let mut bits = *left;
    while bits != 0 {
        let place = PLACES.get(bits.trailing_zeros() as usize).copied().unwrap_or(u8::MAX);
        first = first.min(place);
        bits &= bits - 1;
    }
    let (cue, expect, source) = EXPECTED.get(usize::from(first))?;
    *left &= !cue.bit();
    Some((expect, source))
}

/// Finds the value at this number that a cue announces: where it ends.
pub(crate) fn settle(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let start = shape.lead.map_or(shape.start(), |lead| lead.start);
    // The cue within a code ("MRN-552715") is the nearest.
    let mut cues = scan.cues(shape.start());
    if start < shape.start() {
        cues.join(scan.cues(start));
    }
    if cues.is_empty() {
        return None;
    }
    for weak in [false, true] {
        for seen in cues.iter() {
            let set = if weak { seen.weak } else { seen.strong };
            if set == 0 {
                continue;
            }
            let cue = CueSpan {
                start: seen.start,
                end: seen.end,
                weak,
            };
            let mut left = set & EXPECTED_SET;
            while let Some((expect, source)) = next_expected(&mut left) {
                if let Some(end) = fits(scan, shape, expect, cue, source) {
                    return Some(end);
                }
            }
            // Vat has as many shapes as states: whichever check is right.
            if set & Cue::Vat.bit() != 0
                && let Some(end) = vat(scan, shape, cue)
            {
                return Some(end);
            }
        }
    }
    cues.iter()
        .find(|seen| seen.strong & CHECKED != 0)
        .and_then(|seen| broken(scan, shape, *seen))
}

/// The cues of numbers that have a fixed length or check digits.
const CHECKED: u64 = {
    let mut set = Cue::Vat.bit();
    let mut index = 0;
    while let Some((head, _)) = EXPECTED.split_at_checked(index) {
        if head.len() == EXPECTED.len() {
            break;
        }
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        let (cue, expect, _) = &EXPECTED[index];
        if matches!(expect, Expect::Digits(..) | Expect::Mixed(..)) {
            set |= cue.bit();
        }
        index += 1;
    }
    set
};

fn fits(
    scan: &mut Scan<'_, '_>,
    shape: &Shape<'_>,
    expect: &Expect,
    cue: CueSpan,
    source: &'static str,
) -> Option<usize> {
    match expect {
        Expect::Digits(entity, lens) => {
            let mut fallback = None;
            for len in *lens {
                let Some(count) = shape.digits_of(*len) else { continue };
                // The same separator goes on: these are not all of the groups.
                if count > 1 && count < shape.digit_runs && shape.run(count).separator == shape.run(1).separator {
                    continue;
                }
                let found = check_compact(*entity, shape.compact(count).as_bytes());
                if found != Validity::Invalid {
                    fallback = Some((count, found));
                    break;
                }
                fallback = fallback.or(Some((count, found)));
            }
            let (count, validity) = fallback?;
            let end = shape.end_of(count);
            if shape.run(count).classes != 0 && shape.run(count).separator == b'-' && validity == Validity::Invalid {
                return None;
            }
            if validity == Validity::Invalid && !adjacent(scan, cue, shape.start()) && !close(scan, cue, shape.start())
            {
                return None;
            }
            let named = named(*entity, validity);
            if named == Entity::CardCode && !adjacent(scan, cue, shape.start()) {
                return None;
            }
            scan.propose((shape.start(), end), named, 0.1, (validity, Some(cue)), source);
            Some(end)
        }
        Expect::Mixed(entity, lens) => {
            let (start, end, validity) = mixed(shape, *entity, lens)?;
            if validity == Validity::Invalid && !adjacent(scan, cue, start) {
                return None;
            }
            scan.propose(
                (start, end),
                named(*entity, validity),
                0.1,
                (validity, Some(cue)),
                source,
            );
            Some(end)
        }
        Expect::Free(entity, digits) => free(scan, shape, *entity, *digits, cue, source),
        Expect::Phone => phone::cued(scan, shape, cue),
        Expect::Zip => address::cued_zip(scan, shape, cue),
        Expect::Birth => dates::cued(scan, shape, cue),
        Expect::Secret => secrets::cued(scan, shape.start(), cue),
    }
}

/// A value that fails the check of what its cue says is an identifier all the same, but not that one; where single
/// digits are often wrong (typed, misheard, made up for a test) it keeps the name.
fn named(entity: Entity, validity: Validity) -> Entity {
    match (validity, entity) {
        (Validity::Invalid, Entity::UsNpi | Entity::UsSsn | Entity::CreditCard | Entity::EsNss | Entity::EsNif) => {
            entity
        }
        (Validity::Invalid, Entity::UsMbi) => Entity::HealthPlan,
        (Validity::Invalid, _) => Entity::IdOther,
        _ => entity,
    }
}

/// The runs, with or without the letters before them, that have the right length; valid ones first.
fn mixed(
    shape: &Shape<'_>,
    entity: Entity,
    lens: &std::ops::RangeInclusive<usize>,
) -> Option<(usize, usize, Validity)> {
    let mut fallback = None;
    for count in 1..=shape.runs().len() {
        for with_lead in [true, false] {
            let (start, compact) = match (with_lead, shape.lead) {
                (true, Some(lead)) => (lead.start, shape.compact_with_lead(count)),
                (true, None) => continue,
                (false, _) => (shape.start(), shape.compact(count)),
            };
            if !lens.contains(&compact.len()) {
                continue;
            }
            let end = shape.end_of(count);
            let validity = if entity == Entity::FiHetu {
                std::str::from_utf8(part(shape.text, start, end))
                    .map_or(Validity::Invalid, |value| check(entity, value))
            } else {
                check_compact(entity, compact.as_bytes())
            };
            if validity == Validity::Valid {
                return Some((start, end, validity));
            }
            fallback = Some((start, end, validity));
        }
    }
    fallback
}

fn vat(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, cue: CueSpan) -> Option<usize> {
    let mut best: Option<(usize, usize, Entity)> = None;
    for count in 1..=shape.runs().len() {
        for with_lead in [true, false] {
            let (start, compact) = match (with_lead, shape.lead) {
                (true, Some(lead)) => (lead.start, shape.compact_with_lead(count)),
                (true, None) => continue,
                (false, _) => (shape.start(), shape.compact(count)),
            };
            if let Some(entity) = vat_kind(&compact) {
                let end = shape.end_of(count);
                if best.is_none_or(|(known_start, known_end, _)| end > known_end || start < known_start) {
                    best = Some((start, end, entity));
                }
            }
        }
    }
    let (start, end, entity) = best?;
    scan.propose((start, end), entity, 0.1, (Validity::Valid, Some(cue)), "rule.vat");
    Some(end)
}

/// Whose VAT number it is, if it is one.
pub(crate) fn vat_kind(compact: &Compact) -> Option<Entity> {
    let value = compact.as_bytes();
    let valid = |entity| check_compact(entity, value) == Validity::Valid;
    match part(value, 0, 2) {
        b"DE" if valid(Entity::DeVat) => Some(Entity::DeVat),
        b"FR" if valid(Entity::FrVat) => Some(Entity::FrVat),
        b"IT" if valid(Entity::ItVat) => Some(Entity::ItVat),
        _ if valid(Entity::EuVat) => Some(Entity::EuVat),
        _ if compact.all_digits() && valid(Entity::ItVat) => Some(Entity::ItVat),
        _ if compact.all_digits() && valid(Entity::DeVat) => Some(Entity::DeVat),
        _ if compact.all_digits() && without_letters(value) => Some(Entity::EuVat),
        _ => None,
    }
}

/// Whether the digits are the VAT number of a state whose letters were left out.
fn without_letters(value: &[u8]) -> bool {
    const STATES: [&[u8]; 12] = [
        b"PL", b"BE", b"HR", b"DK", b"HU", b"LU", b"EE", b"SI", b"FI", b"SK", b"EL", b"PT",
    ];
    STATES.iter().any(|state| {
        let mut whole = Compact::new(state);
        for byte in value {
            whole.push(*byte);
        }
        check_compact(Entity::EuVat, whole.as_bytes()) == Validity::Valid
    })
}

/// A code of which only the cue is known.
fn free(
    scan: &mut Scan<'_, '_>,
    shape: &Shape<'_>,
    entity: Entity,
    digits: usize,
    cue: CueSpan,
    source: &'static str,
) -> Option<usize> {
    let text = scan.text;
    let run = shape.run(0);
    let (start, mut end) = token(text, run.start, run.end);
    let near = adjacent(scan, cue, start);
    if !near && (cue.weak || !close(scan, cue, start)) {
        return None;
    }
    // Digits in groups: "74 45435656 13", "5 5 5 1 2".
    let groups = shape
        .digits()
        .iter()
        .enumerate()
        .take_while(|(index, run)| *index == 0 || run.separator == b' ' && run.len() <= 8)
        .count();
    let grouped = shape.end_of(groups.max(1));
    if groups > 1
        && grouped > end
        && shape
            .digits()
            .iter()
            .take(groups)
            .map(super::shape::Run::len)
            .sum::<usize>()
            >= 4
    {
        end = grouped;
    }
    let second = shape.run(1);
    if entity == Entity::LicensePlate && second.separator == b' ' && second.len() <= 4 {
        end = end.max(second.end);
    }
    if let Some(lead) = shape.lead
        && lead.separator == b' '
        && start == run.start
        && lead.len() <= 3
        && lead.start >= cue.end
        && entity != Entity::Account
    {
        return propose_free(scan, (lead.start, end), entity, digits, cue, source);
    }
    propose_free(scan, (start, end), entity, digits, cue, source)
}

fn propose_free(
    scan: &mut Scan<'_, '_>,
    range: (usize, usize),
    entity: Entity,
    digits: usize,
    cue: CueSpan,
    source: &'static str,
) -> Option<usize> {
    let text = scan.text;
    // "MRN-552715": the cue is part of the code, which is then taken whole.
    let inside = range.0 < cue.end;
    let value = part(text, range.0, range.1);
    let count = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    // "([#1394": a reference in a document.
    if before(text, range.0) == b'[' && value.first() == Some(&b'#') || entity == Entity::Username && !letters {
        return None;
    }
    if count < digits || measured(scan, range) || value.len() < 3 && entity != Entity::Username {
        return None;
    }
    // A year is no code, unless nothing stands between it and the cue.
    if !letters && value.len() == 4 && matches!(part(value, 0, 2), b"19" | b"20") && !adjacent(scan, cue, range.0) {
        return None;
    }
    if !letters && value.contains(&b'.') && count < 6 {
        return None;
    }
    let shape = if inside || count >= 5 { 0.3 } else { 0.2 };
    scan.propose(range, entity, shape, (Validity::Unchecked, Some(cue)), source);
    Some(range.1)
}

/// A number that a cue announces and that has not even the right length: a digit was lost.
fn broken(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, seen: Seen) -> Option<usize> {
    let run = shape.run(0);
    let (start, end) = token(scan.text, run.start, run.end);
    let count = part(scan.text, start, end)
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .count();
    let cue = CueSpan {
        start: seen.start,
        end: seen.end,
        weak: false,
    };
    if count < 5 || !adjacent(scan, cue, start) || measured(scan, (start, end)) {
        return None;
    }
    scan.propose(
        (start, end),
        Entity::IdOther,
        0.1,
        (Validity::Invalid, Some(cue)),
        "rule.broken_id",
    );
    Some(end)
}

/// Whether only punctuation, or "is", "number", "no" and the like, stands between the cue and the value.
pub(crate) fn adjacent(scan: &Scan<'_, '_>, cue: CueSpan, start: usize) -> bool {
    if cue.end >= start || scan.heads(cue) {
        return true;
    }
    let gap = part(scan.text, cue.end, start);
    if gap.len() > 28 {
        return !gap.iter().any(|byte| is_word(*byte));
    }
    gap.split(|byte| !is_word(*byte))
        .filter(|word| !word.is_empty())
        .all(|word| {
            matches!(
                bytes::lower(word).as_slice(),
                b"is"
                    | b"was"
                    | b"number"
                    | b"numbers"
                    | b"no"
                    | b"nr"
                    | b"num"
                    | b"code"
                    | b"id"
                    | b"as"
                    | b"of"
                    | b"the"
                    | b"are"
                    | b"es"
                    | b"de"
                    | b"card"
                    | b"on"
                    | b"file"
                    | b"n"
                    | b"it"
                    | b"s"
                    | b"and"
                    | b"says"
                    | b"to"
                    | b"at"
                    | b"nhc"
                    | b"numero"
            )
        })
}

/// Whether few words stand between, or what announces a value: a colon, a sign of number, "is".
fn close(scan: &Scan<'_, '_>, cue: CueSpan, start: usize) -> bool {
    let gap = part(scan.text, cue.end.min(start), start);
    let words = gap
        .split(|byte| !is_word(*byte))
        .filter(|word| !word.is_empty())
        .count();
    let end = gap.trim_ascii_end();
    let announced = matches!(end.last(), Some(b':' | b'#' | b'='))
        || matches!(
            end.rsplit(|byte| !is_word(*byte)).next(),
            Some(b"is" | b"number" | b"by" | b"was" | b"as" | b"or")
        );
    words <= 2 || announced && words <= 6
}

/// Whether the number is an amount of something.
fn measured(scan: &Scan<'_, '_>, range: (usize, usize)) -> bool {
    const UNITS: &[&[u8]] = &[
        b"mg",
        b"ml",
        b"mcg",
        b"kg",
        b"g",
        b"cm",
        b"mm",
        b"lb",
        b"lbs",
        b"kb",
        b"mb",
        b"gb",
        b"usd",
        b"eur",
        b"dollars",
        b"euros",
        b"percent",
        b"hours",
        b"hrs",
        b"minutes",
        b"min",
        b"mmhg",
        b"bpm",
        b"units",
        b"iu",
        b"times",
        b"patients",
        b"people",
        b"points",
        b"miles",
        b"km",
        b"ms",
        b"hz",
        b"employees",
        b"employee",
    ];
    let text = scan.text;
    if matches!(before(text, range.0), b'$' | 0xac | 0xa3) || at(text, range.1) == b'%' {
        return true;
    }
    scan.next_word(range.1, b"").is_some_and(|(start, end)| {
        let word = bytes::lower(part(text, start, end));
        UNITS.contains(&word.as_slice()) || scan.look(start, end).is(kind::YEARS | kind::SMALL_AGE)
    })
}
