//! Ended sessions: the list that all servers of a deployment share, how it gets into memory, and who adds to it.

use bearingwall_authn::{AuthnError, BearerVerifier, BoxFuture, Revocation, RevocationOf, Revocations};
use bearingwall_core::{Classified, Clock, ErrorKind, RequestId, SystemClock};
use bearingwall_http::{Problem, SignOut};
use bearingwall_telemetry::error_chain;
use bearingwall_tenancy::revocations::{Of, Revoke, Revoked};
use bearingwall_tenancy::{TenancyError, TenantPool};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The pause between two looks at the list: what another server was told is known here after that.
const INTERVAL: Duration = Duration::from_secs(1);

/// Every so many reads the list is read whole.
const FROM_THE_BEGINNING: u64 = 60;

/// Reads the list again and again.
pub(crate) struct RevocationWatch {
    pub(crate) pool: TenantPool,
    pub(crate) list: Arc<Revocations>,
    /// What to do at once.
    pub(crate) added: Arc<Notify>,
    version: AtomicI64,
    reads: AtomicU64,
}

impl RevocationWatch {
    pub(crate) fn new(pool: TenantPool, list: Arc<Revocations>) -> Self {
        Self {
            pool,
            list,
            added: Arc::new(Notify::new()),
            version: AtomicI64::new(0),
            reads: AtomicU64::new(0),
        }
    }

    /// Reads at every interval, until it is dropped.
    pub(crate) async fn watch(&self) -> Infallible {
        let mut failing = false;
        loop {
            // No answer at all must end too, or the list would only grow old in silence.
            let read = tokio::time::timeout(INTERVAL * 5, self.read()).await;
            let error = match read {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error_chain(&error)),
                Err(_) => Some("the database does not answer in time".to_owned()),
            };
            if let (Some(error), false) = (&error, failing) {
                tracing::error!(
                    error,
                    "the list of ended sessions cannot be read: soon nobody is let in"
                );
            } else if error.is_none() && failing {
                tracing::info!("the list of ended sessions is read again");
            }
            failing = error.is_some();
            tokio::select! {
                () = self.added.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// What was added since the last time; everything where the database went back.
    // CONTROL: AUT-4
    pub(crate) async fn read(&self) -> Result<(), TenancyError> {
        let began_ms = SystemClock.unix_ms();
        // From the beginning now and then: a database that went back, as to a replica that lagged, and was added to since
        // stands at a version that tells nothing.
        let begins = self
            .reads
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(FROM_THE_BEGINNING);
        let known = if begins {
            0
        } else {
            self.version.load(Ordering::Acquire)
        };
        let (mut stands_at, mut rows) = self.pool.revocations(known).await?;
        let went_back = stands_at < known;
        if went_back {
            (stands_at, rows) = self.pool.revocations(0).await?;
        }
        let new: Vec<Revocation> = rows
            .into_iter()
            .map(|row| Revocation {
                of: match row.of {
                    Of::Session => RevocationOf::Session,
                    Of::Subject => RevocationOf::Subject,
                    Of::Sessionless => RevocationOf::Sessionless,
                },
                key: row.key,
                not_before_s: row.not_before_s,
                until_s: row.until_s,
            })
            .collect();
        self.list.refreshed(began_ms, &new, went_back || known == 0);
        self.version.store(stands_at, Ordering::Release);
        Ok(())
    }
}

/// A logout token that was used before.
#[derive(Debug, thiserror::Error)]
#[error("the logout token was used before")]
struct Replayed;

impl Classified for Replayed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unauthenticated
    }

    fn code(&self) -> &'static str {
        "SRV-008"
    }
}

/// Takes the providers' logout tokens.
pub(crate) struct ProvidersSignOut {
    pub(crate) verifier: Arc<BearerVerifier>,
    pub(crate) pool: TenantPool,
    /// As long as a token may live, and a little more for clocks.
    pub(crate) lasting: Duration,
    pub(crate) added: Arc<Notify>,
}

impl SignOut for ProvidersSignOut {
    fn ended<'a>(
        &'a self,
        logout_token: &'a str,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            let said = self.verifier.logout(logout_token).await?;
            let what = match (said.session, said.subject) {
                (Some(session), subject) => Revoked::Session(session, subject.map(|subject| (subject, said.issued_s))),
                (None, Some(subject)) => Revoked::Subject(subject, said.issued_s),
                (None, None) => return Err(Problem::from(AuthnError::Claim { claim: "sub" })),
            };
            let order = Revoke {
                what,
                lasting: self.lasting,
                once: Some(said.token),
                actor: said.subject,
                request,
                route,
            };
            let done = self.pool.revoke(order).await?;
            self.added.notify_one();
            if done { Ok(()) } else { Err(Problem::from(Replayed)) }
        })
    }
}
