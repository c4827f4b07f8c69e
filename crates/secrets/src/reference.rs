//! References to secrets: what configuration, database and logs hold in place of the secret itself.

use crate::SecretError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The kinds of store that a reference can point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scheme {
    /// `file+sealed:///absolute/directory#name`: a [`FileStore`](crate::FileStore), for development.
    SealedFile,
    /// `azure-kv://vault/name`: a secret or a key of Azure Key Vault.
    AzureKeyVault,
    /// `aws-sm://region/name`: AWS Secrets Manager.
    AwsSecretsManager,
    /// `aws-kms://region/key`, where the key is its id, `alias/name`, or `account/key/id` for a key of another account: AWS
    /// KMS. It keeps keys, and no secrets.
    AwsKms,
}

impl Scheme {
    /// Every scheme that parses.
    pub const ALL: [Self; 4] = [
        Self::SealedFile,
        Self::AzureKeyVault,
        Self::AwsSecretsManager,
        Self::AwsKms,
    ];

    /// The scheme as it is written in front of `://`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SealedFile => "file+sealed",
            Self::AzureKeyVault => "azure-kv",
            Self::AwsSecretsManager => "aws-sm",
            Self::AwsKms => "aws-kms",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a secret is kept: a scheme, a store of that scheme, and a name in it.
///
/// It is no secret: it may be printed, logged and stored.
/// A text that is not a reference is refused without being repeated, since it may be a secret in the wrong place.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    scheme: Scheme,
    store: String,
    name: String,
}

impl SecretRef {
    /// The reference to `name` in the sealed file store at the absolute path `dir`.
    ///
    /// # Errors
    ///
    /// [`SecretError::MalformedReference`] for a relative or unprintable path, [`SecretError::MalformedName`] for the
    /// name.
    pub fn sealed_file(dir: &Path, name: &str) -> Result<Self, SecretError> {
        let store = dir
            .to_str()
            .filter(|dir| is_directory(dir))
            .ok_or(SecretError::MalformedReference)?;
        check_name(name)?;
        Ok(Self {
            scheme: Scheme::SealedFile,
            store: store.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Which kind of store.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Which store of that kind: the directory, the vault or the region.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The name within the store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let malformed = || SecretError::MalformedReference;
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let scheme = Scheme::ALL
            .into_iter()
            .find(|known| known.as_str() == scheme)
            .ok_or_else(malformed)?;
        let (store, name) = match scheme {
            Scheme::SealedFile => rest.split_once('#').filter(|(dir, _)| is_directory(dir)),
            Scheme::AzureKeyVault | Scheme::AwsSecretsManager | Scheme::AwsKms => {
                rest.split_once('/').filter(|(store, _)| is_host_label(store))
            }
        }
        .ok_or_else(malformed)?;
        check_name(name).map_err(|_| SecretError::MalformedReference)?;
        Ok(Self {
            scheme,
            store: store.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.scheme == Scheme::SealedFile { '#' } else { '/' };
        write!(f, "{}://{}{separator}{}", self.scheme, self.store, self.name)
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({self})")
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Takes texts only. A value of another type is not shown by serde's message either (see `visit_*` below).
        struct Reference;

        impl serde::de::Visitor<'_> for Reference {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret reference")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretRef, E> {
                text.parse().map_err(E::custom)
            }

            // SECURITY: serde's default message for a wrong type repeats the value, and a password may be a number.
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretRef, E> {
                Err(E::custom(SecretError::MalformedReference))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretRef, E> {
                Err(E::custom(SecretError::MalformedReference))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretRef, E> {
                Err(E::custom(SecretError::MalformedReference))
            }
        }

        // `deserialize_str` lets some formats answer a wrong type themselves, value included.
        deserializer.deserialize_any(Reference)
    }
}

/// Refuses names that need quoting anywhere: in a URL, a shell or a path.
pub(crate) fn check_name(name: &str) -> Result<(), SecretError> {
    let fits = (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-'));
    if fits { Ok(()) } else { Err(SecretError::MalformedName) }
}

fn is_directory(path: &str) -> bool {
    path.len() > 1
        && path.starts_with('/')
        && !path.contains(['#', '?', '%'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|segment| segment != "..")
}

fn is_host_label(store: &str) -> bool {
    (1..=63).contains(&store.len()) && store.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip_through_text() {
        for text in [
            "file+sealed:///var/lib/bw/secrets#db/app",
            "azure-kv://spa-prod/db-app",
            "aws-sm://us-east-1/prod/db.app",
            "aws-kms://eu-central-1/alias/bearingwall",
            "aws-kms://eu-central-1/111122223333/key/0f6a1b6e-6c0f-4d0c-9c1e-0d6b3b1c2a10",
        ] {
            let reference: SecretRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            let json = serde_json::to_string(&reference).unwrap();
            assert_eq!(serde_json::from_str::<SecretRef>(&json).unwrap(), reference);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "hunter2",
            "https://user:hunter2@vault/name",
            "file+sealed://relative#name",
            "file+sealed:///dir",
            "file+sealed:///dir#",
            "file+sealed:///a/../b#name",
            "azure-kv://vault",
            "azure-kv://va.ult/name",
            "azure-kv://vault/na me",
            "AZURE-KV://vault/name",
            "vault://x/name",
        ] {
            assert!(text.parse::<SecretRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn sec_1_a_secret_in_the_place_of_its_reference_is_not_repeated() {
        for json in ["\"hunter2-hunter2\"", "4815162342", "48.15162342"] {
            let error = serde_json::from_str::<SecretRef>(json).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("15162342"), "{error}");
        }
    }
}
