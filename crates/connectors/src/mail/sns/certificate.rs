//! The certificates that SNS signs with: where they come from, how far they are believed, and their keys.

use super::{SnsError, TopicArn};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use futures_core::future::BoxFuture;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_cert::Certificate;
use x509_cert::der::Encode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// For how long a key is used before its certificate is fetched again, in seconds.
const HELD_S: i64 = 86_400;

/// How many keys are held: SNS has one at a time in each region.
const MOST_HELD: usize = 16;

/// How often certificates are fetched within a minute, whatever is posted.
const FETCHES_PER_MINUTE: usize = 10;

/// Bytes of a PEM file with a chain.
const PEM_MAX_BYTES: usize = 65_536;

/// Certificates of one file.
const MOST_CERTIFICATES: usize = 6;

/// How far the signing certificate is followed.
#[derive(Clone)]
pub enum Chain {
    /// It is believed because the pinned host has served it over TLS: SNS serves the certificate alone, without those above
    /// it. Its validity, its name and its key are checked.
    AsServed,
    /// It must lead to one of these anchors as well, over what else the file holds.
    Anchored(Vec<TrustAnchor<'static>>),
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsServed => f.write_str("AsServed"),
            Self::Anchored(anchors) => write!(f, "Anchored({})", anchors.len()),
        }
    }
}

/// The address of a signing certificate: `https://sns.<region>.amazonaws.com/SimpleNotificationService-<id>.pem`, of the
/// topic's own region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateUrl(Url);

impl CertificateUrl {
    /// Takes an address that leads to the host of this topic.
    ///
    /// # Errors
    ///
    /// [`SnsError::ForeignAddress`].
    // CONTROL: MAI-4
    pub fn parse(text: &str, topic: &TopicArn) -> Result<Self, SnsError> {
        let url = Url::parse(text).map_err(|_| SnsError::ForeignAddress)?;
        let id = url
            .path()
            .strip_prefix("/SimpleNotificationService-")
            .and_then(|rest| rest.strip_suffix(".pem"))
            .unwrap_or_default();
        // The text as a whole: what a parser has mended is refused.
        let whole = format!("https://{}/SimpleNotificationService-{id}.pem", topic.host());
        let fit = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fit && text == whole {
            Ok(Self(url))
        } else {
            Err(SnsError::ForeignAddress)
        }
    }

    /// The address.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

/// What fetches certificates: over TLS with the host's certificate verified, without redirects, within a time limit.
pub trait CertificateSource: Send + Sync {
    /// The PEM file.
    fn fetch<'a>(&'a self, url: &'a CertificateUrl) -> BoxFuture<'a, Result<Vec<u8>, Box<dyn Error + Send + Sync>>>;
}

/// A key that signs for SNS.
#[derive(Clone)]
pub(super) struct SigningKey {
    /// The RSA public key (RFC 8017, appendix A.1.1).
    public: Arc<[u8]>,
    until_s: i64,
}

impl SigningKey {
    pub(super) fn verify(&self, text: &[u8], signature: &[u8], sha1: bool) -> Result<(), SnsError> {
        let algorithm = if sha1 {
            &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
        } else {
            &RSA_PKCS1_2048_8192_SHA256
        };
        UnparsedPublicKey::new(algorithm, &self.public)
            .verify(text, signature)
            .map_err(|_| SnsError::Signature)
    }
}

/// The keys by address of their certificate.
pub(super) struct Keys {
    source: Arc<dyn CertificateSource>,
    chain: Chain,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    keys: HashMap<CertificateUrl, SigningKey>,
    fetched_s: VecDeque<i64>,
}

impl Keys {
    pub(super) fn new(source: Arc<dyn CertificateSource>, chain: Chain) -> Self {
        Self {
            source,
            chain,
            held: Mutex::default(),
        }
    }

    pub(super) async fn key(&self, url: &CertificateUrl, now: OffsetDateTime) -> Result<SigningKey, SnsError> {
        if let Some(key) = self.held_or_admitted(url, now.unix_timestamp())? {
            return Ok(key);
        }
        let pem = self
            .source
            .fetch(url)
            .await
            .map_err(|source| SnsError::Unavailable { source })?;
        let host = url.0.host_str().unwrap_or_default();
        let key = signing_key(&pem, host, now, &self.chain)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.keys.len() >= MOST_HELD {
            held.keys.clear();
        }
        held.keys.insert(url.clone(), key.clone());
        Ok(key)
    }

