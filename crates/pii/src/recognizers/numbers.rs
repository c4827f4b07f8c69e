//! What a number can be, in the order in which it is asked: an address of a network, a date, what a cue says, what its
//! own shape and check digits say, an age, a part of a postal address.

use crate::bytes::{Compact, DIGIT, LETTER, at, before, part};
use crate::checksums::{Validity, card, check, check_compact, iban, vin};
use crate::entity::Entity;
use crate::recognizers::cued;
use crate::recognizers::shape::{Shape, token};
use crate::recognizers::{address, ages, dates, net, phone, secrets};
use crate::scan::Scan;

/// Asks everybody about the run of digits, or of letters and digits, at `start`: where to go on.
pub(crate) fn at_number(scan: &mut Scan<'_, '_>, start: usize, end: usize, letters: bool) -> usize {
    let text = scan.text;
    if end - start > 24 {
        return if iban_run(scan, start, end) {
            end
        } else {
            secrets::long_run(scan, start, end)
        };
    }
    if letters && let Some(next) = secrets::token(scan, start, end) {
        return next;
    }
    if at(text, end) == b':'
        && let Some(next) = net::from_run(scan, start, end)
    {
        return next;
    }
    let shape = Shape::read(text, start, end, if letters { DIGIT | LETTER } else { DIGIT });
    if let Some(next) = dates::day_first(scan, start, end) {
        return next;
    }
    if letters
        && end - start <= 6
        && let Some(next) = ages::joined_age(scan, start, end)
    {
        return next;
    }
    if !letters {
        if let Some(next) = net::ipv4(scan, &shape) {
            return next;
        }
        if let Some(next) = dates::numeric(scan, &shape) {
            return next;
        }
        if end - start <= 3
            && let Some(next) = ages::age(scan, start, end)
        {
            return next;
        }
    }
    if let Some(next) = net::hexadecimal(scan, &shape) {
        return next;
    }
    if let Some(next) = cued::settle(scan, &shape) {
        return next;
    }
    if let Some(next) = by_shape(scan, &shape, letters) {
        return next;
    }
    if !letters && end - start <= 4 {
        dates::year(scan, start, end);
    }
    address::at_number(scan, &shape).unwrap_or(end)
}

