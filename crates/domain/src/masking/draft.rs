//! A policy as it is stored: its content in clear, its lists and samples sealed, one digest over all; and its test.

use super::error::MaskingError;
use crate::error::{DomainError, Invalid};
use crate::keys::TenantKeys;
use bearingwall_pii::own::OwnRecognizer;
use bearingwall_pii::{Action, Conversation, Entity, Floor, Masker, PolicyDraft};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Samples of one version.
const SAMPLES_MAX: usize = 64;
/// Bytes of one.
const SAMPLE_BYTES_MAX: usize = 8 * 1024;
/// Expectations of one, and bytes of an expectation.
const EXPECTATIONS_MAX: usize = 64;
const EXPECTATION_BYTES_MAX: usize = 256;
/// What the database takes of a version's content.
const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// A text of which is known what has to become of it. Not one that somebody has really written: invented.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySample {
    /// The text, at most 8 KiB.
    pub text: String,
    /// Parts of it of which nothing may be left in this spelling.
    #[serde(default)]
    pub hides: Vec<String>,
    /// Parts of it that must stay.
    #[serde(default)]
    pub keeps: Vec<String>,
}

/// How a version fared with its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// How many samples there were.
    pub samples: usize,
    /// What was not as it was to be; none if it passed.
    pub failures: Vec<SampleFailure>,
}

/// An expectation that a policy does not meet, by position and never by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleFailure {
    /// The sample, from 0.
    pub sample: usize,
    /// Whether something was to be hidden and is left; otherwise something was to stay and is not there.
    pub left: bool,
    /// Which of its expectations, from 0.
    pub expectation: usize,
}

impl TestOutcome {
    /// Whether everything was as it was to be.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// What of a policy may name people, and which content it belongs to.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    content: Vec<u8>,
    allow: Vec<String>,
    deny: Vec<(String, String)>,
    recognizers: Vec<OwnRecognizer>,
}

/// A version as it stands in the table.
pub(super) struct Stored {
    pub(super) version: i32,
    pub(super) content: Vec<u8>,
    pub(super) lists: Vec<u8>,
    pub(super) samples: Vec<u8>,
    pub(super) digest: Vec<u8>,
}

impl Stored {
    /// Seals a draft and its samples.
    pub(super) fn seal(
        version: i32,
        draft: &PolicyDraft,
        samples: &[PolicySample],
        keys: &TenantKeys,
    ) -> Result<Self, MaskingError> {
        let mut clear = draft.clone();
        clear.version = u32::try_from(version).unwrap_or_default();
        let (allow, deny, recognizers) = (
            std::mem::take(&mut clear.allow),
            std::mem::take(&mut clear.deny),
            std::mem::take(&mut clear.recognizers),
        );
        let content = encoded(&clear)?;
        if content.len() > CONTENT_BYTES_MAX {
            return Err(Invalid {
                field: "policy",
                reason: "the policy is too long",
            }
            .into());
        }
        let lists = Lists {
            content: Sha256::digest(&content).to_vec(),
            allow,
            deny,
            recognizers,
        };
        let lists = keys.seal_policy("lists", version, &encoded(&lists)?)?;
        let samples = keys.seal_policy("samples", version, &encoded(&samples)?)?;
        let digest = digest(&content, &lists, &samples);
        Ok(Self {
            version,
            content,
            lists,
            samples,
            digest,
        })
    }

    /// The draft, if it is what this tenant's key has sealed in this place, and if it does not ask for less than the floor.
    // CONTROL: PII-7
    pub(super) fn open(&self, keys: &TenantKeys, floor: &Floor) -> Result<PolicyDraft, MaskingError> {
        if digest(&self.content, &self.lists, &self.samples) != self.digest {
            return Err(MaskingError::PolicyDamaged);
        }
        let opened = keys
            .open_policy("lists", self.version, &self.lists)
            .map_err(|_| MaskingError::PolicyDamaged)?;
        let lists: Lists = serde_json::from_slice(&opened).map_err(|_| MaskingError::PolicyDamaged)?;
        if lists.content != Sha256::digest(&self.content).as_slice() {
            return Err(MaskingError::PolicyDamaged);
        }
        let mut draft: PolicyDraft = serde_json::from_slice(&self.content).map_err(|_| MaskingError::PolicyDamaged)?;
        draft.allow = lists.allow;
        draft.deny = lists.deny;
        draft.recognizers = lists.recognizers;
        match require_floor(&draft, floor) {
            Ok(()) => Ok(draft),
            Err(_) => Err(MaskingError::PolicyDamaged),
        }
    }

