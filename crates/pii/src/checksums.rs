//! Validators: whether a value without separators, in upper case, can be what it is taken for.
//!
//! A check is evidence and not a gate: what fails one is still found where the text says what it is.

mod americas;
mod asia;
pub(crate) mod crypto;
mod europe;
mod generic;
mod kingdom;

use crate::bytes::{self, Compact};
use crate::entity::Entity;

pub(crate) use generic::{card, iban, plausible_date, vin};

/// What a validator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Validity {
    /// There is no check for this kind, or none was made.
    Unchecked,
    /// The structure and, where there are some, the check digits are right.
    Valid,
    /// They are not.
    Invalid,
}

/// Whether `value` has the structure and check digits of its kind. Separators and case do not matter.
///
/// ```
/// use bearingwall_pii::{Entity, Validity, check};
///
/// assert_eq!(check(Entity::UsNpi, "1234567893"), Validity::Valid);
/// assert_eq!(check(Entity::UsNpi, "1234567890"), Validity::Invalid);
/// assert_eq!(check(Entity::Person, "Ada"), Validity::Unchecked);
/// ```
#[must_use]
pub fn check(entity: Entity, value: &str) -> Validity {
    // The one separator that carries meaning: a Finnish code says the century with it, a Swedish one the age.
    if entity == Entity::FiHetu {
        return europe::hetu(value.as_bytes()).into();
    }
    if value.len() > Compact::ROOM {
        return match validator(entity) {
            Some(_) => Validity::Invalid,
            None => Validity::Unchecked,
        };
    }
    check_compact(entity, Compact::new(value.as_bytes()).as_bytes())
}

/// As [`check`], for a value that is compact already.
pub(crate) fn check_compact(entity: Entity, value: &[u8]) -> Validity {
    validator(entity).map_or(Validity::Unchecked, |valid| valid(value).into())
}

impl From<bool> for Validity {
    fn from(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Invalid }
    }
}

type Validator = fn(&[u8]) -> bool;

fn validator(entity: Entity) -> Option<Validator> {
    Some(match entity {
        Entity::CreditCard => card,
        Entity::Iban => iban,
        Entity::Imei => generic::imei,
        Entity::Vin => vin,
        Entity::Bic => generic::bic,
        Entity::UsSsn => americas::ssn,
        Entity::UsItin => americas::itin,
        Entity::UsEin => americas::ein,
        Entity::UsNpi => americas::npi,
        Entity::UsDea => americas::dea,
        Entity::UsMbi => americas::mbi,
        Entity::UsAba => americas::aba,
        Entity::CaSin => americas::sin,
        Entity::BrCpf => americas::cpf,
        Entity::BrCnpj => americas::cnpj,
        Entity::MxCurp => americas::curp,
        Entity::UkNhs => kingdom::nhs,
        Entity::UkNino => kingdom::nino,
        Entity::UkUtr => kingdom::utr,
        Entity::InAadhaar => asia::aadhaar,
        Entity::InPan => asia::pan,
        Entity::AuTfn => asia::tfn,
        Entity::AuAbn => asia::abn,
        Entity::AuAcn => asia::acn,
        Entity::AuMedicare => asia::medicare,
        Entity::SgNric => asia::nric,
        Entity::KrRrn => asia::rrn,
        Entity::CnId => asia::resident_id,
        Entity::ZaId => asia::za_id,
        Entity::DeSteuerId => europe::steuer_id,
        Entity::DeVat => europe::de_vat,
        Entity::FrVat => europe::fr_vat,
        Entity::FrNir => europe::nir,
        Entity::ItVat => europe::it_vat,
        Entity::ItFiscalCode => europe::codice_fiscale,
        Entity::EsNif => europe::dni,
        Entity::EsNie => europe::nie,
        Entity::EsNss => europe::nss,
        Entity::NlBsn => europe::bsn,
        Entity::PlPesel => europe::pesel,
        Entity::SePersonnummer => europe::personnummer,
        Entity::FiHetu => europe::hetu,
        Entity::DkCpr => europe::cpr,
        Entity::NoFnr => europe::fodselsnummer,
        Entity::BeNn => europe::be_nn,
        Entity::PtNif => europe::pt_nif,
        Entity::IePps => europe::pps,
        Entity::EuVat => europe::eu_vat,
        _ => return None,
    })
}

/// The sum of digits times weights; anything but a digit counts as nothing.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum()
}

fn digits_only(value: &[u8], len: usize) -> bool {
    value.len() == len && value.iter().all(u8::is_ascii_digit)
}

/// The digit at `index`; a value that passed [`digits_only`] has one there.
fn digit(value: &[u8], index: usize) -> u32 {
    u32::from(bytes::at(value, index).wrapping_sub(b'0'))
}

fn all_same(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests;
