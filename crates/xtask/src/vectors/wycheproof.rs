//! The Wycheproof vectors for JSON Web Signature and Key, through the real verification of `authn`.
//!
//! Every vector is run. Vectors of an algorithm that is known here must be answered as their authors say.
//! Vectors of the others (HMAC, RSA-PSS, the longer hashes and curves) do not apply as they stand: here they must
//! all be refused, the ones that their authors call valid included, because a verifier that accepts them
//! accepts more than it says.

use super::Line;
use anyhow::{Context, Result, bail};
use bearingwall_authn::jws::{self, KeySet};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "jwt/wycheproof";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VectorFile {
    number_of_tests: usize,
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    /// A JWK, or a JWK set; absent where the keys are symmetric.
    public: Option<Value>,
    private: Option<Value>,
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    tc_id: u64,
    comment: String,
    jws: String,
    result: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    passed: usize,
    refused_as_unknown: usize,
    failures: Vec<String>,
}

/// Runs the vectors below `dir` and answers one line for each file.
pub(super) fn run(dir: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for name in ["json_web_signature", "json_web_key"] {
        let path = located(dir, &format!("{name}_test.json"))?;
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let outcome = outcome_of(&text).with_context(|| format!("running {}", path.display()))?;
        lines.push(Line {
            set: format!("wycheproof {name}"),
            passed: outcome.passed,
            besides: format!(
                "{} of algorithms that are unknown here, all refused",
                outcome.refused_as_unknown
            ),
            failures: outcome.failures,
        });
    }
    Ok(lines)
}

fn located(dir: &Path, file: &str) -> Result<PathBuf> {
    [dir.join(FOLDER).join(file), dir.join(file)]
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("no `{file}` in `{FOLDER}` below {}", dir.display()))
}

fn outcome_of(text: &[u8]) -> Result<Outcome> {
    let file: VectorFile = serde_json::from_slice(text).context("the file is no Wycheproof vector file")?;
    let mut outcome = Outcome::default();
    for group in &file.test_groups {
        let keys = group
            .public
            .as_ref()
            .or(group.private.as_ref())
            .context("a group without keys")?;
        let is_known = is_known_here(keys);
        let set = KeySet::from_json(as_set(keys).to_string().as_bytes()).context("a group's keys are no key set")?;
        for vector in &group.tests {
            let is_accepted = jws::verify(&vector.jws, &set).is_ok();
            let Vector {
                tc_id, comment, result, ..
            } = vector;
            let is_right = match (is_known, result.as_str()) {
                (true, "valid") => is_accepted,
                (true, "invalid") | (false, _) => !is_accepted,
                (true, other) => bail!("vector {tc_id} has the unknown result `{other}`"),
            };
            match (is_right, is_known) {
                (false, _) => outcome
                    .failures
                    .push(format!("vector {tc_id} ({comment}): accepted = {is_accepted}")),
                (true, true) => outcome.passed += 1,
                (true, false) => outcome.refused_as_unknown += 1,
            }
        }
    }
    let run = outcome.passed + outcome.refused_as_unknown + outcome.failures.len();
    if run != file.number_of_tests {
        bail!(
            "{run} vectors were run, and the file says that it holds {}",
            file.number_of_tests
        );
    }
    Ok(outcome)
}

fn as_set(keys: &Value) -> Value {
    if keys.get("keys").is_some() {
        keys.clone()
    } else {
        json!({ "keys": [keys] })
    }
}

/// Whether the group is about keys that are known here: RSA and EC, for RS256, ES256 or nothing in particular.
/// A key that names an algorithm which does not exist or does not fit (the key vectors do that) belongs here too:
/// it must be refused, and its authors say so.
fn is_known_here(keys: &Value) -> bool {
    const OTHERS: [&str; 8] = ["HS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512"];
    let set = as_set(keys);
    let Some(list) = set.get("keys").and_then(Value::as_array) else {
        return false;
    };
    list.iter().all(|key| {
        let member = |name| key.get(name).and_then(Value::as_str);
        let is_p521 = member("crv") == Some("P-521");
        matches!(member("kty"), Some("RSA" | "EC"))
            && !is_p521
            && !member("alg").is_some_and(|alg| OTHERS.contains(&alg))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.3: an ES256 signature that the standard prints. Its header has no key id.
    const RFC_7515_KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"a",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const RFC_7515_JWS: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3\
        -Kg6NU1Q";

    fn file(result: &str, key: &str, count: usize) -> Vec<u8> {
        let key: Value = serde_json::from_str(key).unwrap();
        let test = json!({"tcId": 1, "comment": "printed", "jws": RFC_7515_JWS, "result": result});
        json!({"numberOfTests": count, "testGroups": [{"public": key, "tests": [test]}]})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn an_answer_that_differs_is_a_failure() {
        // Without a key id the token is refused here, so calling it valid must show up as a difference.
        assert_eq!(outcome_of(&file("invalid", RFC_7515_KEY, 1)).unwrap().passed, 1);
        assert_eq!(outcome_of(&file("valid", RFC_7515_KEY, 1)).unwrap().failures.len(), 1);
    }

    #[test]
    fn other_algorithms_count_apart_and_must_be_refused() {
        let symmetric = r#"{"kty":"oct","kid":"a","k":"AAAA"}"#;
        let outcome = outcome_of(&file("valid", symmetric, 1)).unwrap();
        assert_eq!(
            (outcome.passed, outcome.refused_as_unknown, outcome.failures.len()),
            (0, 1, 0)
        );
    }

    #[test]
    fn missing_vectors_and_foreign_files_are_errors() {
        assert!(outcome_of(&file("invalid", RFC_7515_KEY, 2)).is_err());
        assert!(outcome_of(&file("acceptable", RFC_7515_KEY, 1)).is_err());
        assert!(outcome_of(b"{}").is_err());
        assert!(run(Path::new("/nonexistent")).is_err());
    }
}
