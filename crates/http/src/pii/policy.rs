//! The tenant's policy: the one in force, every version, and what one would change. A version is tested before it is in force.

use super::body::{PiiFinding, PiiPolicyBody, PiiSample, phi};
use crate::precondition::{self, IfMatch, etag};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_domain::Masking;
use bearingwall_domain::masking::{
    PolicySample, PolicyVersion, SampleFailure, SamplePreview, TestOutcome, VERSIONS_MAX,
};
use bearingwall_rbac::{ActivatePiiPolicy, ReadPiiPolicy, WritePiiPolicy};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// The policy in force.
#[derive(Serialize, ToSchema)]
struct PiiPolicyInForce {
    /// The version; 0 where the tenant has none of its own.
    version: i32,
    /// Counts the activations, from 1; the entity tag is made of it, and 0 stands for none.
    revision: i64,
    /// SHA-256 of the version as it is stored, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Who put it into force, as `/v1/me` names the bearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    activated_by: Option<Uuid>,
    /// When (RFC 3339).
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    activated_at: Option<OffsetDateTime>,
    /// What it says.
    policy: PiiPolicyBody,
}

/// One version.
#[derive(Serialize, ToSchema)]
struct PiiPolicyVersionRead {
    /// The version.
    version: i32,
    /// SHA-256 of the version as it is stored, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// What it says.
    policy: PiiPolicyBody,
}

/// A policy that is proposed, with the texts that it is tested on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiPolicyProposal {
    /// What it says.
    policy: PiiPolicyBody,
    /// Between 1 and 64 invented texts, each with what has to become of it.
    samples: Vec<PiiSample>,
}

/// An expectation that was not met, by position.
#[derive(Serialize, ToSchema)]
struct PiiSampleFailure {
    /// The sample, from 0.
    sample: usize,
    /// `hides` if something was to go and is left, `keeps` if something was to stay and is gone.
    expected: &'static str,
    /// Which expectation of that list, from 0.
    expectation: usize,
}

/// A version that was stored and tested. It is not in force.
#[derive(Serialize, ToSchema)]
struct PiiPolicyProposed {
    /// The version.
    version: i32,
    /// SHA-256 of the version as it is stored, samples included, in hexadecimal digits.
    sha256: String,
    /// Whether it passed; otherwise it cannot be put into force.
    passed: bool,
    /// How many samples there were.
    samples: usize,
    /// What was not as it was to be.
    failures: Vec<PiiSampleFailure>,
}

/// What is told of a version.
#[derive(Serialize, ToSchema)]
struct PiiPolicyVersionEntry {
    /// The version.
    version: i32,
    /// SHA-256 of the version as it is stored, in hexadecimal digits.
    sha256: String,
    /// Who proposed it, as `/v1/me` names the bearer.
    proposed_by: Uuid,
    /// When (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    proposed_at: OffsetDateTime,
    /// Whether it has passed its test over the platform's present floor; absent if it was not tested over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
    /// Whether it is in force.
    active: bool,
}

/// The tenant's versions.
#[derive(Serialize, ToSchema)]
struct PiiPolicyVersions {
    /// The versions, newest first.
    items: Vec<PiiPolicyVersionEntry>,
    /// Whether these are all; otherwise they are the newest 200.
    complete: bool,
}

/// A policy that is now in force.
#[derive(Serialize, ToSchema)]
struct PiiPolicyActivated {
    /// The version.
    version: i32,
    /// Counts the activations; the entity tag is made of it.
    revision: i64,
}

/// Another policy and texts to try it on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiPreviewBody {
    /// The other policy.
    policy: PiiPolicyBody,
    /// Between 1 and 32 texts, together no longer than one text may be. Nothing of them is kept.
    texts: Vec<String>,
}

/// A value that both policies find and treat in two ways.
#[derive(Serialize, ToSchema)]
struct PiiChange {
    /// As the policy in force does.
    before: PiiFinding,
    /// As the other one would.
    after: PiiFinding,
}

/// What would become of one text.
#[derive(Serialize, ToSchema)]
struct PiiTextPreview {
    /// The text as the policy in force masks it.
    before: String,
    /// The text as the other one would. Its placeholders belong to no conversation.
    after: String,
    /// What the other one would find and the one in force does not.
    gained: Vec<PiiFinding>,
    /// What the one in force finds and the other one would not.
    lost: Vec<PiiFinding>,
    /// What both find and treat in two ways.
    changed: Vec<PiiChange>,
}

