//! What can be found: one name for each kind of value, its class, and its place among the Safe Harbor identifiers.

use std::fmt;

/// What a kind of value is about, for policies that speak of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Names and titles of people.
    Name,
    /// Addresses and places.
    Place,
    /// Dates, times and ages.
    Date,
    /// Ways to reach a person.
    Contact,
    /// Numbers that a state gave to a person.
    Government,
    /// Numbers of health care: records, plans, providers.
    Health,
    /// Accounts, cards, tax and bank numbers.
    Financial,
    /// Devices, vehicles and network addresses.
    Device,
    /// Keys, tokens and passwords.
    Secret,
    /// Groups that a person belongs to, and organisations.
    Group,
    /// Any other identifying number or code.
    Other,
    /// What is said about a person's health. It identifies nobody.
    Clinical,
}

macro_rules! entities {
    ($($(#[$doc:meta])+ $variant:ident, $name:literal, $class:ident, $clause:expr;)+) => {
        /// A kind of value that can be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Entity {
            $($(#[$doc])+ $variant,)+
        }

        impl Entity {
            /// Every kind, in a stable order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name that policies, placeholders and records write.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The group that it belongs to.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$variant => Class::$class,)+
                }
            }

            /// Its letter in the list of identifiers of 45 CFR 164.514(b)(2)(i), if it is one of them.
            #[must_use]
            pub const fn safe_harbor(self) -> Option<char> {
                match self {
                    $(Self::$variant => $clause,)+
                }
            }
        }
    };
}

entities! {
    /// A person's name.
    Person, "PERSON", Name, Some('A');
    /// A form of address or an academic title.
    Title, "TITLE", Name, None;
    /// A place, an address or a part of one.
    Location, "LOCATION", Place, Some('B');
    /// A date, a time or both.
    DateTime, "DATE_TIME", Date, Some('C');
    /// An age.
    Age, "AGE", Date, Some('C');
    /// A telephone or fax number.
    Phone, "PHONE", Contact, Some('D');
    /// An e-mail address.
    Email, "EMAIL", Contact, Some('F');
    /// A web address.
    Url, "URL", Contact, Some('N');
    /// An IPv4 or IPv6 address.
    Ip, "IP", Device, Some('O');
    /// A MAC address.
    Mac, "MAC_ADDRESS", Device, Some('M');
    /// An organisation.
    Organization, "ORGANIZATION", Group, None;
    /// Nationality, religious or political group.
    Nrp, "NRP", Group, None;
    /// A medical record number.
    Mrn, "MRN", Health, Some('H');
    /// A number of a health plan's member, policy or group.
    HealthPlan, "HEALTH_PLAN", Health, Some('I');
    /// A Medicare Beneficiary Identifier.
    UsMbi, "US_MBI", Health, Some('I');
    /// A National Provider Identifier.
    UsNpi, "US_NPI", Health, Some('K');
    /// A DEA registration number.
    UsDea, "US_DEA", Health, Some('K');
    /// A number of the National Health Service.
    UkNhs, "UK_NHS", Health, Some('I');
    /// An Australian Medicare card.
    AuMedicare, "AU_MEDICARE", Health, Some('I');
    /// A US Social Security number.
    UsSsn, "US_SSN", Government, Some('G');
    /// A US Individual Taxpayer Identification Number.
    UsItin, "US_ITIN", Government, Some('R');
    /// A US Employer Identification Number.
    UsEin, "US_EIN", Financial, Some('R');
    /// A passport.
    Passport, "PASSPORT", Government, Some('K');
    /// A driving licence.
    DriverLicense, "DRIVER_LICENSE", Government, Some('K');
    /// A number of a professional licence or certificate.
    License, "LICENSE_NUMBER", Government, Some('K');
    /// A licence plate.
    LicensePlate, "LICENSE_PLATE", Device, Some('L');
    /// A vehicle identification number.
    Vin, "VIN", Device, Some('L');
    /// An International Mobile Equipment Identity.
    Imei, "IMEI", Device, Some('M');
    /// A serial number or another identifier of a device.
    DeviceId, "DEVICE_ID", Device, Some('M');
    /// A payment card.
    CreditCard, "CREDIT_CARD", Financial, Some('J');
    /// A card's verification code.
    CardCode, "CARD_CODE", Financial, Some('J');
    /// An International Bank Account Number.
    Iban, "IBAN", Financial, Some('J');
    /// A BIC (SWIFT) code.
    Bic, "BIC", Financial, None;
    /// A US bank routing number.
    UsAba, "US_ABA", Financial, Some('J');
    /// A number of an account.
    Account, "ACCOUNT_NUMBER", Financial, Some('J');
    /// An address of a cryptocurrency.
    Crypto, "CRYPTO", Financial, Some('J');
    /// A British National Insurance number.
    UkNino, "UK_NINO", Government, Some('R');
    /// A British Unique Taxpayer Reference.
    UkUtr, "UK_UTR", Financial, Some('R');
    /// An Indian Aadhaar number.
    InAadhaar, "IN_AADHAAR", Government, Some('R');
    /// An Indian Permanent Account Number.
    InPan, "IN_PAN", Financial, Some('R');
    /// A Canadian Social Insurance Number.
    CaSin, "CA_SIN", Government, Some('R');
    /// An Australian Tax File Number.
    AuTfn, "AU_TFN", Financial, Some('R');
    /// An Australian Business Number.
    AuAbn, "AU_ABN", Financial, Some('R');
    /// An Australian Company Number.
    AuAcn, "AU_ACN", Financial, Some('R');
    /// A Singaporean NRIC or FIN.
    SgNric, "SG_NRIC", Government, Some('R');
    /// A German tax identification number.
    DeSteuerId, "DE_STEUER_ID", Financial, Some('R');
    /// A German VAT number.
    DeVat, "DE_VAT", Financial, Some('R');
    /// A French VAT number.
    FrVat, "FR_VAT", Financial, Some('R');
    /// A French social security number.
    FrNir, "FR_NIR", Government, Some('R');
    /// An Italian VAT number.
    ItVat, "IT_VAT", Financial, Some('R');
    /// An Italian fiscal code.
    ItFiscalCode, "IT_FISCAL_CODE", Government, Some('R');
    /// A Spanish identity number (DNI).
    EsNif, "ES_NIF", Government, Some('R');
    /// A Spanish identity number of a foreigner.
    EsNie, "ES_NIE", Government, Some('R');
    /// A Spanish social security number.
    EsNss, "ES_NSS", Government, Some('R');
    /// A Dutch citizen service number.
    NlBsn, "NL_BSN", Government, Some('R');
    /// A Polish PESEL.
    PlPesel, "PL_PESEL", Government, Some('R');
    /// A Swedish personal identity number.
    SePersonnummer, "SE_PERSONNUMMER", Government, Some('R');
    /// A Finnish personal identity code.
    FiHetu, "FI_HETU", Government, Some('R');
    /// A Danish CPR number.
    DkCpr, "DK_CPR", Government, Some('R');
    /// A Norwegian national identity number.
    NoFnr, "NO_FNR", Government, Some('R');
    /// A Belgian national number.
    BeNn, "BE_NN", Government, Some('R');
    /// A Portuguese tax number.
    PtNif, "PT_NIF", Government, Some('R');
    /// An Irish PPS number.
    IePps, "IE_PPS", Government, Some('R');
    /// A VAT number of another European state.
    EuVat, "EU_VAT", Financial, Some('R');
    /// A Brazilian CPF.
    BrCpf, "BR_CPF", Government, Some('R');
    /// A Brazilian CNPJ.
    BrCnpj, "BR_CNPJ", Financial, Some('R');
    /// A Mexican CURP.
    MxCurp, "MX_CURP", Government, Some('R');
    /// A South African identity number.
    ZaId, "ZA_ID", Government, Some('R');
    /// A South Korean resident registration number.
    KrRrn, "KR_RRN", Government, Some('R');
    /// A Chinese resident identity number.
    CnId, "CN_ID", Government, Some('R');
    /// A key, token or password.
    Secret, "SECRET", Secret, Some('R');
    /// A user name or handle.
    Username, "USERNAME", Contact, Some('R');
    /// Any other identifying number or code.
    IdOther, "ID_OTHER", Other, Some('R');
    /// What a tenant's own recognizer found.
    Custom, "CUSTOM", Other, Some('R');
    /// A condition, a medicine or a procedure near what identifies a person: data concerning health (GDPR 4(15)). A policy
    /// leaves it unless it names it.
    HealthData, "HEALTH_DATA", Clinical, None;
}

impl Entity {
    /// The kind of a name, if it is one. A name that nobody knows is `None`, and a policy treats it most strictly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|entity| entity.name() == name)
    }

    /// Its position in [`Entity::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Entity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Entity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        // The name is not repeated: it may be a value in the wrong place.
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("not the name of a kind of value"))
    }
}