    /// As [`Stored::open`], of the version that is in force with this digest.
    pub(super) fn in_force(
        &self,
        keys: &TenantKeys,
        digest: &[u8],
        floor: &Floor,
    ) -> Result<PolicyDraft, MaskingError> {
        if self.digest != digest {
            return Err(MaskingError::PolicyDamaged);
        }
        self.open(keys, floor)
    }

    pub(super) fn open_samples(&self, keys: &TenantKeys) -> Result<Vec<PolicySample>, MaskingError> {
        let opened = keys
            .open_policy("samples", self.version, &self.samples)
            .map_err(|_| MaskingError::PolicyDamaged)?;
        serde_json::from_slice(&opened).map_err(|_| MaskingError::PolicyDamaged)
    }

    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        self.digest.as_slice().try_into().ok()
    }
}

/// As the table's constraint computes it.
fn digest(content: &[u8], lists: &[u8], samples: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes();
    let mut hash = Sha256::new();
    for part in [content, lists] {
        hash.update(length(part));
        hash.update(part);
    }
    hash.update(samples);
    hash.finalize().to_vec()
}

fn encoded<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, DomainError> {
    serde_json::to_vec(value).map_err(|_| DomainError::Unreadable)
}

/// Nothing that a draft names may be below the floor. What it does not name is tightened by the engine.
// CONTROL: PII-7
pub(super) fn require_floor(draft: &PolicyDraft, floor: &Floor) -> Result<(), MaskingError> {
    for (name, action) in &draft.actions {
        let Some(entity) = Entity::from_name(name) else {
            // The engine refuses it by its name.
            continue;
        };
        if floor.tighten(entity, Action::Allow).strictness() > action.strictness() {
            return Err(MaskingError::BelowFloor { entity: entity.name() });
        }
    }
    Ok(())
}

/// Samples that can be a test: of one that expects nothing, nothing would follow.
pub(super) fn require_samples(samples: &[PolicySample]) -> Result<(), Invalid> {
    let broken = |reason| {
        Err(Invalid {
            field: "samples",
            reason,
        })
    };
    if !(1..=SAMPLES_MAX).contains(&samples.len()) {
        return broken("between 1 and 64 samples make a test");
    }
    for sample in samples {
        let expectations = || sample.hides.iter().chain(&sample.keeps);
        if sample.text.len() > SAMPLE_BYTES_MAX {
            return broken("the text of a sample has at most 8,192 bytes");
        }
        if !(1..=EXPECTATIONS_MAX).contains(&expectations().count()) {
            return broken("a sample has between 1 and 64 expectations");
        }
        if expectations().any(|part| part.trim().is_empty() || part.len() > EXPECTATION_BYTES_MAX) {
            return broken("an expectation has between 1 and 256 bytes");
        }
        if expectations().any(|part| !sample.text.contains(part.as_str())) {
            return broken("an expectation is a part of its sample's text");
        }
    }
    Ok(())
}

/// Masks every sample and compares.
pub(super) fn run_test(
    masker: &Masker,
    tenant: &str,
    key: [u8; 32],
    samples: &[PolicySample],
) -> Result<TestOutcome, MaskingError> {
    let mut failures = Vec::new();
    for (at, sample) in samples.iter().enumerate() {
        let mut conversation = Conversation::new(tenant, "test", key);
        let masked = masker.mask(&sample.text, &mut conversation, None)?;
        let there = |part: &String| masked.text.as_str().contains(part.as_str());
        let left = sample.hides.iter().enumerate().filter(|(_, part)| there(part));
        failures.extend(left.map(|(expectation, _)| SampleFailure {
            sample: at,
            left: true,
            expectation,
        }));
        let gone = sample.keeps.iter().enumerate().filter(|(_, part)| !there(part));
        failures.extend(gone.map(|(expectation, _)| SampleFailure {
            sample: at,
            left: false,
            expectation,
        }));
    }
    Ok(TestOutcome {
        samples: samples.len(),
        failures,
    })
}