/// What would become of texts, in their order.
#[derive(Serialize, ToSchema)]
struct PiiPreview {
    /// The texts.
    items: Vec<PiiTextPreview>,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let current = RouteSpec::new("GET /v1/pii/policy", "pii_policy_read", "The policy in force.")
        .rate(RateClass::Read)
        .answers(
            200,
            "The policy; the entity tag is its revision.",
            Some(Content::json::<PiiPolicyInForce>()),
        );
    let propose = RouteSpec::new(
        "POST /v1/pii/policy",
        "pii_policy_propose",
        "Stores a new version with the texts that it is tested on, and tests it. It is not in force.",
    )
    .records(&[EventType::PiiPolicyProposed, EventType::PiiPolicyTested])
    .rate(RateClass::Write)
    .takes(Content::json::<PiiPolicyProposal>())
    .answers(
        201,
        "It is stored, and how it fared.",
        Some(Content::json::<PiiPolicyProposed>()),
    );
    let list = RouteSpec::new(
        "GET /v1/pii/policy/versions",
        "pii_policy_versions",
        "The tenant's versions, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The versions.", Some(Content::json::<PiiPolicyVersions>()));
    let read = RouteSpec::new(
        "GET /v1/pii/policy/versions/{version}",
        "pii_policy_version_read",
        "What one version says.",
    )
    .rate(RateClass::Read)
    .answers(200, "The version.", Some(Content::json::<PiiPolicyVersionRead>()));
    let preview = RouteSpec::new(
        "POST /v1/pii/policy/preview",
        "pii_policy_preview",
        "What would become of texts under another policy; nothing is kept.",
    )
    .rate(RateClass::Write)
    .takes(Content::json::<PiiPreviewBody>())
    .answers(200, "What would change.", Some(Content::json::<PiiPreview>()));
    let activate = RouteSpec::new(
        "POST /v1/pii/policy/{version}/activate",
        "pii_policy_activate",
        "Tests a version once more and puts it into force; an older version is gone back to in the same way.",
    )
    .records(&[EventType::PiiPolicyTested, EventType::PiiPolicyActivated])
    .rate(RateClass::Write)
    .header(
        precondition::NAME,
        "The entity tag of the policy in force that was read.",
    )
    .answers(200, "It is in force.", Some(Content::json::<PiiPolicyActivated>()));
    table
        .secured::<ReadPiiPolicy, _, _>(current, policy_current)
        .secured::<WritePiiPolicy, _, _>(propose, policy_propose)
        .secured::<ReadPiiPolicy, _, _>(list, policy_list)
        .secured::<ReadPiiPolicy, _, _>(read, policy_read)
        .secured::<WritePiiPolicy, _, _>(preview, policy_preview)
        .secured::<ActivatePiiPolicy, _, _>(activate, policy_activate)
}

async fn policy_current(granted: Granted<ReadPiiPolicy>, masking: web::Data<Masking>) -> Result<HttpResponse, Problem> {
    let found = masking.policy(granted.ctx()).await?;
    let (activated_by, activated_at) = found.activated.unzip();
    Ok(HttpResponse::Ok()
        .insert_header(etag(found.revision))
        .json(PiiPolicyInForce {
            version: found.version,
            revision: found.revision,
            sha256: found.digest.as_ref().map(|digest| hex(digest)),
            activated_by,
            activated_at,
            policy: found.draft.into(),
        }))
}

async fn policy_propose(
    granted: Granted<WritePiiPolicy>,
    masking: web::Data<Masking>,
    body: web::Json<PiiPolicyProposal>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let draft = body.policy.into_draft()?;
    let samples = body.samples.into_iter().map(PolicySample::from).collect();
    let proposed = masking.policy_propose(granted.ctx(), &draft, samples).await?;
    let TestOutcome { samples, failures } = proposed.test;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/pii/policy/versions/{}", proposed.version)))
        .json(PiiPolicyProposed {
            version: proposed.version,
            sha256: hex(&proposed.digest),
            passed: failures.is_empty(),
            samples,
            failures: failures.into_iter().map(failure).collect(),
        }))
}

async fn policy_list(
    granted: Granted<ReadPiiPolicy>,
    masking: web::Data<Masking>,
) -> Result<web::Json<PiiPolicyVersions>, Problem> {
    let found = masking.policy_versions(granted.ctx()).await?;
    Ok(web::Json(PiiPolicyVersions {
        complete: found.len() < VERSIONS_MAX,
        items: found.into_iter().map(entry).collect(),
    }))
}

async fn policy_read(
    granted: Granted<ReadPiiPolicy>,
    masking: web::Data<Masking>,
    version: web::Path<i32>,
) -> Result<web::Json<PiiPolicyVersionRead>, Problem> {
    let found = masking.policy_version(granted.ctx(), version.into_inner()).await?;
    Ok(web::Json(PiiPolicyVersionRead {
        version: found.version,
        sha256: found.digest.as_ref().map(|digest| hex(digest)),
        policy: found.draft.into(),
    }))
}

async fn policy_preview(
    granted: Granted<WritePiiPolicy>,
    masking: web::Data<Masking>,
    body: web::Json<PiiPreviewBody>,
) -> Result<web::Json<PiiPreview>, Problem> {
    let body = body.into_inner();
    let draft = body.policy.into_draft()?;
    let shown = masking.policy_preview(granted.ctx(), &draft, phi(body.texts)).await?;
    Ok(web::Json(PiiPreview {
        items: shown.into_iter().map(text_preview).collect(),
    }))
}

async fn policy_activate(
    granted: Granted<ActivatePiiPolicy>,
    masking: web::Data<Masking>,
    version: web::Path<i32>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    let version = version.into_inner();
    let revision = masking.policy_activate(granted.ctx(), version, expected.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(revision))
        .json(PiiPolicyActivated { version, revision }))
}

fn failure(failure: SampleFailure) -> PiiSampleFailure {
    PiiSampleFailure {
        sample: failure.sample,
        expected: if failure.left { "hides" } else { "keeps" },
        expectation: failure.expectation,
    }
}

fn entry(version: PolicyVersion) -> PiiPolicyVersionEntry {
    PiiPolicyVersionEntry {
        version: version.version,
        sha256: hex(&version.digest),
        proposed_by: version.proposed_by,
        proposed_at: version.proposed_at,
        passed: version.passed,
        active: version.active,
    }
}

fn text_preview(preview: SamplePreview) -> PiiTextPreview {
    let list = |found: Vec<_>| found.into_iter().map(PiiFinding::from).collect();
    PiiTextPreview {
        before: preview.before.into_string(),
        after: preview.after.into_string(),
        gained: list(preview.gained),
        lost: list(preview.lost),
        changed: preview
            .changed
            .into_iter()
            .map(|(before, after)| PiiChange {
                before: before.into(),
                after: after.into(),
            })
            .collect(),
    }
}

fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
