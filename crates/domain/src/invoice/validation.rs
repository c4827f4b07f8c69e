//! The rules for an invoice; what passed them is a type of its own, and the only thing that is stored.
#![expect(
    clippy::disallowed_methods,
    reason = "a value is looked at to be checked, on its way to being encrypted"
)]

use crate::error::Invalid;
use crate::invoice::{InvoiceInput, InvoiceLine};
use crate::text::{Rule, rule};

const DESCRIPTION: Rule = rule!("lines", "description", 200);

const NUMBER_CHARS_MAX: usize = 64;
const LINES_MAX: usize = 100;
const QUANTITY_MAX: u32 = 10_000;
/// As the database has it.
pub(crate) const AMOUNT_MAX: i64 = 999_999_999_999;

/// The alphabetic codes of ISO 4217 (list one, of currencies; without funds, metals and codes for testing).
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY \
     COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD \
     IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
     MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS \
     SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR \
     ZMW ZWG";

/// An invoice that passed the rules, and what its lines come to.
pub(crate) struct ValidInvoice {
    input: InvoiceInput,
    amount_minor: i64,
}

impl ValidInvoice {
    pub(crate) fn new(input: &InvoiceInput) -> Result<Self, Invalid> {
        let invalid = |field, reason| Invalid { field, reason };
        let number = input.number.disclose();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
        if !(1..=NUMBER_CHARS_MAX).contains(&number.len()) || !number.chars().all(plain) {
            return Err(invalid(
                "number",
                "number is 1 to 64 letters, digits, `.`, `_`, `/` and `-`",
            ));
        }
        if !CURRENCIES.split_whitespace().any(|known| known == input.currency) {
            return Err(invalid("currency", "currency is no code of ISO 4217, in capitals"));
        }
        if !(1..=LINES_MAX).contains(&input.lines.len()) {
            return Err(invalid("lines", "an invoice has 1 to 100 lines"));
        }
        let mut lines = Vec::with_capacity(input.lines.len());
        let mut amount_minor: i64 = 0;
        for line in &input.lines {
            if !(1..=QUANTITY_MAX).contains(&line.quantity) {
                return Err(invalid("lines", "quantity is 1 to 10,000"));
            }
            if !(0..=AMOUNT_MAX).contains(&line.unit_minor) {
                return Err(invalid("lines", "unit_minor is 0 to 999,999,999,999"));
            }
            lines.push(InvoiceLine {
                description: DESCRIPTION.required(&line.description)?,
                ..line.clone()
            });
            // Bounded above, so that a hundred of them do not overflow.
            amount_minor += line.unit_minor * i64::from(line.quantity);
        }
        if !(1..=AMOUNT_MAX).contains(&amount_minor) {
            return Err(invalid("lines", "the lines come to 1 to 999,999,999,999"));
        }
        let input = InvoiceInput { lines, ..input.clone() };
        Ok(Self { input, amount_minor })
    }

    pub(crate) const fn as_input(&self) -> &InvoiceInput {
        &self.input
    }

    pub(crate) const fn amount_minor(&self) -> i64 {
        self.amount_minor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_core::Phi;

    fn line(quantity: u32, unit_minor: i64) -> InvoiceLine {
        InvoiceLine {
            description: Phi::new(" Facial ".to_owned()),
            quantity,
            unit_minor,
        }
    }

    fn invoice(number: &str, currency: &str, lines: Vec<InvoiceLine>) -> InvoiceInput {
        InvoiceInput {
            number: Phi::new(number.to_owned()),
            currency: currency.to_owned(),
            lines,
        }
    }

    #[test]
    fn the_amount_is_what_the_lines_come_to() {
        let valid = ValidInvoice::new(&invoice(
            "2026/0001",
            "USD",
            vec![line(2, 12_500), line(1, 99), line(3, 0)],
        ))
        .unwrap();
        assert_eq!(valid.amount_minor(), 25_099);
        assert_eq!(valid.as_input().lines[0].description.disclose(), "Facial");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (number, currency, lines) in [
            ("", "USD", vec![line(1, 1)]),
            ("a b", "USD", vec![line(1, 1)]),
            ("1", "usd", vec![line(1, 1)]),
            ("1", "XXX", vec![line(1, 1)]),
            ("1", "US", vec![line(1, 1)]),
            ("1", "USD", vec![]),
            ("1", "USD", vec![line(1, 1); 101]),
            ("1", "USD", vec![line(0, 1)]),
            ("1", "USD", vec![line(10_001, 1)]),
            ("1", "USD", vec![line(1, -1)]),
            ("1", "USD", vec![line(1, 0)]),
            ("1", "USD", vec![line(10_000, AMOUNT_MAX)]),
            ("1", "USD", vec![line(1, i64::MAX)]),
        ] {
            assert!(
                ValidInvoice::new(&invoice(number, currency, lines)).is_err(),
                "{number} {currency}"
            );
        }
    }
}
