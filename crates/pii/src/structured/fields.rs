//! What the name of a field says about its value, whatever the value looks like.

use crate::entity::Entity;

/// A place in a document and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// A JSON pointer in which `*` stands for one step and `**` for any number of them; for CSV, `/` and the column.
    pub pointer: String,
    /// What the value is.
    pub entity: Entity,
}

impl FieldRule {
    /// A rule.
    #[must_use]
    pub fn new(pointer: &str, entity: Entity) -> Self {
        Self {
            pointer: pointer.to_owned(),
            entity,
        }
    }

    /// Whether it says the name of this column, and not only a pattern that the name happens to match.
    pub(super) fn names(&self, head: &str) -> bool {
        self.pointer.strip_prefix('/') == Some(head)
    }

    pub(super) fn matches(&self, path: &[String]) -> bool {
        let steps: Vec<&str> = self.pointer.split('/').skip(1).collect();
        matches(&steps, path)
    }
}

/// One row of the table of distances, so that many `**` cost no more than their product with the path.
fn matches(steps: &[&str], path: &[String]) -> bool {
    let mut reach = vec![false; path.len() + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for step in steps {
        let mut next = vec![false; path.len() + 1];
        let mut any = false;
        for (index, here) in reach.iter().enumerate() {
            any |= here;
            if *step == "**" {
                if let Some(slot) = next.get_mut(index) {
                    *slot = any;
                }
            } else if *here
                && path
                    .get(index)
                    .is_some_and(|name| *step == "*" || name.as_str() == step.replace("~1", "/").replace("~0", "~"))
                && let Some(slot) = next.get_mut(index + 1)
            {
                *slot = true;
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

/// What a field of this name holds in most systems. Letters and digits count; case and strokes do not.
pub(super) fn by_name(name: &str) -> Option<Entity> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|ch| ch.to_ascii_lowercase())
        .take(48)
        .collect();
    Some(match plain.as_str() {
        "firstname" | "lastname" | "fullname" | "givenname" | "familyname" | "middlename" | "surname"
        | "maidenname" | "patientname" | "membername" | "subscribername" | "providername" | "contactname"
        | "guarantorname" | "employeename" | "customername" | "nombre" | "apellido" | "apellidos"
        | "nombrecompleto" => Entity::Person,
        "dob" | "birthdate" | "dateofbirth" | "birthday" | "deathdate" | "dateofdeath" | "fechanacimiento"
        | "fechadenacimiento" => Entity::DateTime,
        "email" | "emailaddress" | "mail" | "correo" => Entity::Email,
        "phone" | "phonenumber" | "mobile" | "mobilephone" | "cell" | "cellphone" | "homephone" | "workphone"
        | "fax" | "faxnumber" | "telephone" | "tel" | "telefono" => Entity::Phone,
        "address" | "streetaddress" | "street" | "address1" | "address2" | "addressline1" | "addressline2" | "city"
        | "zip" | "zipcode" | "postalcode" | "postcode" | "county" | "direccion" | "domicilio" | "ciudad" => {
            Entity::Location
        }
        "ssn" | "socialsecuritynumber" | "socialsecurity" => Entity::UsSsn,
        "itin" => Entity::UsItin,
        "mrn" | "medicalrecordnumber" | "patientid" | "recordnumber" | "chartnumber" => Entity::Mrn,
        "memberid" | "policynumber" | "subscriberid" | "insuranceid" | "healthplanid" | "groupnumber"
        | "beneficiaryid" => Entity::HealthPlan,
        "mbi" | "medicareid" => Entity::UsMbi,
        "npi" => Entity::UsNpi,
        "dea" | "deanumber" => Entity::UsDea,
        "accountnumber" | "acctnumber" | "bankaccount" | "accountno" => Entity::Account,
        "creditcard" | "cardnumber" | "creditcardnumber" | "pan" => Entity::CreditCard,
        "cvv" | "cvc" | "securitycode" => Entity::CardCode,
        "iban" => Entity::Iban,
        "passport" | "passportnumber" => Entity::Passport,
        "driverslicense" | "driverlicense" | "drivinglicence" | "licensenumber" | "driverlicensenumber" => {
            Entity::DriverLicense
        }
        "licenseplate" | "platenumber" => Entity::LicensePlate,
        "vin" => Entity::Vin,
        "deviceid" | "serialnumber" | "udi" | "imei" => Entity::DeviceId,
        "ip" | "ipaddress" | "clientip" | "remoteaddr" => Entity::Ip,
        "password" | "passwd" | "secret" | "apikey" | "accesstoken" | "refreshtoken" | "privatekey"
        | "clientsecret" | "authorization" => Entity::Secret,
        "username" | "login" | "userid" => Entity::Username,
        "age" | "edad" => Entity::Age,
        _ => return None,
    })
}

/// The elements of FHIR that name a vocabulary, a type or a state: they are the same for everybody, and a word in them
/// stays. What is no such word is masked as anywhere else.
pub(super) const FHIR_KEPT: &[&str] = &[
    "resourceType",
    "system",
    "code",
    "status",
    "use",
    "unit",
    "profile",
    "version",
    "versionId",
    "intent",
    "class",
    "fhirVersion",
];

/// Those of [`FHIR_KEPT`] that name a vocabulary or a profile by its address.
pub(super) const FHIR_URIS: &[&str] = &["system", "profile"];

/// The elements of FHIR R4 resources that identify a person (HL7, Patient, Person, RelatedPerson, Practitioner).
pub(super) fn fhir() -> Vec<FieldRule> {
    const RULES: &[(&str, Entity)] = &[
        ("/**/name/**/family", Entity::Person),
        ("/**/name/**/given/*", Entity::Person),
        ("/**/name/**/text", Entity::Person),
        ("/**/name/**/prefix/*", Entity::Title),
        ("/**/address/**/line/*", Entity::Location),
        ("/**/address/**/text", Entity::Location),
        ("/**/address/**/city", Entity::Location),
        ("/**/address/**/district", Entity::Location),
        ("/**/address/**/postalCode", Entity::Location),
        ("/**/birthDate", Entity::DateTime),
        ("/**/deceasedDateTime", Entity::DateTime),
        ("/**/identifier/**/value", Entity::IdOther),
        ("/**/photo/**/data", Entity::Custom),
        ("/**/photo/**/url", Entity::Url),
        ("/**/subject/display", Entity::Person),
        ("/**/patient/display", Entity::Person),
        ("/**/individual/display", Entity::Person),
        ("/**/actor/display", Entity::Person),
        ("/**/performer/**/display", Entity::Person),
        ("/**/author/**/display", Entity::Person),
        ("/**/requester/display", Entity::Person),
        ("/**/recorder/display", Entity::Person),
        ("/**/asserter/display", Entity::Person),
        ("/**/subscriberId", Entity::HealthPlan),
        ("/**/serialNumber", Entity::DeviceId),
    ];
    RULES
        .iter()
        .map(|(pointer, entity)| FieldRule::new(pointer, *entity))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_match_steps_and_any_number_of_them() {
        let path = |text: &str| text.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
        let rule = |pointer: &str, at: &str| FieldRule::new(pointer, Entity::Person).matches(&path(at));
        assert!(rule("/a/*/c", "/a/0/c"));
        assert!(!rule("/a/*/c", "/a/0/1/c"));
        assert!(rule("/**/name/**/family", "/name/0/family"));
        assert!(rule("/**/name/**/family", "/contact/0/name/family"));
        assert!(!rule("/**/name/**/family", "/names/0/family"));
        assert!(!rule("/a~1b", "/a/b"));
        assert_eq!(by_name("date_of_birth"), Some(Entity::DateTime));
        assert_eq!(by_name("patient-SSN"), None);
        assert_eq!(by_name("SSN"), Some(Entity::UsSsn));
    }
}