/// An account number without groups may be longer than other runs.
fn iban_run(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> bool {
    let value = Compact::new(part(scan.text, start, end));
    let found = end - start <= 34 && iban(value.as_bytes());
    if found {
        let cue = scan.cued(start, crate::lexicon::Cue::Iban.bit());
        scan.propose((start, end), Entity::Iban, 0.6, (Validity::Valid, cue), "rule.iban");
    }
    found
}

fn by_shape(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, letters: bool) -> Option<usize> {
    if letters || shape.lead.is_some() || shape.runs().len() > shape.digit_runs {
        if let Some(next) = by_letters(scan, shape) {
            return Some(next);
        }
        if letters {
            return unnamed(scan, shape);
        }
    }
    // The rest of a longer number whose beginning was nothing.
    let first = shape.start();
    if matches!(before(scan.text, first), b'.' | b',' | b'-' | b'/')
        && before(scan.text, first.saturating_sub(1)).is_ascii_digit()
    {
        return None;
    }
    let total = shape.digits().iter().map(super::shape::Run::len).sum::<usize>();
    if total < 7 {
        return None;
    }
    let phone = phone::uncued(shape);
    let number = by_digits(shape);
    match (phone, number) {
        (Some(phone), Some(number)) if number.score() > phone.shape => number.propose(scan, shape),
        (Some(phone), _) => phone.propose(scan, shape),
        (None, Some(number)) => number.propose(scan, shape),
        (None, None) => None,
    }
}

/// A number that its check digits and its grouping make likely.
struct Likely {
    entity: Entity,
    count: usize,
    shape: f32,
    validity: Validity,
    source: &'static str,
}

impl Likely {
    fn score(&self) -> f32 {
        match self.validity {
            Validity::Valid => self.shape + crate::finding::weight::VALID,
            _ => self.shape,
        }
    }

    fn propose(&self, scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
        let end = shape.end_of(self.count);
        scan.propose(
            (shape.start(), end),
            self.entity,
            self.shape,
            (self.validity, None),
            self.source,
        );
        Some(end)
    }
}

/// What digits without a cue are taken for: kind, how many, in which groups (none: in any), between which separators,
/// the score of the shape alone, and the recognizer. The checks are made; only ITIN and EIN have none.
type DigitRule = (Entity, usize, &'static [usize], &'static [u8], f32, &'static str);

#[rustfmt::skip]
const DIGIT_RULES: &[DigitRule] = &[
    (Entity::CreditCard, 16, &[4, 4, 4, 4], b" -", 0.65, "rule.card"),
    (Entity::CreditCard, 15, &[4, 6, 5], b" -", 0.65, "rule.card"),
    (Entity::CreditCard, 15, &[4, 4, 4, 3], b" -", 0.65, "rule.card"),
    (Entity::CreditCard, 14, &[4, 6, 4], b" -", 0.65, "rule.card"),
    (Entity::CreditCard, 16, &[16], b"", 0.6, "rule.card"),
    (Entity::CreditCard, 15, &[15], b"", 0.55, "rule.card"),
    (Entity::CreditCard, 19, &[19], b"", 0.45, "rule.card"),
    (Entity::CreditCard, 14, &[14], b"", 0.35, "rule.card"),
    (Entity::CreditCard, 13, &[13], b"", 0.3, "rule.card"),
    (Entity::CreditCard, 12, &[12], b"", 0.15, "rule.card"),
    (Entity::CreditCard, 16, &[], b" -", 0.4, "rule.card"),
    (Entity::UsSsn, 9, &[3, 2, 4], b"-", 0.5, "rule.ssn"),
    (Entity::UsSsn, 9, &[3, 2, 4], b" .", 0.3, "rule.ssn"),
    (Entity::UsItin, 9, &[3, 2, 4], b"-", 0.5, "rule.itin"),
    (Entity::FrNir, 15, &[1, 2, 2, 2, 3, 3, 2], b" ", 0.5, "rule.nir"),
    (Entity::FrNir, 15, &[13, 2], b" ", 0.45, "rule.nir"),
    (Entity::FrNir, 15, &[15], b"", 0.4, "rule.nir"),
    (Entity::Imei, 15, &[2, 6, 6, 1], b" -", 0.45, "rule.imei"),
    (Entity::Imei, 15, &[15], b"", 0.2, "rule.imei"),
    (Entity::BrCnpj, 14, &[2, 3, 3, 4, 2], b"./-", 0.5, "rule.cnpj"),
    (Entity::BrCnpj, 14, &[14], b"", 0.35, "rule.cnpj"),
    (Entity::KrRrn, 13, &[6, 7], b"-", 0.45, "rule.rrn"),
    (Entity::ZaId, 13, &[13], b"", 0.3, "rule.za_id"),
    (Entity::InAadhaar, 12, &[4, 4, 4], b" -", 0.4, "rule.aadhaar"),
    (Entity::InAadhaar, 12, &[12], b"", 0.15, "rule.aadhaar"),
    (Entity::EsNss, 12, &[2, 8, 2], b" /-", 0.45, "rule.nss"),
    (Entity::EsNss, 12, &[12], b"", 0.15, "rule.nss"),
    (Entity::BrCpf, 11, &[3, 3, 3, 2], b".-", 0.5, "rule.cpf"),
    (Entity::BrCpf, 11, &[11], b"", 0.3, "rule.cpf"),
    (Entity::BeNn, 11, &[2, 2, 2, 3, 2], b".-", 0.5, "rule.be_nn"),
    (Entity::NoFnr, 11, &[6, 5], b" ", 0.4, "rule.fnr"),
    (Entity::NoFnr, 11, &[11], b"", 0.3, "rule.fnr"),
    (Entity::PlPesel, 11, &[11], b"", 0.3, "rule.pesel"),
    (Entity::AuAbn, 11, &[2, 3, 3, 3], b" ", 0.35, "rule.abn"),
    (Entity::AuAbn, 11, &[11], b"", 0.15, "rule.abn"),
    (Entity::DeSteuerId, 11, &[2, 3, 3, 3], b" ", 0.3, "rule.steuer_id"),
    (Entity::DeSteuerId, 11, &[11], b"", 0.15, "rule.steuer_id"),
    (Entity::SePersonnummer, 10, &[6, 4], b"-", 0.4, "rule.personnummer"),
    (Entity::SePersonnummer, 12, &[8, 4], b"-", 0.45, "rule.personnummer"),
    (Entity::DkCpr, 10, &[6, 4], b"-", 0.25, "rule.cpr"),
    (Entity::UkNhs, 10, &[3, 3, 4], b" ", 0.25, "rule.nhs"),
    (Entity::UsNpi, 10, &[10], b"", 0.2, "rule.npi"),
    (Entity::CaSin, 9, &[3, 3, 3], b" -", 0.25, "rule.sin"),
    (Entity::UsEin, 9, &[2, 7], b"-", 0.15, "rule.ein"),
    (Entity::UsSsn, 9, &[9], b"", 0.1, "rule.ssn"),
    (Entity::UsAba, 9, &[9], b"", 0.1, "rule.aba"),
    (Entity::CnId, 18, &[18], b"", 0.5, "rule.cn_id"),
];

fn by_digits(shape: &Shape<'_>) -> Option<Likely> {
    let mut best: Option<Likely> = None;
    for (entity, total, lens, separators, score, source) in DIGIT_RULES {
        let Some(count) = shape.digits_of(*total) else { continue };
        let grouped = lens.is_empty() || lens.len() == count && shape.lens_are(lens, separators);
        if !grouped || shape.continues(count, b"-./") || best.as_ref().is_some_and(|best| best.shape >= *score) {
            continue;
        }
        let compact = shape.compact(count);
        let valid = match entity {
            Entity::CreditCard => card(compact.as_bytes()),
            _ => check_compact(*entity, compact.as_bytes()) == Validity::Valid,
        };
        if valid {
            best = Some(Likely {
                entity: *entity,
                count,
                shape: *score,
                validity: Validity::Valid,
                source,
            });
        }
    }
    best
}

/// What letters and digits without a cue are taken for.
fn by_letters(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let mut best: Option<(usize, usize, Entity, f32, &'static str)> = None;
    let mut consider = |start: usize, end: usize, entity: Entity, score: f32, source: &'static str| {
        if best.is_none_or(|best| best.3 < score || best.3 <= score && best.1 < end) {
            best = Some((start, end, entity, score, source));
        }
    };
    for count in 1..=shape.runs().len().min(9) {
        let end = shape.end_of(count);
        if let Some(lead) = shape.lead {
            let compact = shape.compact_with_lead(count);
            if let Some((entity, score, source)) = letters_kind(&compact, count + 1, shape) {
                consider(lead.start, end, entity, score, source);
            }
        }
        let compact = shape.compact(count);
        if compact.digits() < compact.len()
            && let Some((entity, score, source)) = letters_kind(&compact, count, shape)
        {
            consider(shape.start(), end, entity, score, source);
        }
        if let Ok(value) = std::str::from_utf8(part(shape.text, shape.start(), end))
            && (10..=11).contains(&value.len())
            && check(Entity::FiHetu, value) == Validity::Valid
            && value.len() == 11
        {
            consider(shape.start(), end, Entity::FiHetu, 0.5, "rule.hetu");
        }
    }
    let (start, end, entity, score, source) = best?;
    scan.propose((start, end), entity, score, (Validity::Valid, None), source);
    Some(end)
}

/// The kind of a value of letters and digits whose structure and check are right, by its length.
fn letters_kind(compact: &Compact, runs: usize, shape: &Shape<'_>) -> Option<(Entity, f32, &'static str)> {
    let value = compact.as_bytes();
    let valid = |entity| check_compact(entity, value) == Validity::Valid;
    let capitals = part(shape.text, shape.start(), shape.run(0).end)
        .iter()
        .all(|byte| !byte.is_ascii_lowercase());
    let len = compact.len();
    let few = compact.digits();
    if len >= 15 && iban(value) {
        return Some((Entity::Iban, 0.65, "rule.iban"));
    }
    if !capitals {
        return None;
    }
    match len {
        9 if runs == 1 && few == 7 && valid(Entity::UsDea) => Some((Entity::UsDea, 0.45, "rule.dea")),
        9 if few == 6 && valid(Entity::UkNino) => Some((Entity::UkNino, 0.4, "rule.nino")),
        9 if runs <= 3 && few == 7 && valid(Entity::EsNie) => Some((Entity::EsNie, 0.5, "rule.nie")),
        9 if runs <= 2 && few == 7 && valid(Entity::SgNric) => Some((Entity::SgNric, 0.45, "rule.nric")),
        9 if runs <= 4 && few == 8 && valid(Entity::EsNif) => Some((Entity::EsNif, 0.45, "rule.dni")),
        8 | 9 if runs <= 2 && few == 7 && valid(Entity::IePps) => Some((Entity::IePps, 0.3, "rule.pps")),
        10 if runs == 1 && few == 4 && valid(Entity::InPan) => Some((Entity::InPan, 0.35, "rule.pan")),
        11 if few >= 4 && valid(Entity::UsMbi) => Some((Entity::UsMbi, 0.45, "rule.mbi")),
        15 if few >= 13 && valid(Entity::FrNir) => Some((Entity::FrNir, 0.45, "rule.nir")),
        16 if valid(Entity::ItFiscalCode) => Some((Entity::ItFiscalCode, 0.6, "rule.codice_fiscale")),
        17 if runs == 1 && few >= 3 && vin(value) => Some((Entity::Vin, 0.45, "rule.vin")),
        18 if valid(Entity::MxCurp) => Some((Entity::MxCurp, 0.6, "rule.curp")),
        18 if valid(Entity::CnId) => Some((Entity::CnId, 0.55, "rule.cn_id")),
        _ => {
            let entity = cued::vat_kind(compact)?;
            // Of these states only the structure is checked.
            let structure_only = matches!(part(value, 0, 2), b"LV" | b"BG" | b"CZ" | b"CY" | b"LT");
            let lettered = part(value, 0, 2).iter().all(u8::is_ascii_uppercase) && !structure_only;
            (lettered && len >= 10).then_some((entity, 0.4, "rule.vat"))
        }
    }
}

/// A code of letters and digits that nothing announces: found where recall is what counts.
fn unnamed(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let run = shape.run(0);
    let (start, end) = token(scan.text, run.start, run.end);
    let value = part(scan.text, start, end);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits < 5 || value.len() > 32 || before(scan.text, start) == b'@' {
        return None;
    }
    scan.propose(
        (start, end),
        Entity::IdOther,
        0.35,
        (Validity::Unchecked, None),
        "rule.code",
    );
    Some(end)
}
