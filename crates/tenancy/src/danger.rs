//! Raw connections, for the operator's tools and the tests only: nothing here knows a tenant.

use crate::address::DatabaseAddress;
use crate::error::TenancyError;
use crate::login::{self, Login};
use bearingwall_core::Sensitive;
use std::sync::Arc;
use tokio_postgres::{Client, Connection, NoTls, Socket, tls::TlsConnect};

/// Opens a connection and drives it in the background until the client is dropped.
///
/// # Errors
/// [`TenancyError::Dial`] when the server cannot be reached, refuses the login or shows a certificate that does not verify.
pub async fn dial(address: &DatabaseAddress, password: Option<&Sensitive<String>>) -> Result<Client, TenancyError> {
    dial_with(address, password, None).await
}

/// As [`dial`], with what a login shows now; once more, if that has just turned.
///
/// # Errors
/// As [`dial`], and when it cannot be fetched.
pub async fn dial_as(address: &DatabaseAddress, login: Option<&Login>) -> Result<Client, TenancyError> {
    let Some(login) = login else {
        return dial(address, None).await;
    };
    match dial(address, Some(&login.fetch().await?)).await {
        Err(error) if login::is_refusal(&error) && login.refused() => dial(address, Some(&login.fetch().await?)).await,
        dialled => dialled,
    }
}

/// As [`dial`], with options in the start-up packet.
pub(crate) async fn dial_with(
    address: &DatabaseAddress,
    password: Option<&Sensitive<String>>,
    options: Option<&str>,
) -> Result<Client, TenancyError> {
    let mut config = with_password(address, password);
    if let Some(options) = options {
        config.options(options);
    }
    if address.is_remote() {
        let (client, connection) = connect(&config, tls(address)?).await?;
        drive(connection);
        Ok(client)
    } else {
        let (client, connection) = connect(&config, NoTls).await?;
        drive(connection);
        Ok(client)
    }
}

#[expect(clippy::disallowed_methods, reason = "the login is what the password is for")]
pub(crate) fn with_password(address: &DatabaseAddress, password: Option<&Sensitive<String>>) -> tokio_postgres::Config {
    let mut config = address.config().clone();
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is the one place that opens connections"
)]
pub(crate) async fn connect<T>(
    config: &tokio_postgres::Config,
    tls: T,
) -> Result<(Client, Connection<Socket, T::Stream>), TenancyError>
where
    T: tokio_postgres::tls::MakeTlsConnect<Socket>,
    T::TlsConnect: TlsConnect<Socket>,
{
    config
        .connect(tls)
        .await
        .map_err(|error| TenancyError::Dial(error.into()))
}

#[expect(clippy::disallowed_methods, reason = "the connection's task belongs to no request")]
fn drive<S>(connection: Connection<Socket, S>)
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "database connection ended");
        }
    });
}

/// TLS 1.2 or newer with the server's name verified; there is no weaker mode to choose.
pub(crate) fn tls(address: &DatabaseAddress) -> Result<tokio_postgres_rustls::MakeRustlsConnect, TenancyError> {
    let mut roots = rustls::RootCertStore::empty();
    let certificates = match address.root_file() {
        Some(file) => {
            use rustls::pki_types::{CertificateDer, pem::PemObject};
            CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| TenancyError::Dial(error.to_string().into()))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(TenancyError::Dial(
            "no certificate authority to verify the database with".into(),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TenancyError::Dial(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}
