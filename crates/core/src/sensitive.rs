//! Wrappers whose content cannot reach a log, an error or a debug print by accident.

use std::fmt;
use std::sync::Arc;
use zeroize::Zeroize;

/// A secret (key, password, token): no `Debug` of its content, no `Display`, no `Serialize`, overwritten on drop.
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Takes charge of a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself, at the one place that must use it.
    ///
    /// Banned by `clippy.toml` outside the crates that talk to a store, a cipher or a database login.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Sensitive<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(…)")
    }
}

/// The bearer token that proved an identity, for a layer below that verifies it once more. Cloning shares it.
#[derive(Clone, Debug)]
pub struct BearerProof(Arc<Sensitive<String>>);

impl BearerProof {
    /// Takes charge of a token.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self(Arc::new(Sensitive::new(token)))
    }

    /// The token itself; see [`Sensitive::expose`].
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.0.as_str()
    }
}

/// Protected health information: anything that identifies or describes a person.
///
/// It prints as `Phi(…)` and serialises nowhere by itself; a response type takes it out with [`Phi::disclose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that encrypts it or answers a permitted and recorded request with it.
    ///
    /// Banned by `clippy.toml` outside `domain` and `http`.
    pub const fn disclose(&self) -> &T {
        &self.0
    }

    /// The value by move; see [`Phi::disclose`].
    pub fn into_disclosed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phi(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test compares the token itself")]
    fn a_proof_shows_its_token_to_nobody_who_prints_it() {
        let proof = BearerProof::new("eyJ.secret".to_owned());
        assert!(!format!("{proof:?}").contains("secret"));
        assert_eq!(proof.expose(), "eyJ.secret");
    }

    #[test]
    fn debug_shows_neither_secret_nor_person() {
        let shown = format!(
            "{:?} {:?}",
            Sensitive::new("hunter2".to_owned()),
            Phi::new("Ada Lovelace")
        );
        assert_eq!(shown, "Sensitive(…) Phi(…)");
    }
}
