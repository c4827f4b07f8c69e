//! Keyed digests by which an import knows what it has seen: of external ids, and of what stood in a row.
#![expect(clippy::disallowed_methods, reason = "a value is read here to become a keyed digest")]

use crate::client::ClientInput;
use crate::note::NoteInput;
use bearingwall_core::{ClientId, Phi};
use bearingwall_secrets::IndexKey;

/// A whole HMAC-SHA256.
pub(crate) type Fingerprint = [u8; 32];

/// Makes digests under the tenant's index key; each kind is apart from the others.
pub(crate) struct Fingerprints<'a> {
    key: &'a IndexKey,
}

/// Each part behind its length, so that no two lists of parts have the same encoding. Empty parts are left out with
/// their names: a column that is added later and left empty changes no digest.
#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn part(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            for text in [name, value] {
                self.0.extend_from_slice(&(text.len() as u64).to_be_bytes());
                self.0.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn optional(&mut self, name: &str, value: Option<&Phi<String>>) {
        if let Some(value) = value {
            self.part(name, value.disclose());
        }
    }
}

impl<'a> Fingerprints<'a> {
    pub(crate) const fn new(key: &'a IndexKey) -> Self {
        Self { key }
    }

    pub(crate) fn client_external(&self, id: &Phi<String>) -> Fingerprint {
        self.key.digest("client-external", id.disclose().as_bytes())
    }

    /// What a client's row says, in whatever order the columns stood.
    pub(crate) fn client_content(&self, client: &ClientInput) -> Fingerprint {
        let mut canonical = Canonical::default();
        canonical.optional("external_id", client.external_id.as_ref());
        canonical.part("first_name", client.first_name.disclose());
        canonical.part("last_name", client.last_name.disclose());
        canonical.part("date_of_birth", client.date_of_birth.disclose());
        canonical.optional("phone", client.phone.as_ref());
        canonical.optional("email", client.email.as_ref());
        let address = &client.address;
        canonical.optional("street", address.street.as_ref());
        canonical.optional("city", address.city.as_ref());
        canonical.optional("state", address.state.as_ref());
        canonical.optional("postal_code", address.postal_code.as_ref());
        canonical.optional("allergies", client.allergies.as_ref());
        canonical.optional("conditions", client.conditions.as_ref());
        canonical.part("marketing_opt_in", if client.marketing_opt_in { "true" } else { "" });
        for (name, value) in client.labels.disclose() {
            canonical.part(&format!("label:{name}"), value);
        }
        self.key.digest("client-content", &canonical.0)
    }

    pub(crate) fn note_external(&self, id: &Phi<String>) -> Fingerprint {
        self.key.digest("note-external", id.disclose().as_bytes())
    }

    pub(crate) fn invoice_number(&self, number: &Phi<String>) -> Fingerprint {
        self.key.digest("invoice-number", number.disclose().as_bytes())
    }

    /// What a note says, and about whom.
    pub(crate) fn note_content(&self, client: ClientId, note: &NoteInput) -> Fingerprint {
        let mut canonical = note_parts(note);
        canonical.0.extend_from_slice(client.as_uuid().as_bytes());
        self.key.digest("note-content", &canonical.0)
    }

    /// A row of an imported file that names no id of its own.
    pub(crate) fn note_row(&self, client: &Phi<String>, note: &NoteInput) -> Fingerprint {
        let mut canonical = note_parts(note);
        canonical.part("client_external_id", client.disclose());
        self.key.digest("note-row", &canonical.0)
    }

    /// The same row again in the same file: how often it stood there before.
    pub(crate) fn note_occurrence(&self, row: &Fingerprint, occurrence: u64) -> Fingerprint {
        let mut counted = row.to_vec();
        counted.extend_from_slice(&occurrence.to_be_bytes());
        self.key.digest("note-occurrence", &counted)
    }
}

fn note_parts(note: &NoteInput) -> Canonical {
    let mut canonical = Canonical::default();
    canonical.optional("external_id", note.external_id.as_ref());
    canonical.part("noted_on", note.noted_on.disclose());
    canonical.part("author", note.author.disclose());
    canonical.part("service", note.service.disclose());
    canonical.part("body", note.body.disclose());
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_secrets::DataKey;

    fn phi(text: &str) -> Phi<String> {
        Phi::new(text.to_owned())
    }

    fn fingerprints(key: u8) -> Fingerprints<'static> {
        let key = DataKey::from_bytes(&[key; 32]).unwrap().index_key("test");
        Fingerprints::new(Box::leak(Box::new(key)))
    }

    fn client() -> ClientInput {
        ClientInput::new(phi("Ada"), phi("Lovelace"), phi("1815-12-10"))
    }

    #[test]
    fn any_field_changes_the_content() {
        let changes: [fn(&mut ClientInput); 8] = [
            |c| c.first_name = phi("Adah"),
            |c| c.last_name = phi("Byron"),
            |c| c.date_of_birth = phi("1815-12-11"),
            |c| c.phone = Some(phi("+1 415 555 0119")),
            |c| c.address.city = Some(phi("London")),
            |c| c.allergies = Some(phi("latex")),
            |c| c.marketing_opt_in = true,
            |c| c.labels = Phi::new([("vip".to_owned(), "yes".to_owned())].into()),
        ];
        let digests = fingerprints(1);
        let mut seen = vec![digests.client_content(&client())];
        for change in changes {
            let mut changed = client();
            change(&mut changed);
            let digest = digests.client_content(&changed);
            assert!(!seen.contains(&digest));
            seen.push(digest);
        }
        assert_eq!(digests.client_content(&client()), seen[0]);
        assert_ne!(fingerprints(2).client_content(&client()), seen[0], "another tenant");
    }

    #[test]
    fn a_value_in_another_column_is_another_content() {
        let (mut city, mut street) = (client(), client());
        city.address.city = Some(phi("Bath"));
        street.address.street = Some(phi("Bath"));
        assert_ne!(
            fingerprints(1).client_content(&city),
            fingerprints(1).client_content(&street)
        );
    }
}
