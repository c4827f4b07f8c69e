//! Sessions of one login: checked out, used for one transaction, cleaned and given back, or closed.

use crate::error::TenancyError;
use crate::pool::PoolConfig;
use crate::pooler::Manner;
use crate::session::{Door, Session, SessionManager, clean};
use crate::tx::{COMMIT, End, Prefix, Start, TenantTx, commit_entered};
use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, QueueMode, Timeouts};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::sync::Mutex;
use uuid::Uuid;

/// The connections of one login.
pub(crate) struct Sessions {
    pool: Pool<SessionManager>,
}

impl Sessions {
    pub(crate) fn new(config: PoolConfig, door: Door) -> Result<Self, TenancyError> {
        let manager = SessionManager {
            manner: Manner::new(config.pooler, config.statement_timeout),
            address: config.address,
            password: config.password,
            login: config.login,
            max_lifetime: config.max_lifetime,
            worked: Mutex::default(),
            statement_timeout: config.statement_timeout,
            door,
        };
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            // The session used last has its plans and its backend's memory still warm.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(config.acquire_timeout),
                create: Some(config.acquire_timeout),
                recycle: Some(config.acquire_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| TenancyError::Dial(error.into()))?;
        Ok(Self { pool })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that checks connections out"
    )]
    pub(crate) async fn lease(&self) -> Result<Lease, TenancyError> {
        self.pool.get().await.map(Lease::new).map_err(|error| match error {
            PoolError::Backend(error) => error,
            _ => TenancyError::Busy,
        })
    }
}

/// A session in use. Dropped in the middle of anything, it takes its connection with it: nothing half-done is reused.
pub(crate) struct Lease {
    object: Option<Object<SessionManager>>,
}

impl Lease {
    fn new(mut object: Object<SessionManager>) -> Self {
        object.clean = false;
        Self { object: Some(object) }
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.object.as_deref()
    }

    /// Gives the session back as it is, after statements whose text was fixed when the program was built: nothing of a
    /// request but bind values was in them, and those leave nothing behind that the transaction's end does not take.
    pub(crate) fn release_as_it_is(mut self) {
        if let Some(mut object) = self.object.take() {
            object.clean = true;
        }
    }

    /// Gives the session back after a transaction with free text in it. It is cleaned before the pool sees it again,
    /// outside of the request's time.
    // CONTROL: TEN-4
    #[expect(
        clippy::disallowed_methods,
        reason = "cleaning belongs to the pool, not to the request's span"
    )]
    pub(crate) fn release(mut self) {
        let Some(mut object) = self.object.take() else { return };
        tokio::spawn(async move {
            match clean(&object).await {
                Ok(()) => object.clean = true,
                Err(error) => {
                    tracing::warn!(error = %error, "a database session could not be cleaned and is closed");
                    drop(Object::take(object));
                }
            }
        });
    }

    /// Asks the session for something ahead of a transaction. A refusal of the caller's own proof costs no connection;
    /// anything else that fails does.
    pub(crate) async fn keep_on_refusal<T>(
        self,
        ask: impl AsyncFnOnce(&Session) -> Result<T, TenancyError>,
    ) -> Result<(Self, T), TenancyError> {
        let answer = ask(self.session().ok_or(TenancyError::Busy)?).await;
        match answer {
            Ok(answer) => Ok((self, answer)),
            Err(error) => {
                if matches!(
                    error,
                    TenancyError::ProofRejected | TenancyError::ForeignProof | TenancyError::NoProof
                ) {
                    self.release_as_it_is();
                }
                Err(error)
            }
        }
    }

    /// One transaction: what `begin` sends goes ahead of the first statement of `work`. It is committed only in the context
    /// of `request`, where the work has one.
    pub(crate) async fn conclude<T, E, W>(
        self,
        begin: impl FnOnce(&Session) -> Prefix<'_>,
        work: W,
        ahead: Ahead,
        request: Option<Uuid>,
    ) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let session = self.session().ok_or(TenancyError::Busy)?;
        let tx = TenantTx::new(
            &session.connection,
            begin(session),
            ahead == Ahead::Record { free_text: true },
        );
        let must_start = ahead != Ahead::Nothing;
        let (answer, reuse) = conclude(&session.connection, tx, work, must_start, request).await;
        match reuse {
            Reuse::AsItIs => self.release_as_it_is(),
            Reuse::Cleaned => self.release(),
            Reuse::No => drop(self),
        }
        answer
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// What goes ahead of the work beside the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// Nothing: work that sends no statement needs no transaction.
    Nothing,
    /// A record, which is written whatever the work sends.
    Record {
        /// Its text was made at run time.
        free_text: bool,
    },
}

/// Whether the session may be used again.
enum Reuse {
    AsItIs,
    Cleaned,
    No,
}

async fn conclude<'c, T, E, W>(
    connection: &'c AsyncPgConnection,
    mut tx: TenantTx<'c>,
    work: W,
    must_start: bool,
    request: Option<Uuid>,
) -> (Result<T, E>, Reuse)
where
    E: From<TenancyError>,
    W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
{
    let mut answer = work(&mut tx).await;
    if must_start {
        tx.start().await;
    }
    let End {
        start,
        doubtful,
        free_text,
    } = tx.end();
    match start {
        Start::Waiting(_) => return (answer, Reuse::AsItIs),
        Start::Open => {}
        // The reason why the transaction never began wins over what the work made of the failed statement.
        // SECURITY: where the reason is not the tenant's own, the session may be what is broken, and is given up.
        Start::Failed(Some(failure @ (TenancyError::NotActive | TenancyError::RegionNotServed))) => {
            answer = Err(failure.into());
        }
        Start::Failed(Some(failure)) => return (Err(failure.into()), Reuse::No),
        Start::Failed(None) | Start::Sent => return (answer.and(Err(TenancyError::Interrupted.into())), Reuse::No),
    }
    let reuse = match (doubtful, free_text) {
        (true, _) => Reuse::No,
        (false, true) => Reuse::Cleaned,
        (false, false) => Reuse::AsItIs,
    };
    let commit = if free_text {
        commit_entered(request)
    } else {
        COMMIT.to_owned()
    };
    let mut end = connection;
    match answer {
        Ok(value) => match end.batch_execute(&commit).await {
            Ok(()) => (Ok(value), reuse),
            Err(error) => (Err(TenancyError::NotCommitted(error).into()), Reuse::No),
        },
        Err(error) => match end.batch_execute("ROLLBACK").await {
            Ok(()) => (Err(error), reuse),
            Err(_) => (Err(error), Reuse::No),
        },
    }
}