    /// The key, or the permission to fetch it. Whoever posts nonsense makes us fetch only so often.
    fn held_or_admitted(&self, url: &CertificateUrl, now_s: i64) -> Result<Option<SigningKey>, SnsError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = held.keys.get(url).filter(|key| now_s < key.until_s) {
            return Ok(Some(key.clone()));
        }
        while held.fetched_s.front().is_some_and(|at| now_s.saturating_sub(*at) >= 60) {
            held.fetched_s.pop_front();
        }
        if held.fetched_s.len() >= FETCHES_PER_MINUTE {
            return Err(SnsError::Unavailable {
                source: "certificates are fetched ten times a minute at most".into(),
            });
        }
        held.fetched_s.push_back(now_s);
        Ok(None)
    }
}

/// The key of the first certificate of a PEM file.
fn signing_key(pem: &[u8], host: &str, now: OffsetDateTime, chain: &Chain) -> Result<SigningKey, SnsError> {
    let refuse = |reason| SnsError::Certificate { reason };
    if pem.len() > PEM_MAX_BYTES {
        return Err(refuse("the file is too large"));
    }
    let all = Certificate::load_pem_chain(pem).map_err(|_| refuse("the file is no PEM of certificates"))?;
    if all.len() > MOST_CERTIFICATES {
        return Err(refuse("the file has too many certificates"));
    }
    let leaf = all.first().ok_or(refuse("the file is empty"))?;
    let until_s = check_validity(leaf, now)?;
    let names = service_names(host);
    if !is_named(leaf, &names)? {
        return Err(refuse("it is another service's"));
    }
    if let Chain::Anchored(anchors) = chain {
        check_chain(&all, anchors, &names, now)?;
    }
    let key = &leaf.tbs_certificate.subject_public_key_info;
    if key.algorithm.oid.to_string() != "1.2.840.113549.1.1.1" {
        return Err(refuse("its key is no RSA key"));
    }
    let public = key
        .subject_public_key
        .as_bytes()
        .ok_or(refuse("its key does not parse"))?;
    Ok(SigningKey {
        public: public.into(),
        until_s: until_s.min(now.unix_timestamp().saturating_add(HELD_S)),
    })
}

/// SNS signs as `sns.amazonaws.com`, or as the host of its region.
fn service_names(host: &str) -> Vec<String> {
    let service = if host.ends_with(".cn") {
        "sns.amazonaws.com.cn"
    } else {
        "sns.amazonaws.com"
    };
    vec![service.to_owned(), host.to_owned()]
}

fn check_validity(leaf: &Certificate, now: OffsetDateTime) -> Result<i64, SnsError> {
    let validity = &leaf.tbs_certificate.validity;
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let from = seconds(validity.not_before.to_unix_duration());
    let until = seconds(validity.not_after.to_unix_duration());
    if (from..until).contains(&now.unix_timestamp()) {
        Ok(until)
    } else {
        Err(SnsError::Certificate {
            reason: "it is not valid at this time",
        })
    }
}

fn is_named(leaf: &Certificate, names: &[String]) -> Result<bool, SnsError> {
    let malformed = |_| SnsError::Certificate {
        reason: "its names do not parse",
    };
    let alternative: Option<(bool, SubjectAltName)> = leaf.tbs_certificate.get().map_err(malformed)?;
    let named = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => names.iter().any(|wanted| name.as_str().eq_ignore_ascii_case(wanted)),
        _ => false,
    };
    Ok(alternative.is_some_and(|(_, alternative)| alternative.0.iter().any(named)))
}

fn check_chain(
    all: &[Certificate],
    anchors: &[TrustAnchor<'static>],
    names: &[String],
    now: OffsetDateTime,
) -> Result<(), SnsError> {
    let refuse = |reason| SnsError::Certificate { reason };
    let ders = all
        .iter()
        .map(|certificate| certificate.to_der().map(CertificateDer::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| refuse("it cannot be written"))?;
    let (leaf, above) = ders.split_first().ok_or(refuse("the file is empty"))?;
    let leaf = EndEntityCert::try_from(leaf).map_err(|_| refuse("it does not parse"))?;
    let at = u64::try_from(now.unix_timestamp()).map_err(|_| refuse("the clock is before 1970"))?;
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        anchors,
        above,
        UnixTime::since_unix_epoch(Duration::from_secs(at)),
        KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|_| refuse("it leads to no anchor"))?;
    let named = names.iter().any(|name| {
        ServerName::try_from(name.as_str()).is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    });
    if named {
        Ok(())
    } else {
        Err(refuse("it is another service's"))
    }
}
